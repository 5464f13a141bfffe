/* SPDX-License-Identifier: MIT
** test_calls.c - calls from fragments: the order of their events, texts that stay in place while calls grow, limits.
*/
#include <stdio.h>

#include "../../csrc/core/calls.h"
#include "check.h"
#include "journal.h"
#include "suites.h"

struct fixture {
  struct ogl_calls calls;
  struct ogl_queue q;
  struct ogl_buf log;
};

static void begin(struct fixture *x) {
  memset(x, 0, sizeof *x);
  ogl_queue_init(&x->q);
  ogl_queue_begin(&x->q, 1024);
  ogl_buf_init(&x->log, OGL_MAX_BODY, OGL_ERR_BODY);
}

static void end(struct fixture *x) {
  ogl_calls_clear(&x->calls);
  ogl_calls_clear(&x->calls);
  ogl_queue_clear(&x->q);
  ogl_buf_clear(&x->log);
}

static struct ogl_call *open_call(struct fixture *x, int64_t key, int index) {
  int err = 0;
  struct ogl_call *call = ogl_calls_open(&x->calls, key, index, &err);
  CHECK(call != NULL && err == 0);
  return call;
}

static int add(struct fixture *x, struct ogl_call *call, const char *id, const char *name, const char *arguments) {
  return ogl_calls_add(&x->calls, call, check_span(id), check_span(name), ogl_json_plain(check_span(arguments)), 0,
                       &x->q);
}

/* The events in the queue, as a journal. */
static struct ogl_span journal(struct fixture *x) {
  struct ogl_event e;
  while (ogl_queue_pop(&x->q, &e) == OGL_OK) journal_event(&x->log, &e);
  return ogl_buf_span(&x->log);
}

static void test_order(void) {
  struct fixture x;
  check_case("calls: nothing before the name, then all of it in order");
  begin(&x);
  struct ogl_call *call = open_call(&x, 0, 1);
  CHECK_INT(add(&x, call, "", "", "{\"a"), 0);
  CHECK_INT(x.q.n, 0);
  CHECK_INT(add(&x, call, "id1", "", "\""), 0);
  CHECK_INT(add(&x, call, "id2", "f", ":"), 0);
  CHECK_INT(add(&x, call, "id3", "g", "1}"), 0);
  CHECK_INT(add(&x, call, "", "", ""), 0);
  ogl_calls_end(&x.calls, 0, &x.q);
  ogl_calls_end(&x.calls, 0, &x.q);
  CHECK_TEXT(journal(&x), "tool_call 2 id=\"id1\" name=\"f\"\n"
                          "tool_arguments 2 \"{\\\"a\\\"\"\n"
                          "tool_arguments 2 \":\"\n"
                          "tool_arguments 2 \"1}\"\n"
                          "tool_call_end 2 id=\"id1\" name=\"f\" arguments=\"{\\\"a\\\":1}\"\n");
  end(&x);
}

static void test_nameless(void) {
  struct fixture x;
  check_case("calls: one that never had a name is told of at the end; none at all is {}");
  begin(&x);
  CHECK_INT(add(&x, open_call(&x, 0, 0), "", "", "[1]"), 0);
  CHECK_INT(add(&x, open_call(&x, 1, 1), "", "f", ""), 0);
  ogl_calls_end(&x.calls, 2, &x.q);
  CHECK_TEXT(journal(&x), "tool_call 2 id=\"\" name=\"f\"\n"
                          "tool_call 1 choice=3 id=\"\" name=\"\"\n"
                          "tool_arguments 1 choice=3 \"[1]\"\n"
                          "tool_call_end 1 choice=3 id=\"\" name=\"\" arguments=\"[1]\"\n"
                          "tool_call_end 2 choice=3 id=\"\" name=\"f\" arguments=\"{}\"\n");
  end(&x);
}

static void test_growing(void) {
  struct fixture x;
  static char piece[3000];
  struct ogl_event e;
  check_case("calls: events stay valid while their call grows in the same frame");
  begin(&x);
  memset(piece, 'x', sizeof piece - 1);
  struct ogl_call *call = open_call(&x, 0, 0);
  add(&x, call, "", "", "early");
  add(&x, call, "id", "f", "first");
  for (int i = 0; i < 20; i++) CHECK_INT(add(&x, call, "", "", piece), 0);
  for (int i = 1; i < 20; i++) open_call(&x, i, i);
  CHECK(ogl_queue_pop(&x.q, &e) == OGL_OK && e.kind == OGL_EVENT_TOOL_CALL);
  CHECK_TEXT(e.a, "id");
  CHECK_TEXT(e.b, "f");
  CHECK_INT(ogl_queue_pop(&x.q, &e), OGL_OK);
  CHECK_TEXT(e.a, "early");
  CHECK_INT(ogl_queue_pop(&x.q, &e), OGL_OK);
  CHECK_TEXT(e.a, "first");
  end(&x);
}

static void test_find(void) {
  struct fixture x;
  struct ogl_span none = { "", 0 };
  check_case("calls: found by key and by id, the newest first; an empty id is no id");
  begin(&x);
  add(&x, open_call(&x, 5, 0), "a", "f", "");
  add(&x, open_call(&x, 5, 1), "b", "f", "");
  add(&x, open_call(&x, 6, 2), "a", "f", "");
  add(&x, open_call(&x, -1, 3), "", "f", "");
  CHECK(ogl_calls_by_key(&x.calls, 5) == &x.calls.rows[1]);
  CHECK(ogl_calls_by_key(&x.calls, 7) == NULL);
  CHECK(ogl_calls_by_id(&x.calls, check_span("a")) == &x.calls.rows[2]);
  CHECK(ogl_calls_by_id(&x.calls, check_span("b")) == &x.calls.rows[1]);
  CHECK(ogl_calls_by_id(&x.calls, check_span("c")) == NULL);
  CHECK(ogl_calls_by_id(&x.calls, none) == NULL);
  end(&x);
}

static void test_end_one(void) {
  struct fixture x;
  struct ogl_event e;
  int ends = 0;
  check_case("calls: one that is ended by itself is not ended again");
  begin(&x);
  add(&x, open_call(&x, 0, 0), "a", "f", "1");
  add(&x, open_call(&x, 1, 1), "b", "g", "");
  ogl_calls_end_one(&x.calls.rows[1], 0, &x.q);
  ogl_calls_end_one(&x.calls.rows[1], 0, &x.q);
  ogl_calls_end(&x.calls, 0, &x.q);
  while (ogl_queue_pop(&x.q, &e) == OGL_OK) {
    if (e.kind != OGL_EVENT_TOOL_CALL_END) continue;
    CHECK_TEXT(e.a, ends++ ? "a" : "b");
    CHECK_TEXT(e.c, ends == 1 ? "{}" : "1");
  }
  CHECK_INT(ends, 2);
  end(&x);
}

static void test_limits(void) {
  struct fixture x;
  int err = 0;
  check_case("calls: too many of them, and too many bytes");
  begin(&x);
  for (int i = 0; i < OGL_MAX_PARTS; i++) CHECK(ogl_calls_open(&x.calls, i, i, &err) != NULL);
  CHECK(ogl_calls_open(&x.calls, OGL_MAX_PARTS, 0, &err) == NULL);
  CHECK_INT(err, OGL_ERR_PARTS);
  x.calls.size = OGL_MAX_REPLY - 5; /* as if so much had been held */
  CHECK_INT(add(&x, &x.calls.rows[0], "", "", "12345"), 0);
  CHECK_INT(add(&x, &x.calls.rows[0], "", "", "6"), OGL_ERR_REPLY);
  CHECK_INT(add(&x, &x.calls.rows[0], "", "f", ""), OGL_ERR_REPLY);
  end(&x);
}

void test_calls(void) {
  test_order();
  test_nameless();
  test_growing();
  test_find();
  test_end_one();
  test_limits();
}
