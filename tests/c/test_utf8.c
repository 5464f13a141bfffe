/* SPDX-License-Identifier: MIT
** test_utf8.c - validity at the borders of every range, and repair as the Encoding Standard says: one U+FFFD for
** each maximal part that begins a character but ends none.
*/
#include "../../csrc/core/utf8.h"
#include "check.h"
#include "suites.h"

#define FFFD "\xef\xbf\xbd"

static const char *const valid[] = {
  "",
  "plain ASCII, longer than one step of the scanner",
  "\x7f",
  "\xc2\x80",         /* U+0080 */
  "\xdf\xbf",         /* U+07FF */
  "\xe0\xa0\x80",     /* U+0800 */
  "\xed\x9f\xbf",     /* U+D7FF, below the surrogates */
  "\xee\x80\x80",     /* U+E000, above them */
  "\xef\xbf\xbf",     /* U+FFFF, a noncharacter and valid */
  "\xf0\x90\x80\x80", /* U+10000 */
  "\xf4\x8f\xbf\xbf", /* U+10FFFF */
  "0123456789abcde\xc3\xa9",
  "0123456789abcdef\xf0\x9f\x8e\x89 0123456789abcdef",
};

/* Text, how much of it is valid, and what it becomes. */
static const struct {
  const char *text;
  size_t good;
  const char *repaired;
} broken[] = {
  { "\x80", 0, FFFD },
  { "a\xff"
    "b",
    1, "a" FFFD "b" },
  { "\xc0\xaf", 0, FFFD FFFD }, /* overlong: two bytes, neither begins anything */
  { "\xc1\xbf", 0, FFFD FFFD },
  { "\xe0\x9f\xbf", 0, FFFD FFFD FFFD },          /* overlong of three */
  { "\xed\xa0\x80", 0, FFFD FFFD FFFD },          /* a surrogate */
  { "\xf0\x8f\xbf\xbf", 0, FFFD FFFD FFFD FFFD }, /* overlong of four */
  { "\xf4\x90\x80\x80", 0, FFFD FFFD FFFD FFFD }, /* above U+10FFFF */
  { "\xf5\x80", 0, FFFD FFFD },
  { "\xe2\x82", 0, FFFD }, /* cut at the end */
  { "\xe2\x82"
    "a",
    0, FFFD "a" },
  { "\xf0\x9f\x8e", 0, FFFD },
  { "\xf0\x9f\x8e\xc3\xa9", 0, FFFD "\xc3\xa9" }, /* cut by another character */
  { "\xc3\xa9\xc3", 2, "\xc3\xa9" FFFD },
  { "0123456789abcdef\xc3", 16, "0123456789abcdef" FFFD },
};

static void test_valid(void) {
  check_case("utf8: valid");
  for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++)
    CHECK_INT(ogl_utf8_valid(valid[i], strlen(valid[i])), strlen(valid[i]));
}

static void test_repair(void) {
  struct ogl_buf b;
  check_case("utf8: broken and repaired");
  ogl_buf_init(&b, 1000, OGL_ERR_FRAME);
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    size_t n = strlen(broken[i].text);
    ogl_buf_reset(&b);
    CHECK_INT(ogl_utf8_valid(broken[i].text, n), broken[i].good);
    CHECK_INT(ogl_utf8_repair(&b, broken[i].text, n), 0);
    CHECK_TEXT(ogl_buf_span(&b), broken[i].repaired);
  }
  ogl_buf_clear(&b);
}

static void test_ceiling(void) {
  struct ogl_buf b;
  check_case("utf8: repair passes the ceiling on");
  ogl_buf_init(&b, 5, OGL_ERR_FRAME);
  CHECK_INT(ogl_utf8_repair(&b, "\xff\xff", 2), OGL_ERR_FRAME);
  ogl_buf_clear(&b);
}

/* Every character, written and found valid; every surrogate, written and found invalid. */
static void test_all(void) {
  int wrong = 0;
  check_case("utf8: every character there is");
  for (unsigned c = 0; c < 0x110000; c++) {
    char text[4];
    size_t n = ogl_utf8_put(text, c), good = ogl_utf8_valid(text, n);
    int surrogate = c >= 0xd800 && c <= 0xdfff;
    if (n != (c < 0x80 ? 1u : c < 0x800 ? 2u : c < 0x10000 ? 3u : 4u)) wrong++;
    if (good != (surrogate ? 0 : n)) wrong++;
  }
  CHECK_INT(wrong, 0);
}

void test_utf8(void) {
  test_valid();
  test_repair();
  test_ceiling();
  test_all();
}
