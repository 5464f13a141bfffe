/* SPDX-License-Identifier: MIT
** test_transcoder.c - transcoders that leave bytes untouched, and that are silent: each case is an answer, what comes out of it in
** pieces of any size, and what comes out once its caller tells of the error. roundtrip.c has the answers that are translated.
*/
#include "../../csrc/core/transcoder.h"
#include "../../csrc/protocol/registry.h"
#include "check.h"
#include "suites.h"

static const struct untouched {
  const char *what, *protocol, *content_type, *body, *out, *told; /* told: "": nothing more; NULL: it ends well */
  int is_whole, problem;
} cases[] = {
  { "a stream", "openai_chat", "text/event-stream",
    ": hi\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"odd\": 1}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n: bye",
    ": hi\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"odd\": 1}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n: bye",
    NULL, 0, 0 },
  { "a line without an end", "ollama", "application/x-ndjson",
    "{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}",
    "{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}", NULL,
    0, 0 },
  { "a stream that breaks off in a line", "openai_chat", "text/event-stream",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"cho",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
    "\ndata: {\"error\":{\"message\":\"gone\",\"type\":\"network\",\"code\":null,\"param\":null}}\n\n", 0,
    OGL_ERR_INCOMPLETE },
  { "the same in lines", "ollama", "application/x-ndjson", "{\"message\":{\"content\":\"a\"}}\n{\"mess",
    "{\"message\":{\"content\":\"a\"}}\n", "{\"error\":\"gone\"}\n", 0, OGL_ERR_INCOMPLETE },
  { "an error that the server told", "openai_chat", "text/event-stream",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: "
    "{\"error\":{\"message\":\"no\"}}\n\ndata: [DO",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: "
    "{\"error\":{\"message\":\"no\"}}\n\ndata: [DO",
    "", 0, OGL_ERR_PROVIDER },
  { "a whole body", "openai_chat", "application/json",
    "{\"choices\":[{\"index\":0,\n\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n",
    "{\"choices\":[{\"index\":0,\n\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n", NULL, 1, 0 },
};

static void take(struct ogl_buf *out, struct ogl_transcoder *t) {
  struct ogl_span made = ogl_buf_span(&t->encoder.out);
  ogl_buf_append(out, made.p, made.n);
  ogl_buf_reset(&t->encoder.out);
}

static void check_told(struct ogl_transcoder *t, const char *told) {
  struct ogl_event error;
  struct ogl_buf out;
  memset(&error, 0, sizeof error);
  error.kind = OGL_EVENT_ERROR;
  error.a = check_span("gone");
  error.b = check_span("network");
  ogl_buf_init(&out, OGL_MAX_BODY, OGL_ERR_BODY);
  CHECK(ogl_transcoder_fail(t, &error) >= 0);
  take(&out, t);
  CHECK_TEXT(ogl_buf_span(&out), told);
  ogl_buf_clear(&out);
}

static void play(const struct untouched *c, size_t step) {
  struct ogl_decoder_options options = { c->content_type, 0, 0, 0, 0 };
  struct ogl_encoder_context context;
  struct ogl_transcoder t;
  struct ogl_buf out;
  size_t n = strlen(c->body);
  memset(&context, 0, sizeof context);
  ogl_buf_init(&out, OGL_MAX_BODY, OGL_ERR_BODY);
  CHECK_INT(ogl_transcoder_init(&t, ogl_protocol_find(c->protocol), &options, ogl_encoding_find(c->protocol),
                                c->is_whole, &context),
            0);
  t.silent = t.untouched = 1;
  for (size_t at = 0; at < n; at += step) {
    CHECK(ogl_transcoder_feed(&t, c->body + at, n - at < step ? n - at : step) >= 0);
    take(&out, &t);
  }
  CHECK_INT(ogl_transcoder_finish(&t), OGL_OK);
  take(&out, &t);
  CHECK_TEXT(ogl_buf_span(&out), c->out);
  CHECK_INT(t.problem, c->problem);
  CHECK_INT(t.tally.chunks, 1);
  CHECK_INT(t.tally.bytes, 1);
  if (c->told) check_told(&t, c->told);
  ogl_buf_clear(&out);
  ogl_transcoder_clear(&t);
}

void test_transcoder(void) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("transcoder: %s passes untouched, at once, byte by byte, and in pieces", cases[i].what);
    play(&cases[i], 1 << 20);
    play(&cases[i], 1);
    play(&cases[i], 37);
  }
}
