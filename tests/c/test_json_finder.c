/* SPDX-License-Identifier: MIT
** test_json_finder.c - the steps of a value that is still coming, at every split: strings, numbers, words around it; and the limits.
*/
#include <stdlib.h>

#include "check.h"
#include "growth.h"
#include "suites.h"

static const struct {
  const char *what, *input, *steps;
} rows[] = {
  { "an object", "{\"a\":1,\"b\":[true,null,\"x\"],\"c\":{}}", "{<a>n<1><b>[t0s<x>.<c>{.. ok" },
  { "an array", " [ ] ", "[. ok" },
  { "a string", "\"a\\n\\u00e9\\ud83d\\ude00\"", "s<a\n\xc3\xa9\xf0\x9f\x98\x80> ok" },
  { "a number", " -1.5e3", "n<-1.5e3> ok" },
  { "a literal", "false ", "f ok" },
  { "a string that is cut", "[\"ab\\u00", "[~s<ab> incomplete 8" },
  { "half a pair", "[\"ab\\ud83d\\u", "[~s<ab> incomplete 12" },
  { "half a character", "{\"k\":\"a\xc3", "{~<k>s<a> incomplete 8" },
  { "a key that is cut", "{\"a\":1,\"bc", "{<a>n<1> incomplete 10" },
  { "a number at the end", "[1,23", "[n<1>n<23> incomplete 5" },
  { "half a number at the end", "[1,2.", "[n<1> incomplete 5" },
  { "half a literal at the end", "[1,tru", "[n<1> incomplete 6" },
  { "a comma too many", "{\"a\":1,}", "{<a>n<1> syntax 7" },
  { "a lone half", "[\"a\",\"b\\ude00\"]", "[s<a>~s<b> utf8 12" },
  { "a lone half, and text", "[\"a\",\"b\\ud83dx\"]", "[s<a>~s<b> utf8 13" },
  { "no UTF-8", "[\"a\",\"bc\xe2\x82x\"]", "[s<a>~s<bc> utf8 10" },
  { "words", "Here: {\"a\":1}. Fine?", "{<a>n<1>. ok" },
  { "a mark before it", "as in [1]: {\"a\":2}", "[n<1>.!{<a>n<2>. ok" },
  { "brackets of words", "[see] {x} {\"a\":2}", "[!{<a>n<2>. ok" },
  { "a fence", "{\"a\":1} so\n```json\n[2]\n```", "{<a>n<1>. ok" },
  { "words and a fence", "so {\"a\":1}\n```json\n[2]\n```", "{<a>n<1>.![n<2>. ok" },
  { "a number in a fence", "```\n42\n```", "n<42> ok" },
  { "thoughts", "<think>{\"a\":1}</think>{\"b\":2}", "{<b>n<2>. ok" },
  { "thoughts that were open", "so {\"a\":1}</think>{\"b\":2}", "{<a>n<1>.!{<b>n<2>. ok" },
  { "a string that was words", "\"a\" is {\"b\":2}", "s<a>!{<b>n<2>. ok" },
  { "a second one that is cut", "[1] and [2", "[n<1>. ok" },
  { "no value", "sorry", " syntax 0" },
  { "nothing", "", " incomplete 0" },
};

/* Fed in pieces: `first` bytes, then `step` (0: all that is left). */
static int plays(struct ogl_span input, const char *steps, size_t first, size_t step) {
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  growth_run(&log, input, first, step);
  int same = CHECK_TEXT(ogl_buf_span(&log), steps);
  ogl_buf_clear(&log);
  return same;
}

static void test_table(void) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct ogl_span input = check_span(rows[i].input);
    check_case("json_finder: %s", rows[i].what);
    if (!plays(input, rows[i].steps, 0, 0)) continue;
    plays(input, rows[i].steps, 0, 1);
    for (size_t at = 1; at < input.n; at++)
      if (!plays(input, rows[i].steps, at, 0)) break;
  }
}

static void test_limits(void) {
  static char deep[OGL_MAX_DEPTH + 2];
  struct ogl_json_finder f;
  check_case("json_finder: the depth, the bytes of a text, and what comes behind its end");
  memset(deep, '[', sizeof deep);
  ogl_json_finder_init(&f, sizeof deep);
  CHECK_INT(ogl_json_finder_feed(&f, deep, OGL_MAX_DEPTH), OGL_OK);
  CHECK_INT(ogl_json_finder_feed(&f, "[", 1), OGL_ERR_DEPTH);
  CHECK_INT(ogl_json_finder_finish(&f), OGL_ERR_DEPTH);
  ogl_json_finder_clear(&f);
  ogl_json_finder_clear(&f);
  ogl_json_finder_init(&f, 4);
  CHECK_INT(ogl_json_finder_feed(&f, "[\"ab\"]", 6), OGL_ERR_REPLY);
  CHECK_INT(f.err_at, 4);
  ogl_json_finder_clear(&f);
  ogl_json_finder_init(&f, 4);
  CHECK_INT(ogl_json_finder_feed(&f, "[]", 2), OGL_OK);
  CHECK(f.complete);
  CHECK_INT(ogl_json_finder_finish(&f), OGL_OK);
  CHECK_INT(ogl_json_finder_finish(&f), OGL_OK);
  CHECK_INT(ogl_json_finder_feed(&f, " ", 1), OGL_ERR_CLOSED);
  ogl_json_finder_clear(&f);
}

void test_json_finder(void) {
  test_table();
  test_limits();
}
