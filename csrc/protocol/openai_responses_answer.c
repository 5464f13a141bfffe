/* SPDX-License-Identifier: MIT
** openai_responses_answer.c - the response object that is written: as a stream begins, as it ends, and as the whole body.
**
** Of the request it repeats what the context tells (`echo`); members that clients take for granted have the API's defaults.
** An end that this protocol has no word for is incomplete, and the reason is the source's own word: the reply is there, and is not
** what was asked for.
*/
#include "../core/json.h"
#include "openai_responses_writer.h"

/* --- the request's members -------------------------------------------------------------------------------------- */

/* Whether a member of the echo is left out, because it is written here or does not belong to an answer. */
static int is_ours(struct ogl_span key) {
  static const char *const names[] = { "id",    "object",     "created_at",         "status",
                                       "error", "model",      "incomplete_details", "output",
                                       "usage", "output_text" };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (ogl_span_equal(key, names[i], strlen(names[i]))) return 1;
  return 0;
}

static const struct {
  const char *name, *json;
} defaults[] = {
  { "instructions", "null" }, { "metadata", "{}" }, { "parallel_tool_calls", "true" },
  { "temperature", "null" },  { "tools", "[]" },    { "tool_choice", "\"auto\"" },
  { "top_p", "null" },
};

enum { DEFAULTS = sizeof defaults / sizeof defaults[0] };

static void add_member(struct ogl_buf *b, struct ogl_span key, struct ogl_span json) {
  ogl_buf_text(b, ",\"");
  ogl_buf_append(b, key.p, key.n);
  ogl_buf_text(b, "\":");
  ogl_buf_append(b, json.p, json.n);
}

/* The members of the echo, and then the defaults of those that are not among them. */
static void make_tail(struct ogl_encoder *e, struct ogl_buf *tail) {
  struct ogl_buf all;
  struct ogl_json j;
  struct ogl_span key, json;
  unsigned told = 0;
  ogl_buf_init(&all, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(tail, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_byte(&all, '{');
  ogl_buf_append(&all, ogl_buf_span(&e->echo).p, e->echo.n);
  ogl_buf_byte(&all, '}');
  ogl_json_open(&j, ogl_buf_span(&all).p, all.n);
  ogl_json_enter_or_skip(&j, '{');
  while (ogl_json_key(&j, &key) > 0 && ogl_json_skip(&j, &json) > 0) {
    for (int i = 0; i < DEFAULTS; i++)
      if (ogl_span_equal(key, defaults[i].name, strlen(defaults[i].name))) told |= 1u << i;
    if (!is_ours(key)) add_member(tail, key, json);
  }
  for (int i = 0; i < DEFAULTS; i++)
    if (!(told >> i & 1))
      add_member(tail, (struct ogl_span){ defaults[i].name, strlen(defaults[i].name) },
                 (struct ogl_span){ defaults[i].json, strlen(defaults[i].json) });
  if (all.err && !e->out.err) e->out.err = all.err;
  if (tail->err && !e->out.err) e->out.err = tail->err;
  ogl_buf_clear(&all);
}

/* --- usage ------------------------------------------------------------------------------------------------------ */

/* A count that was never told counts as nothing: clients read it without a question. */
static void put_count(struct ogl_encoder *e, const char *name, int field) {
  ogl_out_text(e, name);
  ogl_out_count(e, ogl_usage_has(&e->usage, field) ? e->usage.v[field] : 0);
}

static void put_usage(struct ogl_encoder *e) {
  struct ogl_usage *u = &e->usage;
  if (!u->known) {
    ogl_out_text(e, "null");
    return;
  }
  if (!ogl_usage_has(u, OGL_USAGE_TOTAL))
    ogl_usage_set(u, OGL_USAGE_TOTAL, u->v[OGL_USAGE_INPUT] + u->v[OGL_USAGE_OUTPUT]);
  put_count(e, "{\"input_tokens\":", OGL_USAGE_INPUT);
  put_count(e, ",\"input_tokens_details\":{\"cached_tokens\":", OGL_USAGE_CACHED);
  if (ogl_usage_has(u, OGL_USAGE_CACHE_WRITE)) put_count(e, ",\"cache_write_tokens\":", OGL_USAGE_CACHE_WRITE);
  put_count(e, "},\"output_tokens\":", OGL_USAGE_OUTPUT);
  put_count(e, ",\"output_tokens_details\":{\"reasoning_tokens\":", OGL_USAGE_REASONING);
  put_count(e, "},\"total_tokens\":", OGL_USAGE_TOTAL);
  if (ogl_usage_has(u, OGL_USAGE_COST)) {
    ogl_out_text(e, ",\"cost\":");
    ogl_out_amount(e, u->v[OGL_USAGE_COST]);
  }
  ogl_out_text(e, "}");
}

/* --- how it ended ----------------------------------------------------------------------------------------------- */

static struct ogl_span reason_of(const struct ogl_encoder *e, int raw) {
  const struct ogl_answer *a = ogl_fold_answer(&e->fold, 0);
  struct ogl_span none = { "", 0 };
  return a ? ogl_buf_span(raw ? &a->raw_reason : &a->reason) : none;
}

/* A whole answer that is not there yet, or that was given up, has these words for it; a stream has no event for them. */
static int is_status(struct ogl_span raw) {
  return ogl_span_is(raw, "queued") || ogl_span_is(raw, "in_progress") || ogl_span_is(raw, "cancelled");
}

enum answer_status ogl_responses_status(const struct ogl_encoder *e) {
  struct ogl_span reason = reason_of(e, 0);
  int complete =
      !reason.n || ogl_span_is(reason, "stop") || ogl_span_is(reason, "tool_calls") || ogl_span_is(reason, "pause");
  int failed = ogl_span_is(reason, "error") && !(e->is_whole && is_status(reason_of(e, 1)));
  return complete ? ANSWER_COMPLETED : failed ? ANSWER_FAILED : ANSWER_INCOMPLETE;
}

struct ogl_event ogl_responses_failure(const struct ogl_encoder *e) {
  static const char message[] = "the answer ended with an error";
  struct ogl_event error;
  memset(&error, 0, sizeof error);
  error.kind = OGL_EVENT_ERROR;
  error.a.p = message, error.a.n = sizeof message - 1;
  error.c = reason_of(e, 1);
  return error;
}

static void put_status(struct ogl_encoder *e, enum answer_status status) {
  static const char *const words[] = { "\"in_progress\"", "\"completed\"", "\"incomplete\"", "\"failed\"" };
  struct ogl_span raw = reason_of(e, 1);
  if (status == ANSWER_INCOMPLETE && e->is_whole && is_status(raw)) ogl_out_string(e, raw);
  else ogl_out_text(e, words[status]);
}

static void put_why(struct ogl_encoder *e, enum answer_status status) {
  struct ogl_span reason = reason_of(e, 0), raw = reason_of(e, 1);
  if (status != ANSWER_INCOMPLETE || (e->is_whole && is_status(raw))) {
    ogl_out_text(e, "null");
    return;
  }
  ogl_out_text(e, "{\"reason\":");
  if (ogl_span_is(reason, "length")) ogl_out_text(e, "\"max_output_tokens\"");
  else if (ogl_span_is(reason, "content_filter")) ogl_out_string(e, reason);
  else ogl_out_string(e, raw.n ? raw : reason);
  ogl_out_text(e, "}");
}

static void put_code(struct ogl_encoder *e, const struct ogl_event *error) {
  if (error->c.n || error->b.n) ogl_out_string(e, error->c.n ? error->c : error->b);
  else ogl_out_text(e, "\"server_error\"");
}

void ogl_responses_put_error(struct ogl_encoder *e, const struct ogl_event *error) {
  ogl_out_text(e, "{\"type\":");
  if (error->b.n) ogl_out_string(e, error->b);
  else ogl_out_text(e, "\"server_error\"");
  ogl_out_text(e, ",\"code\":");
  put_code(e, error);
  ogl_out_text(e, ",\"message\":");
  ogl_out_string(e, error->a);
  ogl_out_text(e, ",\"param\":null}");
}

/* In a response an error has a code and a message. */
static void put_failure(struct ogl_encoder *e, const struct ogl_event *error) {
  if (!error) {
    ogl_out_text(e, "null");
    return;
  }
  ogl_out_text(e, "{\"code\":");
  put_code(e, error);
  ogl_out_text(e, ",\"message\":");
  ogl_out_string(e, error->a);
  ogl_out_text(e, "}");
}

void ogl_responses_put_answer(struct ogl_encoder *e, enum answer_status status, const struct ogl_event *error) {
  struct responses_writer *w = e->state;
  if (!w->tail.max) make_tail(e, &w->tail);
  ogl_out_text(e, "{\"id\":");
  ogl_out_string(e, ogl_encoder_id(e));
  ogl_out_text(e, ",\"object\":\"response\",\"created_at\":");
  ogl_out_integer(e, e->context.created);
  ogl_out_text(e, ",\"status\":");
  put_status(e, status);
  ogl_out_text(e, ",\"error\":");
  put_failure(e, error);
  ogl_out_text(e, ",\"incomplete_details\":");
  put_why(e, status);
  ogl_out_text(e, ",\"model\":");
  ogl_out_string(e, ogl_encoder_model(e));
  ogl_out_text(e, ",\"output\":[");
  for (size_t i = 0; i < w->n_items && status != ANSWER_IN_PROGRESS; i++) {
    if (i) ogl_out_text(e, ",");
    ogl_responses_put_item(e, (int)i, 0);
  }
  ogl_out_text(e, "],\"usage\":");
  if (status == ANSWER_IN_PROGRESS) ogl_out_text(e, "null");
  else put_usage(e);
  ogl_out_json(e, ogl_buf_span(&w->tail));
  ogl_out_text(e, "}");
}
