/* SPDX-License-Identifier: MIT
** fuzz_json_array.c - any bytes as the elements of an array of objects.
*/
#include <stdlib.h>
#include <string.h>

#include "framer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *array = malloc(size + 2);
  if (!array) abort();
  array[0] = '[', array[1] = '{';
  if (size) memcpy(array + 2, data, size);
  check_framer("application/json", OGL_SSE_LLM, array, size + 2);
  free(array);
  return 0;
}
