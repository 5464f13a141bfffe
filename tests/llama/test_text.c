/* SPDX-License-Identifier: MIT
** test_text.c - stop strings and characters over any split of an answer: what is given is always whole, and in the end the same.
*/
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/core/utf8.h"
#include "../../csrc/llama/text.h"
#include "../c/check.h"
#include "suites.h"

struct row {
  const char *title, *stops[3], *text, *given;
  int stopped;
};

/* What is given of the whole text. */
static const struct row rows[] = {
  { "no stop string", { NULL }, "plain text", "plain text", 0 },
  { "no text", { "x" }, "", "", 0 },
  { "a stop string at the end", { "END" }, "some END", "some ", 1 },
  { "a stop string in the middle", { "END" }, "some END and more", "some ", 1 },
  { "a stop string at the beginning", { "so" }, "some", "", 1 },
  { "the beginning of a stop string", { "END" }, "some EN", "some EN", 0 },
  { "beginnings that come to nothing", { "ababac" }, "abababababX", "abababababX", 0 },
  { "a stop string behind its own beginning", { "aab" }, "aaab!", "a", 1 },
  { "the first of two", { "two", "one" }, "zero one two", "zero ", 1 },
  { "one that begins another", { "stopping", "stop" }, "do stopping", "do ", 1 },
  { "a stop string of several bytes a character", { "é!" }, "café! ok", "caf", 1 },
  { "characters of one to four bytes", { NULL }, "aé你🎉z", "aé你🎉z", 0 },
};

/* Feeds a text in two or three pieces; what was given must be whole characters each time. */
static void feed_split(const struct row *row, const size_t *ends, int n) {
  struct ogl_llama_text t;
  char given[256];
  size_t at = 0, length = 0;
  ogl_llama_text_init(&t);
  for (int i = 0; i < 3 && row->stops[i]; i++)
    CHECK_INT(ogl_llama_text_stop(&t, row->stops[i], strlen(row->stops[i])), 0);
  for (int i = 0; i < n && !t.stopped; i++) {
    size_t ready = ogl_llama_text_feed(&t, row->text + at, ends[i] - at);
    at = ends[i];
    memcpy(given + length, ogl_buf_bytes(&t.held) ? ogl_buf_bytes(&t.held) : "", ready);
    CHECK(ogl_utf8_valid(given + length, ready) == ready);
    length += ready;
    ogl_buf_consume(&t.held, ready);
  }
  if (!t.stopped) {
    struct ogl_span rest = ogl_buf_span(&t.held);
    memcpy(given + length, rest.p, rest.n);
    length += rest.n;
  }
  struct ogl_span all = { given, length };
  CHECK_TEXT(all, row->given);
  CHECK_INT(t.stopped, row->stopped);
  ogl_llama_text_clear(&t);
}

static void test_splits(void) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t n = strlen(rows[i].text);
    check_case("text: %s, over any split", rows[i].title);
    for (size_t a = 0; a <= n; a++)
      for (size_t b = a; b <= n; b++) {
        size_t ends[3] = { a, b, n };
        feed_split(&rows[i], ends, 3);
      }
  }
}

static void test_bounds(void) {
  struct ogl_llama_text t;
  char *many = calloc(1, OGL_LLAMA_MAX_HELD + 1);
  check_case("text: bounds of stop strings and of what is held");
  ogl_llama_text_init(&t);
  CHECK_INT(ogl_llama_text_stop(&t, "", 0), OGL_ERR_PARTS);
  CHECK_INT(ogl_llama_text_stop(&t, many, OGL_LLAMA_MAX_STOP + 1), OGL_ERR_PARTS);
  for (int i = 0; i < OGL_LLAMA_MAX_STOPS; i++) CHECK_INT(ogl_llama_text_stop(&t, many, OGL_LLAMA_MAX_STOP), 0);
  CHECK_INT(ogl_llama_text_stop(&t, "x", 1), OGL_ERR_PARTS);
  CHECK_INT(ogl_llama_text_feed(&t, many, OGL_LLAMA_MAX_HELD + 1), 0);
  CHECK(t.held.err != 0);
  ogl_llama_text_clear(&t);
  free(many);
}

static void test_broken(void) {
  struct ogl_llama_text t;
  check_case("text: bytes that no character begins with are not waited for");
  ogl_llama_text_init(&t);
  CHECK_INT(ogl_llama_text_feed(&t, "a\xFF", 2), 2);
  ogl_buf_reset(&t.held);
  CHECK_INT(ogl_llama_text_feed(&t, "a\xF0\x9F", 3), 1);
  CHECK_INT(ogl_llama_text_feed(&t, "b", 1), 4);
  ogl_llama_text_clear(&t);
}

void test_text(void) {
  test_splits();
  test_bounds();
  test_broken();
}
