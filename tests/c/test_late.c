/* SPDX-License-Identifier: MIT
** test_late.c - what stands behind an error of the server: the cost and the reason go into the partial reply, all else does not.
*/
#include "../../csrc/core/transcoder.h"
#include "../../csrc/protocol/registry.h"
#include "check.h"
#include "suites.h"

/* An answer with an error in it; of what comes behind it these numbers and this reason count. */
static const struct late {
  const char *protocol, *content_type, *body, *message, *text, *reason;
  double input, output;
} cases[] = {
  { "openai_chat", "text/event-stream",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"It is\"}}]}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"error\":{\"message\":\"gave "
    "up\"}}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"!\"}}],\"error\":{\"message\":\"again\"},"
    "\"usage\":{\"prompt_tokens\":41,\"completion_tokens\":243}}\n\ndata: [DONE]\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n",
    "gave up", "It is", "stop", 41, 243 },
  { "openai_chat", "application/json",
    "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"It is\"},\"finish_reason\":\"error\",\"error\":{\"message\":"
    "\"gave up\"}}],\"usage\":{\"prompt_tokens\":41,\"completion_tokens\":243}}",
    "gave up", "It is", "error", 41, 243 },
  { "openai_chat", "text/event-stream",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"It is\"}}]}\n\nevent: error\ndata: "
    "{\"detail\":\"busy\"}\n\n"
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":41,\"completion_tokens\":243}}\n\n",
    "busy", "It is", "error", 41, 243 },
  { "openai_responses", "text/event-stream",
    "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"It is\"}\n\n"
    "data: {\"type\":\"error\",\"message\":\"gave up\"}\n\n"
    "data: "
    "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"message\":\"later\"},\"output\":[],"
    "\"usage\":{\"input_tokens\":41,\"output_tokens\":243}}}\n\n",
    "gave up", "It is", "error", 41, 243 },
  { "openai_responses", "text/event-stream",
    "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"It is\"}\n\n"
    "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"message\":\"gave "
    "up\"},\"output\":[],"
    "\"usage\":{\"input_tokens\":41,\"output_tokens\":243}}}\n\n",
    "gave up", "It is", "error", 41, 243 },
  { "anthropic", "text/event-stream",
    "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":41}}}\n\n"
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"It is\"}}\n\n"
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"gave up\"}}\n\n"
    "data: "
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{\"output_tokens\":243}}\n\n",
    "gave up", "It is", "length", 41, 243 },
  { "gemini", "text/event-stream",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"It is\"}]},\"index\":0}]}\n\n"
    "data: {\"error\":{\"message\":\"gave up\"}}\n\n"
    "data: {\"candidates\":[{\"finishReason\":\"MAX_TOKENS\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":41,"
    "\"candidatesTokenCount\":243}}\n\n",
    "gave up", "It is", "length", 41, 243 },
  { "ollama", "application/x-ndjson",
    "{\"message\":{\"content\":\"It is\"},\"done\":false}\n{\"error\":\"gave up\"}\n"
    "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"length\",\"prompt_eval_count\":41,\"eval_count\":"
    "243}\n",
    "gave up", "It is", "length", 41, 243 },
};

/* Events until there are none; the code that ended them. */
static int drain(struct ogl_decoder *d) {
  struct ogl_event e;
  int code;
  while ((code = ogl_decoder_next(d, &e)) == OGL_OK) continue;
  return code;
}

static void check_partial(const struct ogl_decoder *d, const struct late *c) {
  const struct ogl_answer *a = ogl_fold_answer(&d->fold, 0);
  CHECK_SPAN(ogl_buf_span(&ogl_decoder_problem(d)->message), check_span(c->message));
  if (!CHECK(a != NULL && a->n == 1)) return;
  CHECK_SPAN(ogl_buf_span(&a->parts[0].text), check_span(c->text));
  CHECK_SPAN(ogl_buf_span(&a->reason), check_span(c->reason));
  CHECK(d->fold.usage.v[OGL_USAGE_INPUT] == c->input && d->fold.usage.v[OGL_USAGE_OUTPUT] == c->output);
}

/* Fed in pieces of that size; the error is met as soon as it is there, and stays the same. */
static void play(const struct late *c, size_t step) {
  struct ogl_decoder_options options = { c->content_type, 0, 1, 0, 0 };
  struct ogl_decoder d;
  size_t n = strlen(c->body);
  CHECK_INT(ogl_decoder_init(&d, ogl_protocol_find(c->protocol), &options), 0);
  for (size_t at = 0; at < n; at += step) {
    ogl_decoder_feed(&d, c->body + at, n - at < step ? n - at : step);
    int code = drain(&d);
    CHECK(code == OGL_MORE || code == OGL_ERR_PROVIDER);
  }
  ogl_decoder_finish(&d);
  CHECK_INT(drain(&d), OGL_ERR_PROVIDER);
  CHECK(!ogl_decoder_wants(&d) && !ogl_decoder_ended(&d));
  check_partial(&d, c);
  ogl_decoder_clear(&d);
}

static void test_wants(void) {
  static const char error[] = "data: {\"error\":{\"message\":\"no\"}}\n\n", done[] = "data: [DONE]\n\n";
  struct ogl_decoder_options options = { "text/event-stream", 0, 1, 0, 0 };
  struct ogl_decoder d;
  check_case("late: more is wanted until the terminal marker, or the end");
  CHECK_INT(ogl_decoder_init(&d, &ogl_openai_chat, &options), 0);
  CHECK(ogl_decoder_wants(&d));
  CHECK_INT(ogl_decoder_feed(&d, error, sizeof error - 1), OGL_OK);
  CHECK_INT(drain(&d), OGL_ERR_PROVIDER);
  CHECK(ogl_decoder_wants(&d));
  CHECK_INT(ogl_decoder_feed(&d, done, sizeof done - 1), OGL_ERR_PROVIDER);
  CHECK(!ogl_decoder_wants(&d));
  CHECK_INT(ogl_decoder_feed(&d, error, sizeof error - 1), OGL_ERR_PROVIDER);
  ogl_decoder_clear(&d);
  check_case("late: nothing is wanted behind an error of the answer's form");
  CHECK_INT(ogl_decoder_init(&d, &ogl_openai_chat, &options), 0);
  d.strict = 1;
  CHECK_INT(ogl_decoder_feed(&d, "data: }\n\n", 9), OGL_OK);
  CHECK_INT(drain(&d), OGL_ERR_SYNTAX);
  CHECK(!ogl_decoder_wants(&d));
  ogl_decoder_clear(&d);
}

static void test_transcoded(const struct late *c) {
  struct ogl_decoder_options options = { c->content_type, 0, 0, 0, 0 };
  struct ogl_encoder_context context = { { "id1", 3 }, { "m", 1 }, 1700000000, 1, { "", 0 }, 0, 0, 0,
                                         { "", 0 },    { "", 0 } };
  struct ogl_transcoder t;
  size_t n = strlen(c->body);
  CHECK_INT(ogl_transcoder_init(&t, ogl_protocol_find(c->protocol), &options, &ogl_openai_chat_encoding, 0, &context),
            0);
  for (size_t at = 0; at < n; at++) CHECK(ogl_transcoder_feed(&t, c->body + at, 1) >= 0);
  CHECK(ogl_transcoder_finish(&t) >= 0);
  CHECK_INT(t.problem, OGL_ERR_PROVIDER);
  CHECK(t.encoder.usage.v[OGL_USAGE_INPUT] == c->input && t.encoder.usage.v[OGL_USAGE_OUTPUT] == c->output);
  ogl_transcoder_clear(&t);
}

void test_late(void) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("late: %s, %s, at once, byte by byte, and transcoded", cases[i].protocol, cases[i].content_type);
    play(&cases[i], 1 << 20);
    play(&cases[i], 1);
    play(&cases[i], 50);
    test_transcoded(&cases[i]);
  }
  test_wants();
}
