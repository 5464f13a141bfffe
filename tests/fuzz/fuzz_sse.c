/* SPDX-License-Identifier: MIT
** fuzz_sse.c - any bytes as Server-Sent Events, in both modes, with and without a content type.
*/
#include "framer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check_framer("text/event-stream", OGL_SSE_LLM, data, size);
  check_framer(NULL, OGL_SSE_WHATWG, data, size);
  check_framer(NULL, OGL_SSE_LLM, data, size);
  return 0;
}
