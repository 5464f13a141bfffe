/* SPDX-License-Identifier: MIT
** test_json_array.c - the elements of an array, at every split; what is no array; and the limits.
*/
#include <stdlib.h>

#include "../../csrc/core/json_array.h"
#include "check.h"
#include "suites.h"

static const struct {
  const char *what, *input, *elements; /* each with a line end behind it */
} rows[] = {
  { "two objects", "[{\"a\":1},{\"b\":2}]", "{\"a\":1}\n{\"b\":2}\n" },
  { "blanks everywhere", " [\r\n {\"a\": 1}\n,\t\n{ } ]\n\n", "{\"a\": 1}\n{ }\n" },
  { "brackets, commas and quotes in strings", "[{\"a\":\"]},{[\\\"\\\\\"},{}]", "{\"a\":\"]},{[\\\"\\\\\"}\n{}\n" },
  { "a mark before the bracket", "\xef\xbb\xbf[{}]", "{}\n" },
  { "lists in a list", "[{},[1,[2]],[]]", "{}\n[1,[2]]\n[]\n" },
  { "plain values", "[{},1,\"a,]\",null]", "{}\n1\n\"a,]\"\nnull\n" },
  { "no element", "[]", "" },
  { "an element that is cut", "[{\"a\":1},{\"b\":\"x", "{\"a\":1}\n{\"b\":\"x\n" },
  { "a list that is not closed", "[{},", "{}\n" },
  { "no comma between two", "[{}{}]", "{}\n{}\n" },
  { "what stands behind the end", "[{}]\n{\"error\":1}", "{}\n{\"error\":1}\n" },
  { "brackets that do not match", "[{\"a\":[}],{}]", "{\"a\":[}]\n{}\n" },
  { "a brace too many", "[{}},{}]", "{}\n}\n{}\n" },
  { "nothing", "", "" },
};

static void drain(struct ogl_json_array *s, struct ogl_buf *log) {
  struct ogl_frame frame;
  while (ogl_json_array_next(s, &frame) == OGL_OK) {
    CHECK_INT(frame.kind, OGL_FRAME_EVENT);
    ogl_buf_append(log, frame.data.p, frame.data.n);
    ogl_buf_byte(log, '\n');
  }
}

static void feed(struct ogl_json_array *s, struct ogl_buf *log, const char *p, size_t n) {
  char *copy = malloc(n ? n : 1);
  if (!copy) abort();
  if (n) memcpy(copy, p, n);
  CHECK_INT(ogl_json_array_feed(s, copy, n), OGL_OK);
  free(copy);
  drain(s, log);
}

/* Fed in pieces: `first` bytes, then `step` (0: all that is left). */
static int plays(struct ogl_span input, struct ogl_span elements, size_t first, size_t step) {
  struct ogl_json_array s;
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_json_array_init(&s);
  for (size_t at = 0, n = first ? first : step; at < input.n; at += n, n = step) {
    if (n == 0 || n > input.n - at) n = input.n - at;
    feed(&s, &log, input.p + at, n);
  }
  ogl_json_array_finish(&s);
  drain(&s, &log);
  int same = CHECK_SPAN(ogl_buf_span(&log), elements);
  ogl_json_array_clear(&s);
  ogl_buf_clear(&log);
  return same;
}

static void test_table(void) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct ogl_span input = check_span(rows[i].input), elements = check_span(rows[i].elements);
    check_case("json_array: %s", rows[i].what);
    if (!plays(input, elements, 0, 0)) continue;
    plays(input, elements, 0, 1);
    for (size_t at = 1; at < input.n; at++)
      if (!plays(input, elements, at, 0)) break;
  }
}

static void test_limits(void) {
  static char block[1 << 20];
  struct ogl_json_array s;
  struct ogl_frame frame;
  check_case("json_array: an element above the limit, and input above it");
  memset(block, 'x', sizeof block);
  ogl_json_array_init(&s);
  CHECK_INT(ogl_json_array_feed(&s, "[\"", 2), OGL_OK);
  for (int mib = 1; mib < OGL_MAX_FRAME >> 20; mib++) {
    CHECK_INT(ogl_json_array_feed(&s, block, sizeof block), OGL_OK);
    CHECK_INT(ogl_json_array_next(&s, &frame), OGL_MORE);
  }
  CHECK_INT(ogl_json_array_feed(&s, block, sizeof block), OGL_OK);
  CHECK_INT(ogl_json_array_next(&s, &frame), OGL_ERR_FRAME);
  CHECK_INT(ogl_json_array_feed(&s, "\"]", 2), OGL_ERR_FRAME);
  ogl_json_array_clear(&s);
  ogl_json_array_clear(&s);
  ogl_json_array_init(&s);
  CHECK_INT(ogl_json_array_feed(&s, "x", (size_t)OGL_MAX_INPUT + 1), OGL_ERR_FRAME);
  CHECK_INT(ogl_json_array_next(&s, &frame), OGL_ERR_FRAME);
  ogl_json_array_clear(&s);
}

void test_json_array(void) {
  test_table();
  test_limits();
}
