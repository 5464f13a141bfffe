/* SPDX-License-Identifier: MIT
** fuzz_http1.c - any bytes as an answer of HTTP/1.1, to a method that the last byte chooses: the same however they are cut, and
** within memory.
*/
#include "../c/answers.h"
#include "must.h"

static void play(struct ogl_buf *log, const char *method, struct ogl_span s, size_t first, size_t step) {
  struct ogl_span name = { method, strlen(method) };
  struct ogl_http1 h;
  ogl_buf_init(log, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_http1_init(&h, name);
  int code = answers_play(log, &h, s, first, step);
  MUST(code == OGL_HTTP1_END || code == h.err);
  MUST(h.received <= s.n);
  MUST(h.part.cap + h.lines.cap <= 4 * s.n + 4 * 256);
  MUST(h.err != OGL_ERR_MALFORMED || h.why);
  ogl_http1_clear(&h);
}

static void check_split(const char *method, const struct ogl_buf *whole, struct ogl_span s, size_t first, size_t step) {
  struct ogl_buf split;
  play(&split, method, s, first, step);
  must_equal(whole, &split);
  ogl_buf_clear(&split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const methods[] = { "GET", "HEAD", "CONNECT", "POST" };
  const char *method = methods[last_byte(data, size) >> 6];
  struct ogl_span s = { (const char *)data, size };
  uint32_t cut = mixed(data, size);
  struct ogl_buf whole;
  play(&whole, method, s, 0, 0);
  check_split(method, &whole, s, 0, 1);
  check_split(method, &whole, s, size ? cut % size : 0, 0);
  check_split(method, &whole, s, cut >> 8 & 15, 1 + (cut >> 16) % 37);
  ogl_buf_clear(&whole);
  return 0;
}
