/* SPDX-License-Identifier: MIT
** fuzz_json.c - any bytes as JSON: skipping says what reading says; numbers are strtod's; strings are valid UTF-8
** where the text is, and come back from the writer as they were; what a text is cut short of makes it incomplete,
** not wrong.
*/
#include <string.h>

#include "../../csrc/core/json.h"
#include "../../csrc/core/json_write.h"
#include "../c/walk.h"
#include "must.h"

static void check_number(struct ogl_span raw) {
  struct ogl_number v;
  char *text = malloc(raw.n + 1), *end;
  if (!text) abort();
  memcpy(text, raw.p, raw.n);
  text[raw.n] = 0;
  double want = strtod(text, &end);
  MUST(ogl_number_read(raw.p, raw.p + raw.n, &v) == raw.p + raw.n);
  MUST(end == text + raw.n && memcmp(&want, &v.d, sizeof want) == 0);
  free(text);
}

/* The string, without escapes, written and read again. */
static void check_string(struct ogl_json_text text) {
  struct ogl_buf plain, written;
  struct ogl_json j;
  struct ogl_json_text again;
  int lone = 0, none = 0;
  ogl_buf_init(&plain, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&written, OGL_MAX_BODY, OGL_ERR_BODY);
  char *room = ogl_buf_room(&plain, 2 * text.raw.n + 1);
  size_t n = ogl_json_unescape(text, room, &lone);
  MUST(n <= text.raw.n);
  if (ogl_utf8_valid(text.raw.p, text.raw.n) == text.raw.n) {
    MUST(ogl_utf8_valid(room, n) == n);
    ogl_json_write_string(&written, room, n);
    ogl_json_open(&j, ogl_buf_span(&written).p, written.n);
    MUST(ogl_json_string(&j, &again) == OGL_OK && ogl_json_end(&j) == OGL_OK);
    char *back = malloc(again.raw.n + 1);
    if (!back) abort();
    MUST(ogl_json_unescape(again, back, &none) == n && memcmp(back, room, n) == 0 && !none);
    free(back);
  }
  ogl_buf_clear(&plain);
  ogl_buf_clear(&written);
}

/* Every string and number of a valid text, in whatever place: quotes only stand around strings, keys among them. */
static void check_scalars(struct ogl_span s) {
  struct ogl_json j;
  struct ogl_json_text text;
  struct ogl_span raw;
  for (const char *p = s.p, *end = s.p + s.n; p < end;) {
    ogl_json_open(&j, p, (size_t)(end - p));
    int kind = ogl_json_peek(&j);
    if (kind == '"') {
      MUST(ogl_json_string(&j, &text) == OGL_OK);
      check_string(text);
    } else if (kind == '0') {
      MUST(ogl_json_skip(&j, &raw) == OGL_OK);
      check_number(raw);
    }
    p = kind == '"' || kind == '0' ? j.p : j.p + 1;
  }
}

static void check_beginnings(struct ogl_span s) {
  struct ogl_json j;
  struct ogl_span value;
  ogl_json_open(&j, s.p, s.n);
  int kind = ogl_json_peek(&j);
  ogl_json_skip(&j, &value);
  if (kind != '{' && kind != '[' && kind != '"') return; /* a beginning of a number may be one */
  for (size_t n = 0; n < value.n; n += 1 + value.n / 64) MUST(ogl_json_check(value.p, n) == OGL_ERR_INCOMPLETE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct ogl_span s = { (const char *)data, size };
  int code = ogl_json_check(s.p, s.n);
  MUST(walk_check(s.p, s.n) == code);
  if (code != OGL_OK) return 0;
  check_scalars(s);
  check_beginnings(s);
  return 0;
}
