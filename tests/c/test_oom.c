/* SPDX-License-Identifier: MIT
** test_oom.c - no memory: every case of tests/wire with its n-th allocation failing, for every n until none fails; decoded, and
** transcoded to every protocol that can be written, streamed and whole. With `websocket`: messages of that; with `http1`: an answer of
** HTTP/1.1; with `json`: a JSON value that grows.
**
** Each failure has to come out as OGL_ERR_MEMORY and stay; nothing may leak, and decoder and transcoder can be cleared,
** twice. With no failure left the case ends as it does elsewhere (replay.c looks at its events). The core is
** compiled with OGL_TEST_ALLOC here, see mem.h.
*/
#ifndef OGL_TEST_ALLOC
#define OGL_TEST_ALLOC
#endif

#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/core/mem.h"
#include "../../csrc/core/transcoder.h"
#include "../../csrc/core/websocket.h"
#include "../../csrc/protocol/registry.h"
#include "answers.h"
#include "check.h"
#include "files.h"
#include "growth.h"
#include "journal.h"
#include "wire_case.h"

/* --- the hooks ------------------------------------------------------------------------------------------------- */

static struct {
  long countdown; /* allocations that still succeed; negative: all do */
  int failed;     /* one was refused */
  long live;      /* blocks that are not freed */
} heap = { -1, 0, 0 };

void *ogl_test_realloc(void *p, size_t n) {
  if (heap.countdown == 0) return heap.failed = 1, NULL; /* and so does every one after it */
  if (heap.countdown > 0) heap.countdown--;
  void *block = realloc(p, n);
  if (!block) abort();
  if (!p) heap.live++;
  return block;
}

void ogl_test_free(void *p) {
  if (p) heap.live--;
  free(p);
}

static void arm(long n) {
  heap.countdown = n;
  heap.failed = 0;
}

/* --- one case -------------------------------------------------------------------------------------------------- */

/* What is taken from the decoder. */
enum reading { EVENTS, JOINED_TEXTS };

/* Takes up to `most` of it and forgets it. */
static int drain(struct ogl_decoder *d, enum reading reading, size_t most) {
  struct ogl_event e;
  unsigned passed = 0;
  int code = OGL_OK;
  while (most-- && code == OGL_OK)
    code = reading == EVENTS ? ogl_decoder_next(d, &e) : ogl_decoder_text(d, 1, &e, &passed);
  return code;
}

/* Plays the case in pieces of `step` bytes, with one event or text taken after each; how it ended. */
static int play(struct ogl_decoder *d, enum reading reading, struct ogl_span input, size_t step) {
  for (size_t at = 0, n; at < input.n; at += n) {
    n = input.n - at < step ? input.n - at : step;
    if (ogl_decoder_feed(d, input.p + at, n) < 0) break;
    drain(d, reading, 1);
  }
  ogl_decoder_finish(d);
  return drain(d, reading, (size_t)-1);
}

/* The n-th allocation fails: 1, or 0 when there are not so many. */
static int play_failing(const struct wire_case *c, const struct ogl_protocol *protocol, enum reading reading,
                        size_t step, long n, int *code) {
  struct ogl_decoder_options options = wire_case_options(c);
  struct ogl_decoder d;
  struct ogl_event e;
  long before = heap.live;
  arm(n);
  *code = ogl_decoder_init(&d, protocol, &options);
  if (*code == 0) *code = play(&d, reading, ogl_buf_span(&c->input), step);
  int failed = heap.failed;
  arm(-1);
  if (failed) { /* there is memory again, but something was lost */
    CHECK_INT(*code, OGL_ERR_MEMORY);
    CHECK_INT(ogl_decoder_next(&d, &e), OGL_ERR_MEMORY);
    CHECK_INT(ogl_decoder_feed(&d, "data: [DONE]\n\n", 14), OGL_ERR_MEMORY);
    CHECK(!ogl_decoder_ended(&d));
  }
  ogl_decoder_clear(&d);
  ogl_decoder_clear(&d);
  CHECK_INT(heap.live, before);
  return failed;
}

static void check_wire_case(const struct wire_case *c, const struct ogl_protocol *protocol, enum reading reading,
                            size_t step) {
  int code, want;
  long n = 0;
  play_failing(c, protocol, reading, step, -1, &want);
  while (play_failing(c, protocol, reading, step, n, &code)) n++;
  CHECK_INT(code, want);
  CHECK(n > 0);
}

/* --- transcoded -------------------------------------------------------------------------------------------------- */

/* The n-th allocation fails, now of a transcoder (untouched: one that passes bytes on): 1, or 0 when there are not so many. */
static int transcode_failing(const struct wire_case *c, const struct ogl_protocol *protocol,
                             const struct ogl_encoding *to, int is_whole, int untouched, long n) {
  struct ogl_decoder_options options = wire_case_options(c);
  struct ogl_encoder_context context = { { "", 0 }, { "", 0 }, 1, 1,         { "\"tools\":[]", 10 },
                                         0,         0,         0, { "", 0 }, { "", 0 } };
  struct ogl_span input = ogl_buf_span(&c->input);
  struct ogl_transcoder t;
  long before = heap.live;
  arm(n);
  int code = ogl_transcoder_init(&t, protocol, &options, to, is_whole, &context);
  t.untouched = untouched;
  if (code == 0) code = ogl_transcoder_feed(&t, input.p, input.n);
  if (code >= 0) code = ogl_transcoder_finish(&t);
  int failed = heap.failed;
  arm(-1);
  if (failed) {
    CHECK_INT(code, OGL_ERR_MEMORY);
    CHECK_INT(ogl_transcoder_finish(&t), OGL_ERR_MEMORY);
  } else {
    CHECK(code >= 0);
  }
  ogl_transcoder_clear(&t);
  ogl_transcoder_clear(&t);
  CHECK_INT(heap.live, before);
  return failed;
}

static void check_transcoded(const struct wire_case *c, const struct ogl_protocol *protocol, const char *name) {
  static const char *const names[] = { "openai_chat", "openai_responses", "anthropic", "gemini", "ollama" };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const struct ogl_encoding *to = ogl_encoding_find(names[i]);
    if (!CHECK(to != NULL)) continue;
    for (int is_whole = 0; is_whole < 2; is_whole++) {
      long n = 0;
      check_case("no memory: %s to %s, %s", name, names[i], is_whole ? "whole" : "streamed");
      while (transcode_failing(c, protocol, to, is_whole, 0, n)) n++;
      CHECK(n > 0);
      if (strcmp(names[i], name) != 0) continue;
      n = 0;
      check_case("no memory: %s untouched, %s", name, is_whole ? "whole" : "streamed");
      while (transcode_failing(c, protocol, to, is_whole, 1, n)) n++;
      CHECK(n > 0);
    }
  }
}

/* --- messages of WebSockets ------------------------------------------------------------------------------------ */

/* Fragments that need more than the first block, a ping between them, and a text in one frame. */
static size_t make_messages(char *out) {
  char *p = out;
  for (int i = 0; i < 20; i++) {
    *p++ = (char)(i ? 0x00 : 0x01);
    *p++ = 100;
    memset(p, 'x', 100);
    p += 100;
    memcpy(p, "\x89\x01?", 3);
    p += 3;
  }
  memcpy(p, "\x80\x00\x81\x05Hello", 9);
  return (size_t)(p + 9 - out);
}

/* Feeds all of it in pieces, and takes what comes; how it ended. */
static int read_messages(struct ogl_websocket *w, const char *p, size_t n, size_t step, int *texts) {
  struct ogl_websocket_item item;
  int code = OGL_MORE;
  for (size_t at = 0; at < n && code >= 0; at += step) {
    code = ogl_websocket_feed(w, p + at, n - at < step ? n - at : step);
    while (code >= 0 && (code = ogl_websocket_next(w, &item)) == OGL_OK) *texts += item.kind == OGL_WEBSOCKET_TEXT;
  }
  return code;
}

/* The n-th allocation fails: 1, or 0 when there are not so many. */
static int messages_failing(size_t step, long n) {
  static char bytes[4096];
  struct ogl_websocket w;
  struct ogl_websocket_item item;
  int texts = 0;
  long before = heap.live;
  size_t size = make_messages(bytes);
  arm(n);
  ogl_websocket_init(&w, 0);
  int code = read_messages(&w, bytes, size, step, &texts), failed = heap.failed;
  arm(-1);
  CHECK_INT(code, failed ? OGL_ERR_MEMORY : OGL_MORE);
  CHECK(failed || texts == 2);
  if (failed) {
    CHECK_INT(w.close_code, 0);
    CHECK_INT(ogl_websocket_feed(&w, "", 0), OGL_ERR_MEMORY);
    CHECK_INT(ogl_websocket_next(&w, &item), OGL_ERR_MEMORY);
  }
  ogl_websocket_clear(&w);
  CHECK_INT(heap.live, before);
  return failed;
}

static int check_messages(void) {
  static const size_t steps[] = { 1, 61, 4096 };
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    long n = 0;
    check_case("no memory: messages, %d bytes at a time", (int)steps[i]);
    while (messages_failing(steps[i], n)) n++;
    CHECK(n > 1);
  }
  return check_end();
}

/* --- HTTP/1.1 ---------------------------------------------------------------------------------------------------- */

/* The n-th allocation fails: 1, or 0 when there are not so many. */
static int answer_failing(struct ogl_span input, size_t step, long n) {
  struct ogl_span end = { "", 0 }, body;
  struct ogl_http1 h;
  struct ogl_buf log;
  long before = heap.live;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_room(&log, 2 * input.n); /* the log is no part of the test */
  ogl_http1_init(&h, check_span("GET"));
  arm(n);
  int code = answers_play(&log, &h, input, 0, step), failed = heap.failed;
  arm(-1);
  CHECK_INT(code, failed ? OGL_ERR_MEMORY : OGL_HTTP1_END);
  if (failed) CHECK_INT(ogl_http1_next(&h, &end, &body), OGL_ERR_MEMORY);
  ogl_http1_clear(&h);
  ogl_http1_clear(&h);
  ogl_buf_clear(&log);
  CHECK_INT(heap.live, before);
  return failed;
}

static int check_http1(void) {
  static char answer[2000];
  snprintf(answer, sizeof answer,
           "HTTP/1.1 200 OK\r\nx-long: %01200d\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 0);
  for (size_t step = 0; step < 3; step++) {
    long n = 0;
    check_case("no memory: an answer of HTTP in pieces of %d", (int)step);
    while (answer_failing(check_span(answer), step, n)) n++;
    CHECK(n > 0);
  }
  return check_end();
}

/* --- values that grow --------------------------------------------------------------------------------------------- */

/* The n-th allocation fails: 1, or 0 when there are not so many. */
static int growth_failing(struct ogl_span input, size_t step, long n) {
  struct ogl_json_finder f;
  struct ogl_buf log;
  long before = heap.live;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_room(&log, 2 * input.n + 100); /* the log is no part of the test */
  ogl_json_finder_init(&f, OGL_MAX_REPLY);
  arm(n);
  int code = growth_play(&log, &f, input, 0, step), failed = heap.failed;
  arm(-1);
  CHECK_INT(code, failed ? OGL_ERR_MEMORY : OGL_OK);
  if (failed) CHECK_INT(ogl_json_finder_feed(&f, "", 0), OGL_ERR_MEMORY);
  if (failed) CHECK_INT(ogl_json_finder_finish(&f), OGL_ERR_MEMORY);
  ogl_json_finder_clear(&f);
  ogl_json_finder_clear(&f);
  ogl_buf_clear(&log);
  CHECK_INT(heap.live, before);
  return failed;
}

static int check_growth(void) {
  static char text[2000];
  snprintf(text, sizeof text, "as in [1]:\n```json\n{\"a key\":\"%0600d\",\"b\":[12,true,\"\\u00e9%0300d\"]}\n```", 0,
           0);
  for (size_t step = 0; step < 3; step++) {
    long n = 0;
    check_case("no memory: a value that grows, in pieces of %d", (int)step);
    while (growth_failing(check_span(text), step, n)) n++;
    CHECK(n > 1);
  }
  return check_end();
}

int main(int argc, char **argv) {
  struct files_list cases;
  if (argc == 2 && strcmp(argv[1], "http1") == 0) return check_http1();
  if (argc == 2 && strcmp(argv[1], "json") == 0) return check_growth();
  const char *folder = argc == 2 ? argv[1] : "", *slash = strrchr(folder, '/');
  const struct ogl_protocol *protocol = ogl_protocol_find(slash ? slash + 1 : folder);
  if (strcmp(folder, "websocket") == 0) return check_messages();
  if (!protocol || !files_list(&cases, folder, ".md") || !cases.n) {
    fprintf(stderr, "usage: test_oom tests/wire/PROTOCOL | websocket | http1\n");
    return 2;
  }
  for (size_t i = 0; i < cases.n; i++) {
    struct wire_case c;
    check_case("no memory: %s", cases.names[i]);
    if (!wire_case_read(&c, folder, cases.names[i])) check_that(0, cases.names[i], 1, c.problem);
    else {
      check_wire_case(&c, protocol, EVENTS, (size_t)-1);
      check_wire_case(&c, protocol, EVENTS, 61);
      check_wire_case(&c, protocol, JOINED_TEXTS, 61);
      check_transcoded(&c, protocol, cases.names[i]);
    }
    wire_case_clear(&c);
  }
  files_list_clear(&cases);
  return check_end();
}
