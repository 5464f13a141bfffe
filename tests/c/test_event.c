/* SPDX-License-Identifier: MIT
** test_event.c - the queue: order, texts that stay in place, the limits of one frame.
*/
#include "../../csrc/core/event.h"
#include "check.h"
#include "suites.h"

static struct ogl_json_text text_of(const char *raw) {
  struct ogl_json_text t = { check_span(raw), strchr(raw, '\\') != NULL };
  return t;
}

static void test_order(void) {
  struct ogl_queue q;
  struct ogl_event e;
  check_case("event: in order, with empty fields but those that were set");
  ogl_queue_init(&q);
  ogl_queue_begin(&q, 0);
  CHECK_INT(ogl_queue_pop(&q, &e), OGL_MORE);
  for (int i = 0; i < 100; i++) {
    struct ogl_event *p = ogl_queue_push(&q, OGL_EVENT_TEXT, i, i * 2);
    if (CHECK(p != NULL)) p->a = check_span("x");
  }
  for (int i = 0; i < 100; i++) {
    CHECK_INT(ogl_queue_pop(&q, &e), OGL_OK);
    CHECK(e.kind == OGL_EVENT_TEXT && e.choice == i && e.index == i * 2 && e.a.n == 1 && !e.b.n && !e.usage);
  }
  CHECK_INT(ogl_queue_pop(&q, &e), OGL_MORE);
  ogl_queue_begin(&q, 0);
  ogl_queue_push(&q, OGL_EVENT_USAGE, 0, 0);
  CHECK(ogl_queue_pop(&q, &e) == OGL_OK && e.kind == OGL_EVENT_USAGE && !e.a.n && !e.choice);
  ogl_queue_clear(&q);
  ogl_queue_clear(&q);
}

static void test_texts(void) {
  struct ogl_queue q;
  check_case("event: plain texts are the wire's bytes, escaped ones the queue's, and none moves");
  ogl_queue_init(&q);
  ogl_queue_begin(&q, 64);
  struct ogl_json_text plain = text_of("plain");
  struct ogl_span a = ogl_queue_text(&q, plain), b = ogl_queue_text(&q, text_of("a\\nb\\ud800")),
                  c = ogl_queue_text(&q, text_of("\\u0041\\u0042\\u0043\\u0044\\u0045"));
  CHECK(a.p == plain.raw.p);
  CHECK_TEXT(b, "a\nb\xef\xbf\xbd");
  CHECK_TEXT(c, "ABCDE");
  CHECK_INT(q.lone, OGL_LONE);
  CHECK_INT(q.err, 0);
  ogl_queue_begin(&q, 8);
  CHECK_INT(q.lone, 0);
  ogl_queue_clear(&q);
}

static void test_limits(void) {
  struct ogl_queue q;
  size_t pushed = 0;
  check_case(
      "event: a frame above the ceiling, a text above what was said, too many events; the next frame begins anew");
  ogl_queue_init(&q);
  ogl_queue_begin(&q, (size_t)OGL_MAX_QUEUE + 1);
  ogl_queue_text(&q, text_of("\\n"));
  CHECK_INT(q.err, OGL_ERR_QUEUE);
  CHECK(ogl_queue_push(&q, OGL_EVENT_TEXT, 0, 0) == NULL);
  ogl_queue_begin(&q, 8);
  for (int i = 0; i < 100; i++) ogl_queue_text(&q, text_of("\\n\\n\\n\\n\\n\\n\\n\\n"));
  CHECK_INT(q.err, OGL_ERR_QUEUE);
  ogl_queue_begin(&q, 8);
  while (pushed <= 1 << 21 && ogl_queue_push(&q, OGL_EVENT_TEXT, 0, 0)) pushed++;
  CHECK_INT(pushed, 1 << 20);
  CHECK_INT(q.err, OGL_ERR_QUEUE);
  ogl_queue_begin(&q, 8);
  CHECK(ogl_queue_push(&q, OGL_EVENT_TEXT, 0, 0) != NULL);
  ogl_queue_clear(&q);
}

void test_event(void) {
  test_order();
  test_texts();
  test_limits();
}
