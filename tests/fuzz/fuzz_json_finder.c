/* SPDX-License-Identifier: MIT
** fuzz_json_finder.c - any bytes as a text that may hold a JSON value: the steps are the same however it is cut, and are valid UTF-8; where
** all of the text is JSON, its value is found; no more memory is held than a small multiple of what was fed.
*/
#include "../../csrc/core/json.h"
#include "../c/growth.h"
#include "must.h"

static void check_split(struct ogl_span s, size_t first, size_t step) {
  struct ogl_buf whole, split;
  ogl_buf_init(&whole, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&split, OGL_MAX_BODY, OGL_ERR_BODY);
  int code = growth_run(&whole, s, 0, 0);
  MUST(growth_run(&split, s, first, step) == code);
  must_equal(&whole, &split);
  must_be_utf8(ogl_buf_span(&whole));
  ogl_buf_clear(&whole);
  ogl_buf_clear(&split);
}

/* Strings with half a pair are JSON, but no text. */
static int is_json(struct ogl_span s) {
  if (ogl_utf8_valid(s.p, s.n) != s.n || ogl_json_check(s.p, s.n) != OGL_OK) return 0;
  for (size_t i = 0; i + 1 < s.n; i++)
    if (s.p[i] == '\\' && s.p[i + 1] == 'u') return 0;
  return 1;
}

static void check_whole(struct ogl_span s) {
  struct ogl_json_finder f;
  ogl_json_finder_init(&f, OGL_MAX_REPLY);
  int code = ogl_json_finder_feed(&f, s.p, s.n);
  if (code > 0) code = ogl_json_finder_finish(&f);
  MUST(!is_json(s) || code == OGL_OK);
  MUST(f.value.steps.bytes.cap + f.value.text.cap + f.value.key.cap <= 32 * s.n + 256);
  ogl_json_finder_clear(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct ogl_span s = { (const char *)data, size };
  uint32_t cut = mixed(data, size);
  check_whole(s);
  check_split(s, 0, 1);
  check_split(s, size ? cut % size : 0, 0);
  check_split(s, cut >> 8 & 15, 1 + (cut >> 16) % 37);
  return 0;
}
