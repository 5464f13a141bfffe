/* SPDX-License-Identifier: MIT
** openai_responses_response.c - the `response` object, as events carry it and as a whole body is one.
*/
#include "openai_responses_state.h"
#include "read.h"

struct ogl_span ogl_responses_raw(struct ogl_json *j) {
  struct ogl_span raw = { "", 0 };
  int null = ogl_json_peek(j) == 'n';
  ogl_json_skip(j, &raw);
  if (null) raw.n = 0;
  return raw;
}

void ogl_responses_read(struct ogl_span json, struct responses_response *r) {
  struct ogl_json j;
  struct ogl_span key;
  memset(r, 0, sizeof *r);
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "id")) ogl_json_string_or_skip(&j, &r->id);
    else if (ogl_span_is(key, "model")) ogl_json_string_or_skip(&j, &r->model);
    else if (ogl_span_is(key, "status")) ogl_json_string_or_skip(&j, &r->status);
    else if (ogl_span_is(key, "output")) r->output = ogl_responses_raw(&j);
    else if (ogl_span_is(key, "usage")) r->usage = ogl_responses_raw(&j);
    else if (ogl_span_is(key, "error")) r->error = ogl_responses_raw(&j);
    else if (ogl_span_is(key, "incomplete_details")) r->incomplete = ogl_responses_raw(&j);
    else if (ogl_span_is(key, "tools")) r->tools = ogl_responses_raw(&j);
    else if (ogl_span_is(key, "object")) r->object = ogl_responses_raw(&j);
    else ogl_json_skip(&j, NULL);
  }
}

/* --- usage ---------------------------------------------------------------------------------------------------- */

static void read_details(struct ogl_json *j, struct ogl_usage *u) {
  struct ogl_span key;
  if (!ogl_json_enter_or_skip(j, '{')) return;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "cached_tokens")) ogl_read_usage(j, u, OGL_USAGE_CACHED);
    else if (ogl_span_is(key, "cache_write_tokens")) ogl_read_usage(j, u, OGL_USAGE_CACHE_WRITE);
    else if (ogl_span_is(key, "reasoning_tokens")) ogl_read_usage(j, u, OGL_USAGE_REASONING);
    else ogl_json_skip(j, NULL);
  }
}

static void read_usage(struct ogl_span json, struct ogl_usage *u) {
  struct ogl_json j;
  struct ogl_span key;
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "input_tokens")) ogl_read_usage(&j, u, OGL_USAGE_INPUT);
    else if (ogl_span_is(key, "output_tokens")) ogl_read_usage(&j, u, OGL_USAGE_OUTPUT);
    else if (ogl_span_is(key, "total_tokens")) ogl_read_usage(&j, u, OGL_USAGE_TOTAL);
    else if (ogl_span_is(key, "input_tokens_details")) read_details(&j, u);
    else if (ogl_span_is(key, "output_tokens_details")) read_details(&j, u);
    else if (ogl_span_is(key, "cost")) ogl_read_cost(&j, u);
    else ogl_json_skip(&j, NULL);
  }
}

static void note_usage(struct responses_state *s, struct ogl_span json, struct ogl_queue *out) {
  struct ogl_usage now = { 0, { 0 } };
  read_usage(json, &now);
  if (!now.known) return;
  int in = ogl_usage_has(&now, OGL_USAGE_INPUT), given = ogl_usage_has(&now, OGL_USAGE_OUTPUT);
  if (!ogl_usage_has(&now, OGL_USAGE_TOTAL) && (in || given))
    ogl_usage_set(&now, OGL_USAGE_TOTAL, now.v[OGL_USAGE_INPUT] + now.v[OGL_USAGE_OUTPUT]);
  ogl_usage_merge(&s->usage, &now);
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_USAGE, 0, 0);
  if (e) e->usage = &s->usage;
}

/* --- tools ---------------------------------------------------------------------------------------------------- */

/* The name of one tool, if it is a custom one. */
static int note_tool(struct responses_state *s, struct ogl_json *j, struct ogl_queue *out) {
  struct ogl_span key, type = { "", 0 };
  struct ogl_json_text name = { { "", 0 }, 0 };
  s->has_tools = 1;
  if (!ogl_json_enter_or_skip(j, '{')) return 0;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "type")) type = ogl_responses_raw(j);
    else if (ogl_span_is(key, "name")) ogl_json_string_or_skip(j, &name);
    else ogl_json_skip(j, NULL);
  }
  if (!ogl_span_is(type, "\"custom\"")) return 0;
  struct ogl_span text = ogl_queue_text(out, name);
  ogl_buf_append(&s->custom, text.p, text.n);
  return ogl_buf_byte(&s->custom, 0);
}

static int note_tools(struct responses_state *s, struct ogl_span json, struct ogl_queue *out) {
  struct ogl_json j;
  int err = 0;
  if (s->has_tools || !json.n) return 0; /* every event that has a response repeats them */
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '[')) return 0;
  while (!err && ogl_json_item(&j) > 0) err = note_tool(s, &j, out);
  return err;
}

int ogl_responses_is_custom(const struct responses_state *s, struct ogl_span name) {
  struct ogl_span all = ogl_buf_span(&s->custom);
  if (!s->has_tools) return 1;
  for (const char *p = all.p, *end = all.p + all.n; p < end;) {
    const char *stop = memchr(p, 0, (size_t)(end - p));
    if (ogl_span_equal(name, p, (size_t)(stop - p))) return 1;
    p = stop + 1;
  }
  return 0;
}

int ogl_responses_note(struct responses_state *s, const struct responses_response *r, struct ogl_queue *out) {
  int err = ogl_read_start(&s->id, r->id, &s->model, r->model, out);
  return err ? err : note_tools(s, r->tools, out);
}

/* --- the end -------------------------------------------------------------------------------------------------- */

static struct ogl_span why_of(struct ogl_span incomplete, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key, none = { "", 0 };
  struct ogl_json_text reason = { { "", 0 }, 0 };
  ogl_json_open(&j, incomplete.p, incomplete.n);
  if (!incomplete.n || !ogl_json_enter_or_skip(&j, '{')) return none;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "reason")) ogl_json_string_or_skip(&j, &reason);
    else ogl_json_skip(&j, NULL);
  }
  return ogl_queue_text(out, reason);
}

int ogl_responses_note_end(struct responses_state *s, const struct responses_response *r, struct ogl_span word,
                           struct ogl_queue *out) {
  struct ogl_span status = r->status.raw.n ? ogl_queue_text(out, r->status) : word;
  struct ogl_span why = why_of(r->incomplete, out);
  if (r->usage.n) note_usage(s, r->usage, out);
  int err = ogl_buf_append(&s->status, status.p, status.n);
  return err ? err : ogl_buf_append(&s->why, why.p, why.n);
}

const char *ogl_responses_reason(const struct responses_state *s) {
  struct ogl_span status = ogl_buf_span(&s->status), why = ogl_buf_span(&s->why);
  if (ogl_span_is(status, "failed") || ogl_span_is(status, "cancelled")) return "error";
  if (ogl_span_is(why, "max_output_tokens")) return "length";
  if (ogl_span_is(why, "content_filter")) return "content_filter";
  if (ogl_span_is(status, "completed") && !why.n) return s->calls.n ? "tool_calls" : "stop";
  return status.n || why.n ? "other" : "";
}
