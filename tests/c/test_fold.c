/* SPDX-License-Identifier: MIT
** test_fold.c - events to the reply: parts and choices in their order, what replaces and what adds, the ceilings.
*/
#include "../../csrc/core/fold.h"
#include "check.h"
#include "suites.h"

static int add(struct ogl_fold *f, int kind, int choice, int index, const char *a, const char *b, const char *c) {
  struct ogl_event e;
  memset(&e, 0, sizeof e);
  e.kind = kind;
  e.choice = choice;
  e.index = index;
  e.a = check_span(a);
  e.b = check_span(b);
  e.c = check_span(c);
  return ogl_fold_add(f, &e);
}

static int add_text(struct ogl_fold *f, int choice, int index, const char *text) {
  return add(f, OGL_EVENT_TEXT, choice, index, text, "", "");
}

static void test_parts(void) {
  struct ogl_fold f;
  check_case("fold: parts interleave, and stand in the order of their indexes");
  ogl_fold_init(&f, 1000);
  CHECK(ogl_fold_answer(&f, 0) == NULL);
  CHECK_INT(add_text(&f, 0, 3, "a"), OGL_OK);
  add(&f, OGL_EVENT_REASONING, 0, 1, "r", "", "");
  add_text(&f, 0, 3, "b");
  add(&f, OGL_EVENT_REASONING, 0, 1, "s", "", "");
  add(&f, OGL_EVENT_REFUSAL, 0, 3, "no", "", ""); /* the same index, another kind */
  add_text(&f, 0, 3, "c");
  const struct ogl_answer *a = ogl_fold_answer(&f, 0);
  if (CHECK(a && a->n == 3)) {
    CHECK_TEXT(ogl_buf_span(&a->parts[0].text), "rs");
    CHECK_TEXT(ogl_buf_span(&a->parts[1].text), "abc");
    CHECK_TEXT(ogl_buf_span(&a->parts[2].text), "no");
    CHECK(a->parts[0].kind == OGL_EVENT_REASONING && a->parts[0].index == 1);
  }
  ogl_fold_clear(&f);
  ogl_fold_clear(&f);
}

static void test_choices(void) {
  struct ogl_fold f;
  check_case("fold: choices by their number, in the order of their first event");
  ogl_fold_init(&f, 100000);
  for (int round = 0; round < 3; round++)
    for (int choice = OGL_MAX_CHOICES; choice--;)
      CHECK_INT(add_text(&f, choice, 0, choice % 2 ? "odd" : "even"), OGL_OK);
  CHECK_INT(f.n, OGL_MAX_CHOICES);
  CHECK_INT(f.answers[0].choice, OGL_MAX_CHOICES - 1);
  CHECK_TEXT(ogl_buf_span(&ogl_fold_answer(&f, 0)->parts[0].text), "eveneveneven");
  CHECK_TEXT(ogl_buf_span(&ogl_fold_answer(&f, 127)->parts[0].text), "oddoddodd");
  CHECK_INT(add_text(&f, OGL_MAX_CHOICES, 0, "x"), OGL_ERR_PARTS);
  CHECK_INT(add_text(&f, 0, 0, "x"), OGL_ERR_PARTS);
  ogl_fold_clear(&f);
}

static void test_tool_calls(void) {
  struct ogl_fold f;
  check_case("fold: a call's pieces, then its end, which counts");
  ogl_fold_init(&f, 1000);
  add(&f, OGL_EVENT_TOOL_CALL, 0, 2, "", "f", "");
  add(&f, OGL_EVENT_TOOL_ARGUMENTS, 0, 2, "{\"a\"", "", "");
  add(&f, OGL_EVENT_TOOL_ARGUMENTS, 0, 2, ":", "", "");
  const struct ogl_part *p = ogl_fold_answer(&f, 0)->parts;
  CHECK_TEXT(ogl_buf_span(&p->text), "{\"a\":");
  add(&f, OGL_EVENT_TOOL_CALL_END, 0, 2, "id", "f", "{\"a\":1}");
  p = ogl_fold_answer(&f, 0)->parts;
  CHECK_INT(ogl_fold_answer(&f, 0)->n, 1);
  CHECK_TEXT(ogl_buf_span(&p->id), "id");
  CHECK_TEXT(ogl_buf_span(&p->name), "f");
  CHECK_TEXT(ogl_buf_span(&p->text), "{\"a\":1}");
  CHECK_INT(f.size, 2 + 1 + 7);
  ogl_fold_clear(&f);
}

static void test_others(void) {
  struct ogl_fold f;
  struct ogl_event e;
  struct ogl_usage u = { 0, { 0 } };
  check_case("fold: start, opaque parts, signatures, citations, logprobs, usage, finish");
  ogl_fold_init(&f, 1000);
  add(&f, OGL_EVENT_START, 0, 0, "", "m", "");
  add(&f, OGL_EVENT_START, 0, 0, "id", "other", "");
  add(&f, OGL_EVENT_PART, 0, 0, "image", "{\"a\":1}", "");
  add(&f, OGL_EVENT_PART, 0, 0, "image", "{\"a\":2}", "");
  add(&f, OGL_EVENT_PART_END, 0, 0, "image", "sig", "");
  add(&f, OGL_EVENT_PART_END, 0, 9, "image", "lost", "");
  add(&f, OGL_EVENT_CITATION, 0, 1, "\"url\"", "", "");
  add(&f, OGL_EVENT_LOGPROBS, 0, 0, "[1]", "", "");
  add(&f, OGL_EVENT_LOGPROBS, 0, 0, "[2]", "", "");
  add(&f, OGL_EVENT_FINISH, 0, 0, "stop", "eos", "");
  add(&f, OGL_EVENT_UNKNOWN, 0, 0, "x", "{}", "");
  memset(&e, 0, sizeof e);
  e.kind = OGL_EVENT_USAGE;
  ogl_usage_set(&u, OGL_USAGE_INPUT, 4);
  e.usage = &u;
  CHECK_INT(ogl_fold_add(&f, &e), OGL_OK);
  const struct ogl_answer *a = ogl_fold_answer(&f, 0);
  CHECK_TEXT(ogl_buf_span(&f.id), "id");
  CHECK_TEXT(ogl_buf_span(&f.model), "m");
  if (CHECK(a && a->n == 2)) {
    CHECK_TEXT(ogl_buf_span(&a->parts[0].name), "image");
    CHECK_TEXT(ogl_buf_span(&a->parts[0].text), "{\"a\":2}");
    CHECK_TEXT(ogl_buf_span(&a->parts[0].signature), "sig");
    CHECK_TEXT(ogl_buf_span(&a->parts[1].text), "\"url\"");
    CHECK_TEXT(ogl_buf_span(&a->logprobs), "[1],[2]");
    CHECK_TEXT(ogl_buf_span(&a->reason), "stop");
    CHECK_TEXT(ogl_buf_span(&a->raw_reason), "eos");
    CHECK_INT(a->finished, 1);
  }
  CHECK(ogl_usage_has(&f.usage, OGL_USAGE_INPUT) && f.usage.v[OGL_USAGE_INPUT] == 4);
  ogl_fold_clear(&f);
}

static void test_warnings(void) {
  struct ogl_fold f;
  check_case("fold: so many warnings are kept, the others counted");
  ogl_fold_init(&f, 100000);
  for (int i = 0; i < OGL_MAX_WARNINGS + 5; i++)
    CHECK_INT(add(&f, OGL_EVENT_WARNING, 0, 0, "code", "text", "x"), OGL_OK);
  CHECK_INT(f.warned, OGL_MAX_WARNINGS);
  CHECK_INT(f.dropped, 5);
  CHECK_TEXT(ogl_buf_span(&f.warnings[OGL_MAX_WARNINGS - 1].detail), "x");
  CHECK_INT(f.n, 0);
  ogl_fold_clear(&f);
}

static void test_ceiling(void) {
  struct ogl_fold f;
  check_case("fold: the ceiling counts the whole reply, is exact, and sticks; what came stays");
  ogl_fold_init(&f, 10);
  CHECK_INT(add_text(&f, 0, 0, "12345"), OGL_OK);
  CHECK_INT(add_text(&f, 1, 0, "12345"), OGL_OK);
  CHECK_INT(add_text(&f, 1, 0, ""), OGL_OK);
  CHECK_INT(add_text(&f, 0, 0, "6"), OGL_ERR_REPLY);
  CHECK_INT(add(&f, OGL_EVENT_UNKNOWN, 0, 0, "", "", ""), OGL_ERR_REPLY);
  CHECK_TEXT(ogl_buf_span(&ogl_fold_answer(&f, 0)->parts[0].text), "12345");
  ogl_fold_clear(&f);
  CHECK_INT(add_text(&f, 0, 0, "1234567890"), OGL_OK);
  ogl_fold_clear(&f);
}

static void test_part_limit(void) {
  struct ogl_fold f;
  check_case("fold: too many parts");
  ogl_fold_init(&f, 100000);
  for (int i = 0; i < OGL_MAX_PARTS; i++) CHECK_INT(add_text(&f, 0, i, "x"), OGL_OK);
  CHECK_INT(add_text(&f, 0, OGL_MAX_PARTS, "x"), OGL_ERR_PARTS);
  ogl_fold_clear(&f);
}

void test_fold(void) {
  test_parts();
  test_choices();
  test_tool_calls();
  test_others();
  test_warnings();
  test_ceiling();
  test_part_limit();
}
