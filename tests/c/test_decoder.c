/* SPDX-License-Identifier: MIT
** test_decoder.c - the object that the binding holds: its life, its sticky errors, its limits. What it makes of
** bytes is said by the cases of tests/wire.
*/
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/protocol/registry.h"
#include "check.h"
#include "journal.h"
#include "suites.h"

#define CHUNK(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define STOP        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE        "data: [DONE]\n\n"

static const struct ogl_decoder_options plain = { "text/event-stream", 0, 1, 0, 0 };

static void begin(struct ogl_decoder *d, const struct ogl_decoder_options *options) {
  CHECK_INT(ogl_decoder_init(d, &ogl_openai_chat, options), 0);
}

static int feed(struct ogl_decoder *d, const char *text) { return ogl_decoder_feed(d, text, strlen(text)); }

/* Takes and forgets events; the code that ended it. */
static int drain(struct ogl_decoder *d) {
  struct ogl_event e;
  int code;
  while ((code = ogl_decoder_next(d, &e)) == OGL_OK) {
  }
  return code;
}

static struct ogl_span folded(const struct ogl_decoder *d) {
  const struct ogl_answer *a = ogl_fold_answer(&d->fold, 0);
  struct ogl_span none = { "", 0 };
  return a && a->n ? ogl_buf_span(&a->parts[0].text) : none;
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void test_life(void) {
  struct ogl_decoder d;
  struct ogl_event e;
  check_case("decoder: feed and next in turn, the end, and after it");
  begin(&d, &plain);
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_MORE);
  CHECK_INT(feed(&d, CHUNK("Hel")), OGL_OK);
  CHECK(ogl_decoder_next(&d, &e) == OGL_OK && e.kind == OGL_EVENT_TEXT);
  CHECK_TEXT(e.a, "Hel");
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_MORE);
  CHECK_INT(feed(&d, STOP), OGL_OK);
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_MORE); /* the finish waits: usage may follow */
  CHECK(!ogl_decoder_ended(&d));
  feed(&d, DONE);
  CHECK(ogl_decoder_next(&d, &e) == OGL_OK && e.kind == OGL_EVENT_FINISH);
  CHECK(ogl_decoder_ended(&d)); /* without waiting for the connection's end */
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_MORE);
  CHECK_INT(feed(&d, CHUNK("more")), OGL_OK);
  ogl_decoder_finish(&d);
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_MORE);
  CHECK_INT(feed(&d, CHUNK("more")), OGL_OK);
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_MORE);
  CHECK(ogl_decoder_ended(&d));
  CHECK_TEXT(folded(&d), "Hel");
  ogl_decoder_clear(&d);
}

static void test_clear(void) {
  struct ogl_decoder d;
  struct ogl_event e;
  check_case("decoder: cleared at any time, twice, and closed then");
  begin(&d, &plain);
  ogl_decoder_clear(&d);
  ogl_decoder_clear(&d);
  begin(&d, &plain);
  feed(&d, CHUNK("Hel") "data: {\"choi");
  ogl_decoder_next(&d, &e);
  ogl_decoder_clear(&d);
  ogl_decoder_clear(&d);
  CHECK_INT(feed(&d, "x"), OGL_ERR_CLOSED);
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_ERR_CLOSED);
  ogl_decoder_finish(&d);
  CHECK(!ogl_decoder_ended(&d));
}

static void test_finish_early(void) {
  struct ogl_decoder d;
  check_case("decoder: finish before anything is asked for, twice");
  begin(&d, &plain);
  feed(&d, CHUNK("Hel") CHUNK("lo") STOP);
  ogl_decoder_finish(&d);
  ogl_decoder_finish(&d);
  CHECK_INT(drain(&d), OGL_MORE);
  CHECK_TEXT(folded(&d), "Hello");
  CHECK(ogl_decoder_ended(&d));
  ogl_decoder_clear(&d);
}

/* Events of one frame point into it: what is fed while they wait must not move it. */
static void test_feed_between(void) {
  struct ogl_decoder d;
  struct ogl_event e;
  static char more[100000];
  check_case("decoder: bytes that are fed while events wait");
  begin(&d, &plain);
  feed(&d,
       "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"A\"}},{\"index\":1,\"delta\":{\"content\":\"B\"}},"
       "{\"index\":2,\"delta\":{\"content\":\"C\"}}]}\n\n");
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_OK);
  CHECK_TEXT(e.a, "A");
  memset(more, ' ', sizeof more - 1);
  memcpy(more, ":", 1);
  CHECK_INT(feed(&d, more), OGL_OK);
  CHECK_INT(feed(&d, "\n" CHUNK("D")), OGL_OK);
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_OK);
  CHECK_TEXT(e.a, "B");
  CHECK_INT(feed(&d, STOP), OGL_OK);
  ogl_decoder_finish(&d);
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_OK);
  CHECK_TEXT(e.a, "C");
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_OK);
  CHECK_TEXT(e.a, "D");
  CHECK_INT(drain(&d), OGL_MORE);
  CHECK(ogl_decoder_ended(&d));
  ogl_decoder_clear(&d);
}

static void test_keep(void) {
  struct ogl_decoder_options options = plain;
  struct ogl_decoder d;
  check_case("decoder: keep = 0 gives the same events and holds nothing");
  options.keep = 0;
  options.max_reply = 4;
  begin(&d, &options);
  for (int i = 0; i < 1000; i++) {
    CHECK_INT(feed(&d, CHUNK("0123456789")), OGL_OK);
    CHECK_INT(drain(&d), OGL_MORE);
  }
  CHECK_INT(d.fold.n, 0);
  CHECK_INT(d.fold.size, 0);
  ogl_decoder_clear(&d);
}

/* --- errors ---------------------------------------------------------------------------------------------------- */

/* The error is given again by everything, and the reply so far stays. */
static void check_sticky(struct ogl_decoder *d, int code) {
  struct ogl_event e;
  CHECK_INT(drain(d), code);
  CHECK_INT(ogl_decoder_next(d, &e), code);
  CHECK_INT(feed(d, CHUNK("more") DONE), code);
  ogl_decoder_finish(d);
  CHECK_INT(ogl_decoder_next(d, &e), code);
  CHECK(!ogl_decoder_ended(d));
}

static void test_provider_error(void) {
  struct ogl_decoder d;
  check_case("decoder: a server's error sticks, with the reply so far");
  begin(&d, &plain);
  feed(&d, CHUNK("Hel") "data: {\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":5}}\n\n" CHUNK("lo"));
  check_sticky(&d, OGL_ERR_PROVIDER);
  CHECK_TEXT(ogl_buf_span(&ogl_decoder_problem(&d)->message), "m");
  CHECK_TEXT(ogl_buf_span(&ogl_decoder_problem(&d)->type), "t");
  CHECK_TEXT(ogl_buf_span(&ogl_decoder_problem(&d)->code), "5");
  CHECK_TEXT(ogl_buf_span(&ogl_decoder_problem(&d)->json), "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":5}}");
  CHECK_TEXT(folded(&d), "Hel");
  ogl_decoder_clear(&d);
}

static void test_incomplete(void) {
  struct ogl_decoder d;
  check_case("decoder: an end without the marker sticks, with the reply so far");
  begin(&d, &plain);
  feed(&d, CHUNK("Hel"));
  ogl_decoder_finish(&d);
  check_sticky(&d, OGL_ERR_INCOMPLETE);
  CHECK_TEXT(folded(&d), "Hel");
  ogl_decoder_clear(&d);
}

static void test_strict(void) {
  struct ogl_decoder_options options = plain;
  struct ogl_decoder d;
  check_case("decoder: strict, and the excerpt of what could not be read");
  options.strict = 1;
  begin(&d, &options);
  feed(&d, CHUNK("Hel") "data: {nonsense}\n\n");
  check_sticky(&d, OGL_ERR_SYNTAX);
  CHECK_TEXT(ogl_buf_span(&ogl_decoder_problem(&d)->json), "{nonsense}");
  ogl_decoder_clear(&d);
}

/* A frame of `n` characters of two bytes behind one ASCII byte, so that the cut falls into a character. */
static void test_excerpt(void) {
  struct ogl_decoder d;
  struct ogl_event e;
  char text[8 + 2 * OGL_RAW_EXCERPT + 3] = "data: x";
  check_case("decoder: the excerpt in a warning is bounded, and ends between two characters");
  for (int i = 0; i < OGL_RAW_EXCERPT; i++) memcpy(text + 7 + 2 * i, "\xc3\xa9", 2);
  memcpy(text + 7 + 2 * OGL_RAW_EXCERPT, "\n\n", 3);
  begin(&d, &plain);
  feed(&d, text);
  CHECK(ogl_decoder_next(&d, &e) == OGL_OK && e.kind == OGL_EVENT_WARNING);
  CHECK_INT(e.c.n, OGL_RAW_EXCERPT - 1);
  ogl_decoder_clear(&d);
}

/* --- limits ---------------------------------------------------------------------------------------------------- */

static void test_reply_limit(void) {
  struct ogl_decoder_options options = plain;
  struct ogl_decoder d;
  check_case("decoder: limits.reply");
  options.max_reply = 9;
  begin(&d, &options);
  feed(&d, CHUNK("12345") CHUNK("6789") CHUNK("0"));
  check_sticky(&d, OGL_ERR_REPLY);
  CHECK_TEXT(folded(&d), "123456789");
  ogl_decoder_clear(&d);
}

/* Feeds `mib` MiB of x behind `head`, and gives what next says then. */
static int pour(struct ogl_decoder *d, const char *head, int mib) {
  static char block[1 << 20];
  int code = feed(d, head);
  memset(block, 'x', sizeof block);
  while (mib-- && code >= 0)
    if ((code = ogl_decoder_feed(d, block, sizeof block)) >= 0) code = drain(d);
  return code;
}

static void test_line_limit(void) {
  struct ogl_decoder d;
  check_case("decoder: a line above the limit, after the text before it");
  begin(&d, &plain);
  CHECK_INT(pour(&d, CHUNK("Hel") "data: ", OGL_MAX_LINE >> 20), OGL_ERR_LINE);
  check_sticky(&d, OGL_ERR_LINE);
  CHECK_TEXT(folded(&d), "Hel");
  ogl_decoder_clear(&d);
}

static void test_body_limit(void) {
  struct ogl_decoder_options options = { "application/json", 0, 1, 0, 0 };
  struct ogl_decoder d;
  check_case("decoder: a whole body above the limit");
  begin(&d, &options);
  CHECK_INT(pour(&d, "{\"x\":\"", OGL_MAX_BODY >> 20), OGL_ERR_BODY);
  check_sticky(&d, OGL_ERR_BODY);
  ogl_decoder_clear(&d);
}

static void test_depth_limit(void) {
  struct ogl_decoder d;
  char text[1024] = "data: {\"choices\":";
  check_case("decoder: JSON above the depth limit, although nobody reads it");
  size_t n = strlen(text);
  memset(text + n, '[', 2 * OGL_MAX_DEPTH);
  memcpy(text + n + 2 * OGL_MAX_DEPTH, "\n\n", 3);
  begin(&d, &plain);
  feed(&d, text);
  check_sticky(&d, OGL_ERR_DEPTH);
  ogl_decoder_clear(&d);
}

static void test_part_limit(void) {
  struct ogl_decoder d;
  char chunk[256];
  int code = OGL_MORE, i = 0;
  check_case("decoder: a peer that opens calls without end, or choices");
  begin(&d, &plain);
  for (; i <= 2 * OGL_MAX_PARTS && code >= 0; i++) {
    snprintf(chunk, sizeof chunk,
             "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d,\"function\":{\"name\":\"f\"}}]}}]}\n\n",
             i);
    feed(&d, chunk);
    code = drain(&d);
  }
  CHECK_INT(i, OGL_MAX_PARTS + 1);
  check_sticky(&d, OGL_ERR_PARTS);
  ogl_decoder_clear(&d);
  begin(&d, &plain);
  for (i = 0, code = OGL_MORE; i <= 2 * OGL_MAX_CHOICES && code >= 0; i++) {
    snprintf(chunk, sizeof chunk, "data: {\"choices\":[{\"index\":%d,\"delta\":{\"content\":\"x\"}}]}\n\n",
             1000000 * i);
    feed(&d, chunk);
    code = drain(&d);
  }
  CHECK_INT(i, OGL_MAX_CHOICES + 1);
  check_sticky(&d, OGL_ERR_PARTS);
  ogl_decoder_clear(&d);
}

/* A piece of 8 MiB of the arguments of choice `number`'s call; what next says then. */
static int pour_arguments(struct ogl_decoder *d, int number) {
  char head[128];
  snprintf(head, sizeof head,
           "data: "
           "{\"choices\":[{\"index\":%d,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\","
           "\"arguments\":\"",
           number);
  int code = pour(d, head, 8);
  feed(d, "\"}}]}}]}\n\n");
  return code < 0 ? code : drain(d);
}

static void test_arguments_limit(void) {
  struct ogl_decoder_options options = { "text/event-stream", 0, 0, 0, 0 };
  struct ogl_decoder d;
  int code = OGL_MORE, pieces = 0;
  check_case("decoder: arguments of several choices share one ceiling, also where nothing is kept");
  begin(&d, &options);
  for (; pieces < 20 && code >= 0; pieces++) code = pour_arguments(&d, pieces % 4);
  CHECK_INT(pieces, (OGL_MAX_REPLY >> 23));
  check_sticky(&d, OGL_ERR_REPLY);
  ogl_decoder_clear(&d);
}

static size_t held(const struct ogl_decoder *d) {
  const struct ogl_sse *s = &d->framer.u.sse;
  return s->in.cap + s->data.cap + s->bare.cap + d->framer.first.cap + d->framer.fixed.cap + d->later.cap +
         d->queue.bytes.cap + d->queue.cap * sizeof *d->queue.events + ogl_decoder_problem(d)->message.cap;
}

static void test_memory(void) {
  struct ogl_decoder_options options = plain;
  struct ogl_decoder d;
  static char pieces[16 * 1024];
  check_case("decoder: 64 MiB of stream through keep = 0 in a few tens of KiB");
  size_t one = strlen(CHUNK("0123456789")), n = sizeof pieces / one * one;
  for (size_t at = 0; at < n; at += one) memcpy(pieces + at, CHUNK("0123456789"), one);
  options.keep = 0;
  begin(&d, &options);
  for (size_t fed = 0; fed < 64u << 20; fed += n) {
    if (ogl_decoder_feed(&d, pieces, n) != OGL_OK || drain(&d) != OGL_MORE) break;
    if (held(&d) > 128 * 1024) break;
  }
  CHECK_INT(d.err, 0);
  CHECK(held(&d) <= 128 * 1024);
  ogl_decoder_clear(&d);
}

#define CHOICE(n, text) "data: {\"choices\":[{\"index\":" n ",\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define THOUGHT(text)   "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"" text "\"}}]}\n\n"

static void check_text(struct ogl_decoder *d, int joined, const char *want) {
  struct ogl_event e;
  unsigned passed = 0;
  CHECK_INT(ogl_decoder_text(d, joined, &e, &passed), OGL_OK);
  CHECK_TEXT(e.a, want);
  CHECK(e.kind == OGL_EVENT_TEXT && e.choice == 0 && passed);
}

static void test_texts(void) {
  struct ogl_decoder d;
  struct ogl_event e;
  unsigned passed = 0;
  check_case("decoder: texts, joined and one by one, past all else");
  begin(&d, &plain);
  CHECK_INT(ogl_decoder_text(&d, 1, &e, &passed), OGL_MORE);
  feed(&d, THOUGHT("hm") CHOICE("1", "no"));
  CHECK(ogl_decoder_text(&d, 1, &e, &passed) == OGL_MORE && passed); /* nothing to say is no text */
  feed(&d, CHUNK("Hel") CHOICE("1", "no") CHUNK("lo") CHUNK("\\n") THOUGHT("hm"));
  check_text(&d, 1, "Hello\n");
  CHECK_INT(ogl_decoder_text(&d, 1, &e, &passed), OGL_MORE);
  feed(&d, CHUNK("a") CHOICE("1", "no") CHUNK("b") "data: {\"choi");
  check_text(&d, 0, "a");
  check_text(&d, 0, "b");
  CHECK_INT(ogl_decoder_text(&d, 0, &e, &passed), OGL_MORE);
  feed(&d, "ces\":[]}\n\n" CHUNK("c") STOP DONE CHUNK("d"));
  check_text(&d, 1, "c");
  CHECK_INT(ogl_decoder_text(&d, 1, &e, &passed), OGL_MORE);
  CHECK(ogl_decoder_ended(&d));
  CHECK_TEXT(folded(&d), "hm");
  ogl_decoder_clear(&d);
}

static void test_texts_before_an_error(void) {
  struct ogl_decoder d;
  struct ogl_event e;
  unsigned passed = 0;
  const struct ogl_decoder_options small = { "text/event-stream", 0, 1, 7, 0 };
  check_case("decoder: a joined text comes before the error behind it");
  begin(&d, &plain);
  feed(&d, CHUNK("Hel") CHUNK("lo") "data: {\"error\":{\"message\":\"gave up\"}}\n\n" CHUNK("!"));
  check_text(&d, 1, "Hello");
  CHECK_INT(ogl_decoder_text(&d, 1, &e, &passed), OGL_ERR_PROVIDER);
  CHECK_INT(ogl_decoder_next(&d, &e), OGL_ERR_PROVIDER);
  CHECK_TEXT(folded(&d), "Hello");
  ogl_decoder_clear(&d);
  begin(&d, &small);
  feed(&d, CHUNK("abc") CHUNK("def") CHUNK("ghi") CHUNK("jkl"));
  check_text(&d, 1, "abcdef");
  CHECK_INT(ogl_decoder_text(&d, 1, &e, &passed), OGL_ERR_REPLY);
  ogl_decoder_clear(&d);
  begin(&d, &plain);
  feed(&d, CHUNK("abc"));
  ogl_decoder_finish(&d);
  check_text(&d, 1, "abc");
  CHECK_INT(ogl_decoder_text(&d, 1, &e, &passed), OGL_ERR_INCOMPLETE);
  ogl_decoder_clear(&d);
  CHECK_INT(ogl_decoder_text(&d, 1, &e, &passed), OGL_ERR_CLOSED);
}

static void test_long_texts(void) {
  struct ogl_decoder d;
  struct ogl_event e;
  unsigned passed = 0;
  check_case("decoder: a long joined text keeps no block");
  begin(&d, &plain);
  for (int i = 0; i < 1000; i++) feed(&d, CHUNK("a text of some bytes"));
  CHECK_INT(ogl_decoder_text(&d, 1, &e, &passed), OGL_OK);
  CHECK(e.a.n == 20000);
  CHECK_INT(ogl_decoder_text(&d, 1, &e, &passed), OGL_MORE);
  CHECK(d.text.cap == 0);
  ogl_decoder_clear(&d);
}

static void test_registry(void) {
  check_case("decoder: protocols by name");
  CHECK(ogl_protocol_find("openai_chat") == &ogl_openai_chat);
  CHECK(ogl_protocol_find("openai") == NULL);
  CHECK(ogl_protocol_find("") == NULL);
}

void test_decoder(void) {
  test_life();
  test_clear();
  test_finish_early();
  test_feed_between();
  test_keep();
  test_provider_error();
  test_incomplete();
  test_strict();
  test_excerpt();
  test_reply_limit();
  test_line_limit();
  test_body_limit();
  test_depth_limit();
  test_part_limit();
  test_arguments_limit();
  test_memory();
  test_texts();
  test_texts_before_an_error();
  test_long_texts();
  test_registry();
}
