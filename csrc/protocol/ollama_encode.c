/* SPDX-License-Identifier: MIT
** ollama_encode.c - events to Ollama's own protocol (/api/chat and /api/generate), as its clients read it: lines of JSON, or one
** object.
**
** Text and thought go out in pieces, a line each, and none above 32 KiB, because some clients refuse lines of 128 KiB; a tool call
** goes out when it is complete, since its arguments are an object there. The last line has `done` with its reason, both counts, and
** how long it took. A line stays open until its frame ends, for the logprobs of its text.
**
**   durations   prompt_eval_duration lasts to the first words of the answer, eval_duration from there to the end; where all came at
**               once, both are the total. None is 0, because clients divide by them; load_duration is, because nothing is loaded here
**   load        a finish whose raw reason is "load" or "unload" makes the answer to a request without words, which counts nothing
**   ids         a call without one gets an id of the length and the letters of Ollama's own, the same ones in both modes
**
** Lost: every choice but the first, signatures, citations, opaque parts, cached and reasoning tokens, cost and energy; a refusal is
** text; arguments that are no object stand inside of one.
*/
#include <string.h>

#include "../core/date.h"
#include "../core/hash.h"
#include "../core/out.h"
#include "protocols.h"

enum { PIECE = 32 * 1024 }; /* bytes of text on one line */

struct line_writer {
  struct ogl_buf head; /* a line up to its time */
  size_t head_model;   /* the length of the model's name in it, and 1; 0: there is no head yet */
  const char *reason;  /* NULL: no finish came */
  int calls;           /* written so far */
  int is_open;         /* the last line has no end yet */
};

/* --- lines ------------------------------------------------------------------------------------------------------- */

static void put_member(struct ogl_buf *b, const char *name, struct ogl_span value) {
  ogl_buf_text(b, name);
  ogl_json_write_string(b, value.p, value.n);
}

static void make_head(struct ogl_encoder *e, struct line_writer *w) {
  if (!w->head.max) ogl_buf_init(&w->head, OGL_MAX_FRAME, OGL_ERR_LINE);
  ogl_buf_reset(&w->head);
  put_member(&w->head, "{\"model\":", ogl_encoder_model(e));
  if (e->remote_model.n) put_member(&w->head, ",\"remote_model\":", ogl_buf_span(&e->remote_model));
  if (e->remote_host.n) put_member(&w->head, ",\"remote_host\":", ogl_buf_span(&e->remote_host));
  ogl_buf_text(&w->head, ",\"created_at\":\"");
  w->head_model = ogl_encoder_model(e).n + 1;
}

static void put_time(struct ogl_encoder *e) {
  static const int64_t year_2255 = INT64_C(9000000000); /* the last second of which an int64 holds the nanoseconds */
  char text[OGL_DATE_MICROS];
  int64_t created = e->context.created > 0 ? e->context.created : 0;
  int64_t time = e->now > 0 ? e->now : (created < year_2255 ? created : year_2255) * 1000000000;
  ogl_buf_append(&e->out, text, ogl_date_write(text, time, e->now > 0));
}

/* An object up to the text of its message. */
static void begin_object(struct ogl_encoder *e) {
  struct line_writer *w = e->state;
  if (w->head_model != ogl_encoder_model(e).n + 1) make_head(e, w); /* again where the model came late */
  if (w->head.err && !e->out.err) e->out.err = w->head.err;
  ogl_out_span(e, ogl_buf_span(&w->head));
  put_time(e);
  ogl_out_text(e, e->context.is_generate ? "\",\"response\":" : "\",\"message\":{\"role\":\"assistant\",\"content\":");
}

/* The end of the message, which /api/generate has not. */
static void end_message(struct ogl_encoder *e) {
  if (!e->context.is_generate) ogl_out_text(e, "}");
}

static void line_end_frame(struct ogl_encoder *e) {
  struct line_writer *w = e->state;
  if (w->is_open) ogl_out_text(e, ",\"done\":false}\n");
  w->is_open = 0;
}

static void begin_line(struct ogl_encoder *e) {
  line_end_frame(e);
  begin_object(e);
}

/* The line stays open, for what may follow in the same frame. */
static void leave_line(struct ogl_encoder *e) {
  struct line_writer *w = e->state;
  end_message(e);
  w->is_open = 1;
}

/* --- texts ------------------------------------------------------------------------------------------------------- */

/* How many bytes a byte becomes as JSON, invalid ones apart. */
static size_t written(unsigned char c) {
  if (c == '"' || c == '\\') return 2;
  return c >= ' ' ? 1 : c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f' ? 2 : 6;
}

/* How much of a text goes on one line: whole characters, of which no more than PIECE bytes are made. */
static size_t piece_of(struct ogl_span text) {
  size_t n = 0;
  if (text.n <= PIECE / 6) return text.n; /* the usual case */
  for (size_t made = 0; n < text.n && (made += written((unsigned char)text.p[n])) <= PIECE;) n++;
  for (int back = 0; n < text.n && back < 3 && ((unsigned char)text.p[n] & 0xC0) == 0x80; back++) n--;
  return n;
}

static void put_texts(struct ogl_encoder *e, struct ogl_span text, int is_thought) {
  do {
    struct ogl_span piece = { text.p, piece_of(text) };
    begin_line(e);
    if (is_thought) ogl_out_text(e, "\"\",\"thinking\":");
    ogl_out_string(e, piece);
    leave_line(e);
    text.p += piece.n, text.n -= piece.n;
  } while (text.n);
}

static void put_logprobs(struct ogl_encoder *e, struct ogl_span pieces) {
  size_t before = e->out.n;
  ogl_out_text(e, ",\"logprobs\":");
  if (!ogl_out_logprobs(e, pieces, "content") && !e->out.err) ogl_buf_truncate(&e->out, before);
}

/* The logprobs of a text, on its line; on one of their own where that has ended. */
static void line_logprobs(struct ogl_encoder *e, struct ogl_span json) {
  struct line_writer *w = e->state;
  size_t before = e->out.n;
  int had_line = w->is_open;
  if (!had_line) {
    begin_line(e);
    ogl_out_text(e, "\"\"");
    end_message(e);
  }
  size_t empty = e->out.n;
  put_logprobs(e, json);
  if (had_line || e->out.err) return;
  if (e->out.n == empty) ogl_buf_truncate(&e->out, before);
  else w->is_open = 1;
}

/* --- tool calls -------------------------------------------------------------------------------------------------- */

/* "call_" and eight letters or digits, from the answer's id, its time and the place of the call. */
static void put_made_id(struct ogl_encoder *e, int place) {
  static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  char id[] = "\"call_........\"";
  uint64_t h =
      ogl_hash((uint64_t)e->context.now, 0, ogl_encoder_id(e)) + (uint64_t)place * UINT64_C(0x9e3779b97f4a7c15);
  h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
  h ^= h >> 31;
  for (int i = 0; i < 8; i++, h /= 36) id[6 + i] = letters[h % 36];
  ogl_out_text(e, id);
}

static void put_call(struct ogl_encoder *e, struct ogl_span id, struct ogl_span name, struct ogl_span arguments) {
  struct line_writer *w = e->state;
  ogl_out_text(e, "{\"id\":");
  if (id.n) ogl_out_string(e, id);
  else put_made_id(e, w->calls);
  ogl_out_text(e, ",\"function\":{\"index\":");
  ogl_out_integer(e, w->calls++);
  ogl_out_text(e, ",\"name\":");
  ogl_out_string(e, name);
  ogl_out_text(e, ",\"arguments\":");
  ogl_out_arguments(&e->out, arguments);
  ogl_out_text(e, "}}");
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

/* Ollama's word: it has none for calls, whose answers say stop. */
static const char *reason_of(struct ogl_span reason, struct ogl_span raw) {
  if (ogl_span_is(raw, "load")) return "load";
  if (ogl_span_is(raw, "unload")) return "unload";
  return ogl_span_is(reason, "length") ? "length" : "stop";
}

static void put_number(struct ogl_encoder *e, const char *name, int64_t v) {
  ogl_out_text(e, name);
  ogl_out_integer(e, v);
}

static void put_count(struct ogl_encoder *e, const char *name, int field) {
  ogl_out_text(e, name);
  ogl_out_count(e, ogl_usage_has(&e->usage, field) ? e->usage.v[field] : 0);
}

/* A clock may be set back meanwhile. */
static int64_t between(int64_t from, int64_t to) { return to > from ? to - from : 1; }

static void put_measures(struct ogl_encoder *e) {
  int64_t total = between(e->context.now, e->now);
  int at_once = e->first <= e->context.now || e->now <= e->first;
  put_number(e, ",\"total_duration\":", total);
  put_number(e, ",\"load_duration\":", 0);
  put_count(e, ",\"prompt_eval_count\":", OGL_USAGE_INPUT);
  put_number(e, ",\"prompt_eval_duration\":", at_once ? total : e->first - e->context.now);
  put_count(e, ",\"eval_count\":", OGL_USAGE_OUTPUT);
  put_number(e, ",\"eval_duration\":", at_once ? total : e->now - e->first);
}

static void put_done(struct ogl_encoder *e, const char *reason) {
  ogl_out_text(e, ",\"done\":true,\"done_reason\":\"");
  ogl_out_text(e, reason);
  ogl_out_text(e, "\"");
  if (strcmp(reason, "stop") == 0 || strcmp(reason, "length") == 0) {
    if (e->context.is_generate) ogl_out_text(e, ",\"context\":[]");
    put_measures(e);
  }
  ogl_out_text(e, "}");
}

/* --- the stream -------------------------------------------------------------------------------------------------- */

static int line_event(struct ogl_encoder *e, const struct ogl_event *event) {
  struct line_writer *w = e->state;
  if (event->choice && event->kind < OGL_EVENT_USAGE) return e->lost++, 0;
  switch (event->kind) {
    case OGL_EVENT_TEXT:
    case OGL_EVENT_REFUSAL:
    case OGL_EVENT_REASONING: put_texts(e, event->a, event->kind == OGL_EVENT_REASONING); return 0;
    case OGL_EVENT_TOOL_CALL_END:
      begin_line(e);
      ogl_out_text(e, "\"\",\"tool_calls\":[");
      put_call(e, event->a, event->b, event->c);
      ogl_out_text(e, "]");
      leave_line(e);
      return 0;
    case OGL_EVENT_LOGPROBS: line_logprobs(e, event->a); return 0;
    case OGL_EVENT_FINISH:
      if (!event->choice) w->reason = reason_of(event->a, event->b);
      return 0;
    case OGL_EVENT_PART:
    case OGL_EVENT_CITATION: e->lost++; return 0;
    case OGL_EVENT_PART_END: e->lost += event->b.n > 0; return 0;
    default: return 0; /* the rest is in the encoder, or in what ends a call */
  }
}

static int line_end(struct ogl_encoder *e) {
  struct line_writer *w = e->state;
  begin_line(e);
  ogl_out_text(e, "\"\"");
  end_message(e);
  put_done(e, w->reason ? w->reason : "stop");
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
  line_end_frame(e);
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
  begin_object(e);
  int code = put_joined(e, a, OGL_EVENT_TEXT, OGL_EVENT_REFUSAL);
  if (has(a, OGL_EVENT_REASONING)) {
    ogl_out_text(e, ",\"thinking\":");
    if (!code) code = put_joined(e, a, OGL_EVENT_REASONING, -1);
  }
  put_calls(e, a);
  end_message(e);
  if (a && a->logprobs.n) put_logprobs(e, ogl_buf_span(&a->logprobs));
  put_done(e, a ? reason_of(ogl_buf_span(&a->reason), ogl_buf_span(&a->raw_reason)) : "stop");
  for (size_t i = 0; a && i < a->n; i++)
    e->lost += a->parts[i].kind == OGL_EVENT_PART || a->parts[i].kind == OGL_EVENT_CITATION;
  return code;
}

static void line_clear(void *state) {
  struct line_writer *w = state;
  ogl_buf_clear(&w->head);
}

const struct ogl_encoding ogl_ollama_encoding = {
  "ollama",
  sizeof(struct line_writer),
  0,
  "application/x-ndjson",
  line_event,
  line_end,
  line_fault,
  line_whole,
  put_fault,
  line_clear,
  line_end_frame,
};
