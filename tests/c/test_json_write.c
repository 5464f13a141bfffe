/* SPDX-License-Identifier: MIT
** test_json_write.c - what is written is JSON, whatever it is made from, and reads back as it was.
*/
#include "../../csrc/core/json.h"
#include "../../csrc/core/json_write.h"
#include "../../csrc/core/utf8.h"
#include "check.h"
#include "suites.h"

static struct ogl_span write_string(struct ogl_buf *b, const char *p, size_t n) {
  ogl_buf_reset(b);
  ogl_json_write_string(b, p, n);
  return ogl_buf_span(b);
}

static void test_strings(void) {
  struct ogl_buf b;
  ogl_buf_init(&b, 1000, OGL_ERR_FRAME);
  check_case("json_write: strings");
  CHECK_TEXT(write_string(&b, NULL, 0), "\"\"");
  CHECK_TEXT(write_string(&b, "a\"b\\c", 5), "\"a\\\"b\\\\c\"");
  CHECK_TEXT(write_string(&b, "\b\f\n\r\t", 5), "\"\\b\\f\\n\\r\\t\"");
  CHECK_TEXT(write_string(&b, "\0\x01\x1f", 3), "\"\\u0000\\u0001\\u001f\"");
  CHECK_TEXT(write_string(&b, "\x7f/\xe2\x80\xa8", 5), "\"\x7f/\xe2\x80\xa8\"");
  CHECK_TEXT(write_string(&b, "\xff\"\xc3", 3), "\"\xef\xbf\xbd\\\"\xef\xbf\xbd\"");
  CHECK_TEXT(write_string(&b, "\xe2\x82\n", 3), "\"\xef\xbf\xbd\\n\""); /* a character cut by an escape */
  ogl_buf_clear(&b);
}

static void test_round_trip(void) {
  struct ogl_buf b;
  char text[64], out[256];
  ogl_buf_init(&b, 1000, OGL_ERR_FRAME);
  check_case("json_write: every ASCII character at every place of a step of the scanner");
  for (int c = 0; c < 0x80; c++) {
    for (int at = 0; at < 33; at++) {
      struct ogl_json j;
      struct ogl_json_text s;
      int lone = 0;
      memset(text, 'x', 33);
      text[at] = (char)c;
      struct ogl_span want = { text, 33 }, written = write_string(&b, text, 33);
      ogl_json_open(&j, written.p, written.n);
      if (!CHECK(ogl_json_string(&j, &s) == OGL_OK && ogl_json_end(&j) == OGL_OK)) return;
      struct ogl_span got = { out, ogl_json_unescape(s, out, &lone) };
      if (!CHECK_SPAN(got, want)) return;
    }
  }
  ogl_buf_clear(&b);
}

static void test_any_bytes(void) {
  struct ogl_buf b;
  uint32_t seed = 7;
  ogl_buf_init(&b, 1000, OGL_ERR_FRAME);
  check_case("json_write: any bytes become valid JSON in valid UTF-8");
  for (int i = 0; i < 20000; i++) {
    char text[24];
    for (size_t k = 0; k < sizeof text; k++) {
      seed = seed * 1664525u + 1013904223u;
      text[k] = (char)(seed >> 24 | (k % 3 ? 0x80 : 0));
    }
    struct ogl_span s = write_string(&b, text, sizeof text);
    if (!CHECK(ogl_utf8_valid(s.p, s.n) == s.n && ogl_json_check(s.p, s.n) == OGL_OK)) break;
  }
  ogl_buf_clear(&b);
}

static void test_numbers(void) {
  struct ogl_buf b;
  ogl_buf_init(&b, 60, OGL_ERR_FRAME);
  check_case("json_write: numbers, and the ceiling");
  ogl_json_write_integer(&b, -42);
  ogl_buf_byte(&b, ' ');
  ogl_json_write_number(&b, 0.25);
  CHECK_TEXT(ogl_buf_span(&b), "-42 0.25");
  for (int i = 0; i < 60; i++) ogl_json_write_integer(&b, INT64_MIN);
  CHECK_INT(b.err, OGL_ERR_FRAME);
  ogl_buf_reset(&b);
  ogl_json_write_string(&b, "0123456789012345678901234567890123456789012345678901234567890123456789", 70);
  CHECK_INT(b.err, OGL_ERR_FRAME);
  ogl_buf_clear(&b);
}

void test_json_write(void) {
  test_strings();
  test_round_trip();
  test_any_bytes();
  test_numbers();
}
