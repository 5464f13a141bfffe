/* SPDX-License-Identifier: MIT
** fuzz_ndjson.c - any bytes as lines of JSON.
*/
#include "framer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check_framer("application/x-ndjson", OGL_SSE_LLM, data, size);
  return 0;
}
