/* SPDX-License-Identifier: MIT
** ollama_encode.c - events to Ollama's own protocol (/api/chat), as its clients read it: lines of JSON, or one object.
**
** Text and thought go out in pieces, a line each; a tool call when it is complete, since its arguments are an object there.
** The last line has `done` with its reason and the counts. Durations are 0: the core has no clock.
**
** Lost: every choice but the first, ids of calls where the client is old, signatures, citations, opaque parts but pictures,
** cached and reasoning tokens, cost and energy; a refusal is text; arguments that are no object stand inside of one.
*/
#include <string.h>

#include "../core/out.h"
#include "protocols.h"

struct line_writer {
  struct ogl_buf reason;
  int ready;
};

/* --- time: RFC 3339 from seconds since 1970, without the C library's zones ---------------------------------------- */

static void put_two(struct ogl_encoder *e, int v, char after) {
  char text[3];
  text[0] = (char)('0' + v / 10), text[1] = (char)('0' + v % 10), text[2] = after;
  ogl_buf_append(&e->out, text, 3);
}

/* Days since 1970 to a date of the Gregorian calendar, by its 400-year eras. */
static void put_time(struct ogl_encoder *e) {
  int64_t seconds = e->context.created > 0 ? e->context.created : 0;
  int64_t days = seconds / 86400 + 719468, era = days / 146097, of_era = days - era * 146097;
  int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), month = (5 * of_year + 2) / 153;
  int of_day = (int)(seconds % 86400);
  int64_t year = year_of_era + era * 400 + (month >= 10);
  ogl_out_text(e, "\"");
  ogl_out_integer(e, year);
  ogl_out_text(e, "-");
  put_two(e, (int)(month < 10 ? month + 3 : month - 9), '-');
  put_two(e, (int)(of_year - (153 * month + 2) / 5 + 1), 'T');
  put_two(e, of_day / 3600, ':');
  put_two(e, of_day / 60 % 60, ':');
  put_two(e, of_day % 60, 'Z');
  ogl_out_text(e, "\"");
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

/* A line up to the members of its message. */
static void begin_line(struct ogl_encoder *e) {
  ogl_out_text(e, "{\"model\":");
  ogl_out_string(e, ogl_encoder_model(e));
  ogl_out_text(e, ",\"created_at\":");
  put_time(e);
  ogl_out_text(e, ",\"message\":{\"role\":\"assistant\",\"content\":");
}

static void put_call(struct ogl_encoder *e, struct ogl_span id, struct ogl_span name, struct ogl_span arguments) {
  ogl_out_text(e, "{");
  if (id.n) {
    ogl_out_text(e, "\"id\":");
    ogl_out_string(e, id);
    ogl_out_text(e, ",");
  }
  ogl_out_text(e, "\"function\":{\"name\":");
  ogl_out_string(e, name);
  ogl_out_text(e, ",\"arguments\":");
  ogl_out_arguments(&e->out, arguments);
  ogl_out_text(e, "}}");
}

static void put_logprobs(struct ogl_encoder *e, struct ogl_span json) {
  struct ogl_json j;
  struct ogl_span key, content = { "", 0 };
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "content")) ogl_json_skip(&j, &content);
    else ogl_json_skip(&j, NULL);
  }
  if (!content.n || *content.p != '[') return;
  begin_line(e);
  ogl_out_text(e, "\"\"},\"logprobs\":");
  ogl_out_json(e, content);
  ogl_out_text(e, ",\"done\":false}\n");
}

static int line_event(struct ogl_encoder *e, const struct ogl_event *event) {
  struct line_writer *w = e->state;
  if (event->choice && event->kind < OGL_EVENT_USAGE) return e->lost++, 0;
  switch (event->kind) {
    case OGL_EVENT_TEXT:
    case OGL_EVENT_REFUSAL:
      begin_line(e);
      ogl_out_string(e, event->a);
      ogl_out_text(e, "},\"done\":false}\n");
      return 0;
    case OGL_EVENT_REASONING:
      begin_line(e);
      ogl_out_text(e, "\"\",\"thinking\":");
      ogl_out_string(e, event->a);
      ogl_out_text(e, "},\"done\":false}\n");
      return 0;
    case OGL_EVENT_TOOL_CALL_END:
      begin_line(e);
      ogl_out_text(e, "\"\",\"tool_calls\":[");
      put_call(e, event->a, event->b, event->c);
      ogl_out_text(e, "]},\"done\":false}\n");
      return 0;
    case OGL_EVENT_LOGPROBS: put_logprobs(e, event->a); return 0;
    case OGL_EVENT_FINISH:
      if (event->choice) return 0;
      ogl_buf_init(&w->reason, OGL_MAX_LINE, OGL_ERR_LINE);
      w->ready = 1;
      return ogl_buf_append(&w->reason, event->a.p, event->a.n);
    case OGL_EVENT_PART:
    case OGL_EVENT_CITATION: e->lost++; return 0;
    case OGL_EVENT_PART_END: e->lost += event->b.n > 0; return 0;
    default: return 0; /* the rest is in the encoder, or in what ends a call */
  }
}

/* Ollama has no reason for calls: an answer that calls says stop. */
static void put_done(struct ogl_encoder *e, struct ogl_span reason) {
  const char *word = ogl_span_is(reason, "length") ? "length" : "stop";
  ogl_out_text(e, ",\"done\":true,\"done_reason\":\"");
  ogl_out_text(e, word);
  ogl_out_text(e, "\",\"total_duration\":0,\"load_duration\":0");
  if (ogl_usage_has(&e->usage, OGL_USAGE_INPUT)) {
    ogl_out_text(e, ",\"prompt_eval_count\":");
    ogl_out_count(e, e->usage.v[OGL_USAGE_INPUT]);
    ogl_out_text(e, ",\"prompt_eval_duration\":0");
  }
  if (ogl_usage_has(&e->usage, OGL_USAGE_OUTPUT)) {
    ogl_out_text(e, ",\"eval_count\":");
    ogl_out_count(e, e->usage.v[OGL_USAGE_OUTPUT]);
    ogl_out_text(e, ",\"eval_duration\":0");
  }
  ogl_out_text(e, "}");
}

static int line_end(struct ogl_encoder *e) {
  struct line_writer *w = e->state;
  struct ogl_span none = { "", 0 };
  begin_line(e);
  ogl_out_text(e, "\"\"}");
  put_done(e, w->ready ? ogl_buf_span(&w->reason) : none);
  ogl_out_text(e, "\n");
  return 0;
}

/* {"error": "text"} */
static int put_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  ogl_out_text(e, "{\"error\":");
  ogl_out_string(e, error->a);
  ogl_out_text(e, "}");
  return 0;
}

static int line_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  put_fault(e, error);
  ogl_out_text(e, "\n");
  return 0;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

/* The texts of a kind, and of another, as one string. */
static int put_joined(struct ogl_encoder *e, const struct ogl_answer *a, int kind, int other) {
  struct ogl_buf joined;
  ogl_buf_init(&joined, OGL_MAX_BODY, OGL_ERR_BODY);
  for (size_t i = 0; a && i < a->n; i++) {
    struct ogl_span s = ogl_buf_span(&a->parts[i].text);
    if (a->parts[i].kind == kind || a->parts[i].kind == other) ogl_buf_append(&joined, s.p, s.n);
  }
  ogl_out_string(e, ogl_buf_span(&joined));
  int code = joined.err;
  ogl_buf_clear(&joined);
  return code;
}

static int has(const struct ogl_answer *a, int kind) {
  for (size_t i = 0; a && i < a->n; i++)
    if (a->parts[i].kind == kind) return 1;
  return 0;
}

static void put_calls(struct ogl_encoder *e, const struct ogl_answer *a) {
  int any = 0;
  for (size_t i = 0; a && i < a->n; i++) {
    const struct ogl_part *p = &a->parts[i];
    if (p->kind != OGL_EVENT_TOOL_CALL) continue;
    ogl_out_text(e, any++ ? "," : ",\"tool_calls\":[");
    put_call(e, ogl_buf_span(&p->id), ogl_buf_span(&p->name), ogl_buf_span(&p->text));
  }
  if (any) ogl_out_text(e, "]");
}

static int line_whole(struct ogl_encoder *e) {
  const struct ogl_answer *a = ogl_fold_answer(&e->fold, 0);
  struct ogl_span none = { "", 0 };
  begin_line(e);
  int code = put_joined(e, a, OGL_EVENT_TEXT, OGL_EVENT_REFUSAL);
  if (has(a, OGL_EVENT_REASONING)) {
    ogl_out_text(e, ",\"thinking\":");
    if (!code) code = put_joined(e, a, OGL_EVENT_REASONING, -1);
  }
  put_calls(e, a);
  ogl_out_text(e, "}");
  put_done(e, a ? ogl_buf_span(&a->reason) : none);
  for (size_t i = 0; a && i < a->n; i++)
    e->lost += a->parts[i].kind == OGL_EVENT_PART || a->parts[i].kind == OGL_EVENT_CITATION;
  return code;
}

static void line_clear(void *state) {
  struct line_writer *w = state;
  if (w->ready) ogl_buf_clear(&w->reason);
}

const struct ogl_encoding ogl_ollama_encoding = {
  "ollama",   sizeof(struct line_writer),
  0,          "application/x-ndjson",
  line_event, line_end,
  line_fault, line_whole,
  put_fault,  line_clear,
};
