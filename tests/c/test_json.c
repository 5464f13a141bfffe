/* SPDX-License-Identifier: MIT
** test_json.c - the pull reader: every kind of value, what is refused and why, and that skipping is as strict as
** reading.
*/
#include <stdlib.h>

#include "../../csrc/core/json.h"
#include "../../csrc/core/utf8.h"
#include "check.h"
#include "files.h"
#include "suites.h"
#include "walk.h"

/* --- verdicts -------------------------------------------------------------------------------------------------- */

enum { OK = OGL_OK, SHORT = OGL_ERR_INCOMPLETE, WRONG = OGL_ERR_SYNTAX, DEEP = OGL_ERR_DEPTH };

static const struct {
  const char *text;
  int code;
} verdicts[] = {
  { "null", OK },
  { " true ", OK },
  { "false", OK },
  { "0", OK },
  { "-1.5e+3", OK },
  { "\"\"", OK },
  { "[]", OK },
  { "{}", OK },
  { "\t\r\n [ ] \n", OK },
  { "{\"a\":[1,{\"b\":null}],\"c\":\"\"}", OK },
  { "\"\x7f\"", OK },
  { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83C\\udf89\"", OK },
  { "{\"\":{\"\":0}}", OK },
  { "[[],{},[]]", OK },
  /* cut short: more input could mend each */
  { "", SHORT },
  { "  ", SHORT },
  { "nul", SHORT },
  { "t", SHORT },
  { "-", SHORT },
  { "1.", SHORT },
  { "1e", SHORT },
  { "1E-", SHORT },
  { "[1e", SHORT },
  { "\"", SHORT },
  { "\"a", SHORT },
  { "\"\\", SHORT },
  { "\"\\u", SHORT },
  { "\"\\u00", SHORT },
  { "\"\\ud83c\\", SHORT },
  { "[", SHORT },
  { "[1", SHORT },
  { "[1,", SHORT },
  { "{", SHORT },
  { "{\"a", SHORT },
  { "{\"a\"", SHORT },
  { "{\"a\":", SHORT },
  { "{\"a\":1", SHORT },
  { "{\"a\":1,", SHORT },
  { "{\"a\":{\"b\":[", SHORT },
  /* wrong: nothing could */
  { "nulL", WRONG },
  { "nil", WRONG },
  { "True", WRONG },
  { "01", WRONG },
  { "-a", WRONG },
  { "1.e", WRONG },
  { "1.e5", WRONG },
  { "1e+-1", WRONG },
  { "+1", WRONG },
  { ".5", WRONG },
  { "NaN", WRONG },
  { "1 2", WRONG },
  { "[1 2]", WRONG },
  { "[1,]", WRONG },
  { "[,1]", WRONG },
  { "[1,,2]", WRONG },
  { "[,]", WRONG },
  { "]", WRONG },
  { "[}", WRONG },
  { "{]", WRONG },
  { "[1}", WRONG },
  { "{\"a\":1]", WRONG },
  { "{\"a\" 1}", WRONG },
  { "{a:1}", WRONG },
  { "{1:1}", WRONG },
  { "{\"a\":1,}", WRONG },
  { "{,}", WRONG },
  { "{\"a\":}", WRONG },
  { "{\"a\"}", WRONG },
  { "{\"a\":1 \"b\":2}", WRONG },
  { "{\"a\"::1}", WRONG },
  { "'a'", WRONG },
  { "\"\\x\"", WRONG },
  { "\"\\u12g4\"", WRONG },
  { "\"\\U0041\"", WRONG },
  { "\"\n\"", WRONG },
  { "\"\x1f\"", WRONG },
  { "\x0b[]", WRONG },
  { "\xc2\xa0[]", WRONG },
  { "[] x", WRONG },
  { "[]]", WRONG },
  { "/**/[]", WRONG },
  { "\xef\xbb\xbf{}", WRONG },
};

static void test_verdicts(void) {
  for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
    const char *text = verdicts[i].text;
    check_case("json: the verdict on %s", text);
    CHECK_INT(ogl_json_check(text, strlen(text)), verdicts[i].code);
    CHECK_INT(walk_check(text, strlen(text)), verdicts[i].code);
  }
}

static void test_nul(void) {
  check_case("json: a NUL byte is no end of input");
  CHECK_INT(ogl_json_check("[]\0", 3), WRONG);
  CHECK_INT(ogl_json_check("\0", 1), WRONG);
  CHECK_INT(walk_check("[1,\0 2]", 7), WRONG);
  CHECK_INT(ogl_json_check("[1,\0 2]", 7), WRONG);
  CHECK_INT(ogl_json_check("\"a\0b\"", 5), WRONG);
  CHECK_INT(ogl_json_check("\"\\\0\"", 4), WRONG);
}

/* --- depth ----------------------------------------------------------------------------------------------------- */

/* `open` that often, a 1, and the same number of `close`. */
static size_t nested(char *out, int depth, const char *open, char close) {
  char *p = out;
  for (int i = 0; i < depth; i++) p += strlen(strcpy(p, open));
  *p++ = '1';
  memset(p, close, (size_t)depth);
  return (size_t)(p - out) + (size_t)depth;
}

static void test_depth(void) {
  static char text[8192];
  check_case("json: the depth limit is the same for skipping and for reading");
  for (int depth = OGL_MAX_DEPTH - 1; depth <= OGL_MAX_DEPTH + 1; depth++) {
    int code = depth > OGL_MAX_DEPTH ? DEEP : OK;
    size_t n = nested(text, depth, "[", ']');
    CHECK_INT(ogl_json_check(text, n), code);
    CHECK_INT(walk_check(text, n), code);
    n = nested(text, depth, "{\"a\":", '}');
    CHECK_INT(ogl_json_check(text, n), code);
    CHECK_INT(walk_check(text, n), code);
  }
}

static void test_depth_below(void) {
  static char text[8192];
  struct ogl_json j;
  check_case("json: what was entered counts for what is skipped inside it");
  size_t n = nested(text, OGL_MAX_DEPTH + 1, "[", ']');
  ogl_json_open(&j, text, n);
  for (int i = 0; i < 100; i++) {
    CHECK_INT(ogl_json_enter(&j, '['), OK);
    CHECK_INT(ogl_json_item(&j), OK);
  }
  CHECK_INT(ogl_json_skip(&j, NULL), DEEP);
  CHECK_INT(ogl_json_skip(&j, NULL), DEEP);
}

static void test_wide(void) {
  static char text[200000];
  check_case("json: width is no depth");
  char *p = text;
  *p++ = '[';
  for (int i = 0; i < 60000; i++) p = (char *)memcpy(p, "[],", 3) + 3;
  memcpy(p, "{}]", 3);
  size_t n = (size_t)(p + 3 - text);
  CHECK_INT(ogl_json_check(text, n), OK);
  CHECK_INT(walk_check(text, n), OK);
}

/* --- values ---------------------------------------------------------------------------------------------------- */

static void test_walk(void) {
  static const char text[] =
      " { \"a\" : [ 1 , -2.5 ], \"b\":{}, \"c\" : \"x\\ny\", \"d\":[], \"e\": true , \"f\":null } ";
  struct ogl_json j;
  struct ogl_span key, raw = { "", 0 };
  struct ogl_number v;
  struct ogl_json_text s;
  check_case("json: a walk over every kind of value");
  ogl_json_open(&j, text, sizeof text - 1);
  CHECK_INT(ogl_json_peek(&j), '{');
  CHECK_INT(ogl_json_enter(&j, '{'), OK);
  CHECK(ogl_json_key(&j, &key) == OK && ogl_span_is(key, "a"));
  CHECK_INT(ogl_json_enter(&j, '['), OK);
  CHECK(ogl_json_item(&j) == OK && ogl_json_number(&j, &v) == OK && v.is_integer && v.i == 1);
  CHECK(ogl_json_item(&j) == OK && ogl_json_number(&j, &v) == OK && !v.is_integer && v.d == -2.5);
  CHECK_INT(ogl_json_item(&j), OGL_MORE);
  CHECK(ogl_json_key(&j, &key) == OK && ogl_span_is(key, "b") && ogl_json_enter(&j, '{') == OK);
  CHECK_INT(ogl_json_key(&j, &key), OGL_MORE);
  CHECK(ogl_json_key(&j, &key) == OK && ogl_span_is(key, "c") && ogl_json_peek(&j) == '"');
  CHECK(ogl_json_string(&j, &s) == OK && s.escaped);
  CHECK_TEXT(s.raw, "x\\ny");
  CHECK(ogl_json_key(&j, &key) == OK && ogl_json_skip(&j, &raw) == OK);
  CHECK_TEXT(raw, "[]");
  CHECK(ogl_json_key(&j, &key) == OK && ogl_json_peek(&j) == 't' && ogl_json_literal(&j) == OK);
  CHECK(ogl_json_key(&j, &key) == OK && ogl_json_peek(&j) == 'n' && ogl_json_literal(&j) == OK);
  CHECK_INT(ogl_json_key(&j, &key), OGL_MORE);
  CHECK_INT(ogl_json_end(&j), OK);
}

static void test_or_skip(void) {
  static const char text[] = "[{\"a\":1},\"s\",2,[3]]";
  struct ogl_json j;
  struct ogl_json_text s;
  struct ogl_number v;
  check_case("json: a value of another kind than the wanted one is skipped");
  ogl_json_open(&j, text, sizeof text - 1);
  ogl_json_enter(&j, '[');
  CHECK(ogl_json_item(&j) == OK && !ogl_json_string_or_skip(&j, &s));
  CHECK(ogl_json_item(&j) == OK && !ogl_json_number_or_skip(&j, &v));
  CHECK(ogl_json_item(&j) == OK && !ogl_json_enter_or_skip(&j, '{'));
  CHECK(ogl_json_item(&j) == OK && ogl_json_enter_or_skip(&j, '['));
  CHECK(ogl_json_item(&j) == OK && ogl_json_number_or_skip(&j, &v) && v.i == 3);
  CHECK(ogl_json_item(&j) == OGL_MORE && ogl_json_item(&j) == OGL_MORE);
  CHECK_INT(ogl_json_end(&j), OK);
}

static void test_sticky(void) {
  struct ogl_json j;
  struct ogl_span key;
  struct ogl_number v;
  struct ogl_json_text s;
  check_case("json: the first error stays");
  ogl_json_open(&j, "[1]", 3);
  CHECK_INT(ogl_json_enter(&j, '{'), WRONG);
  CHECK_INT(ogl_json_enter(&j, '['), WRONG);
  CHECK_INT(ogl_json_item(&j), WRONG);
  CHECK_INT(ogl_json_key(&j, &key), WRONG);
  CHECK_INT(ogl_json_string(&j, &s), WRONG);
  CHECK_INT(ogl_json_number(&j, &v), WRONG);
  CHECK_INT(ogl_json_literal(&j), WRONG);
  CHECK_INT(ogl_json_skip(&j, NULL), WRONG);
  CHECK_INT(ogl_json_peek(&j), 0);
  CHECK_INT(ogl_json_end(&j), WRONG);
}

/* --- strings --------------------------------------------------------------------------------------------------- */

static const struct {
  const char *raw, *text;
  int lone;
} strings[] = {
  { "", "", 0 },
  { "plain", "plain", 0 },
  { "\\\"\\\\\\/", "\"\\/", 0 },
  { "\\b\\f\\n\\r\\t", "\b\f\n\r\t", 0 },
  { "a\\u0041b\\u00e9\\u20AC", "aAb\xc3\xa9\xe2\x82\xac", 0 },
  { "\\ud83c\\udf89", "\xf0\x9f\x8e\x89", 0 },
  { "\\uD800\\uDC00\\udbff\\udfff", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 0 },
  { "\\ud83c", "\xef\xbf\xbd", 1 },
  { "\\ud83cx", "\xef\xbf\xbdx", 1 },
  { "\\udf89", "\xef\xbf\xbd", 1 },
  { "\\udf89\\ud83c", "\xef\xbf\xbd\xef\xbf\xbd", 1 },
  { "\\ud83c\\ud83c\\udf89", "\xef\xbf\xbd\xf0\x9f\x8e\x89", 1 },
  { "\\ud83c\\n", "\xef\xbf\xbd\n", 1 },
  { "\\ud83c\\u0041",
    "\xef\xbf\xbd"
    "A",
    1 },
  { "\\ud83c\\ue000\\ud83c\\udbff", "\xef\xbf\xbd\xee\x80\x80\xef\xbf\xbd\xef\xbf\xbd", 1 },
  { "\\ufffd", "\xef\xbf\xbd", 0 },
  { "long enough for the scanner's step \\u0021 and on", "long enough for the scanner's step ! and on", 0 },
};

static void test_unescape(void) {
  char quoted[128], out[128];
  for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
    struct ogl_json j;
    struct ogl_json_text s;
    int lone = 0;
    size_t n = strlen(strings[i].raw);
    check_case("json: the string %s", strings[i].raw);
    quoted[0] = quoted[n + 1] = '"';
    memcpy(quoted + 1, strings[i].raw, n);
    ogl_json_open(&j, quoted, n + 2);
    CHECK_INT(ogl_json_string(&j, &s), OK);
    CHECK_INT(s.escaped, strchr(strings[i].raw, '\\') != NULL);
    struct ogl_span got = { out, ogl_json_unescape(s, out, &lone) };
    CHECK_TEXT(got, strings[i].text);
    CHECK_INT(lone, strings[i].lone);
    CHECK(got.n <= n);
  }
}

static void test_unescape_nul(void) {
  struct ogl_json_text s = { { "a\\u0000b", 8 }, 1 };
  struct ogl_span want = { "a\0b", 3 };
  char out[8];
  int lone = OGL_LONE;
  check_case("json: NUL in a string, and a mark that stays");
  struct ogl_span got = { out, ogl_json_unescape(s, out, &lone) };
  CHECK_SPAN(got, want);
  CHECK_INT(lone, OGL_LONE);
}

/* --- JSONTestSuite --------------------------------------------------------------------------------------------- */

/* Every beginning of a valid object or array is cut short, never wrong. */
static void check_beginnings(struct ogl_span s) {
  const char *end = s.p + s.n;
  while (end > s.p && strchr(" \t\r\n", end[-1])) end--;
  if (end == s.p || !strchr("]}", end[-1])) return;
  for (size_t n = 0; s.p + n < end; n++)
    if (!CHECK_INT(ogl_json_check(s.p, n), SHORT)) return;
}

static void check_file(const char *name, struct ogl_span s) {
  /* the reader takes valid UTF-8 for granted; whoever calls it for bytes of unknown origin looks first */
  int utf8 = ogl_utf8_valid(s.p, s.n) == s.n, code = ogl_json_check(s.p, s.n);
  CHECK_INT(walk_check(s.p, s.n), code);
  if (*name == 'y') {
    CHECK(utf8 && code == OK);
    check_beginnings(s);
  }
  if (*name == 'n') CHECK(!utf8 || code < 0);
}

/* A copy in a block of its own size: a read past the end is found out. */
static void test_file(const char *name) {
  struct ogl_buf b;
  char path[1024];
  ogl_buf_init(&b, OGL_MAX_BODY, OGL_ERR_BODY);
  strcpy(path, "fixtures/JSONTestSuite/test_parsing/");
  strncat(path, name, 512);
  check_case("json: JSONTestSuite %s", name);
  if (CHECK(files_read(files_shared(path), &b))) {
    char *copy = malloc(b.n ? b.n : 1);
    if (!copy) abort();
    memcpy(copy, ogl_buf_span(&b).p, b.n);
    struct ogl_span s = { copy, b.n };
    check_file(name, s);
    free(copy);
  }
  ogl_buf_clear(&b);
}

static void test_suite(void) {
  struct files_list files;
  const char *folder = files_shared("fixtures/JSONTestSuite/test_parsing");
  if (!files_list(&files, folder, ".json") || !files.n) check_skip("json: JSONTestSuite (no %s)", folder);
  for (size_t i = 0; i < files.n; i++) test_file(files.names[i]);
  files_list_clear(&files);
}

void test_json(void) {
  test_verdicts();
  test_nul();
  test_depth();
  test_depth_below();
  test_wide();
  test_walk();
  test_or_skip();
  test_sticky();
  test_unescape();
  test_unescape_nul();
  test_suite();
}
