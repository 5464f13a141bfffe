/* SPDX-License-Identifier: MIT
** ollama_decode.c - Ollama's own protocol (POST /api/chat, and /api/generate) to events: lines of JSON, or one object.
**
**   {"model", "message": {"role", "content", "thinking", "tool_calls", "images"}, "done": false}
**   {"model", "message": {…}, "done": true, "done_reason", "prompt_eval_count", "eval_count", …}
**
** /api/generate has `response`, `thinking` and `tool_calls` in place of the message's. A whole answer is a stream of its last line.
** A server or a proxy that calls the lines JSON, or nothing, makes one body of them (frame.c): it is read object by object.
**
** Terminal marker: "done": true. A tool call comes in one piece, its arguments as an object, often without an id.
*/
#include <string.h>

#include "../core/fault.h"
#include "ollama_decode.h"
#include "protocols.h"
#include "read.h"

/* The outermost members of a line: raw values; n = 0 where absent or null. */
struct line {
  struct ogl_json_text model, reason, response, thinking, time;
  struct ogl_span message, error, detail, logprobs, images, tool_calls;
  int done, open, has_response; /* "done" is true, is false; there is a `response` */
  struct ogl_usage usage;
};

/* The members of a message. */
struct message {
  struct ogl_json_text content, thinking;
  struct ogl_span tool_calls, images;
};

/* --- reading -------------------------------------------------------------------------------------------------- */

static void read_member(struct ogl_json *j, struct ogl_span key, struct line *l) {
  if (ogl_span_is(key, "message")) l->message = ogl_read_given(j);
  else if (ogl_span_is(key, "response")) l->has_response = ogl_json_string_or_skip(j, &l->response);
  else if (ogl_span_is(key, "thinking")) ogl_json_string_or_skip(j, &l->thinking);
  else if (ogl_span_is(key, "model")) ogl_json_string_or_skip(j, &l->model);
  else if (ogl_span_is(key, "created_at")) ogl_json_string_or_skip(j, &l->time);
  else if (ogl_span_is(key, "done_reason")) ogl_json_string_or_skip(j, &l->reason);
  else if (ogl_span_is(key, "done")) l->done = ogl_span_is(ogl_read_given(j), "true"), l->open = !l->done;
  else if (ogl_span_is(key, "prompt_eval_count")) ogl_read_usage(j, &l->usage, OGL_USAGE_INPUT);
  else if (ogl_span_is(key, "eval_count")) ogl_read_usage(j, &l->usage, OGL_USAGE_OUTPUT);
  else if (ogl_span_is(key, "logprobs")) l->logprobs = ogl_read_given(j);
  else if (ogl_span_is(key, "tool_calls")) l->tool_calls = ogl_read_given(j);
  else if (ogl_span_is(key, "image")) l->images = ogl_read_given(j);
  else if (ogl_span_is(key, "error")) l->error = ogl_read_given(j);
  else if (ogl_span_is(key, "detail")) l->detail = ogl_read_given(j);
  else ogl_json_skip(j, NULL);
}

/* Takes one value, and its members if it is an object. */
static void read_line(struct ogl_json *j, struct line *l) {
  struct ogl_span key;
  memset(l, 0, sizeof *l);
  if (!ogl_json_enter_or_skip(j, '{')) return;
  while (ogl_json_key(j, &key) > 0) read_member(j, key, l);
}

static void read_message(struct ogl_span json, struct message *m) {
  struct ogl_json j;
  struct ogl_span key;
  memset(m, 0, sizeof *m);
  ogl_json_open(&j, json.p, json.n);
  if (!json.n || !ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "content")) ogl_json_string_or_skip(&j, &m->content);
    else if (ogl_span_is(key, "thinking")) ogl_json_string_or_skip(&j, &m->thinking);
    else if (ogl_span_is(key, "tool_calls")) m->tool_calls = ogl_read_given(&j);
    else if (ogl_span_is(key, "images")) m->images = ogl_read_given(&j);
    else ogl_json_skip(&j, NULL);
  }
}

/* --- texts and parts ------------------------------------------------------------------------------------------ */

static int keep_model(struct ollama_state *s, const struct line *l, struct ogl_queue *out) {
  if (s->model.n || !l->model.raw.n) return 0;
  struct ogl_span name = ogl_queue_text(out, l->model), none = { "", 0 };
  int err = ogl_buf_append(&s->model, name.p, name.n);
  struct ogl_event *e = err ? NULL : ogl_queue_push(out, OGL_EVENT_START, 0, 0);
  if (e) e->a = none, e->b = ogl_buf_span(&s->model);
  return err;
}

/* The open part ends: half of a character in it will not find the other. */
static void close_text(struct ollama_state *s, struct ogl_queue *out) {
  struct ogl_span rest = ogl_queue_half(out, &s->half);
  struct ogl_event *e = rest.n ? ogl_queue_push(out, s->open_kind, 0, s->open_index) : NULL;
  if (e) e->a = rest;
  s->open_kind = -1;
}

static void push_text(struct ollama_state *s, int kind, struct ogl_json_text text, struct ogl_queue *out) {
  if (!text.raw.n) return;
  s->only_text = text.raw;
  if (s->open_kind != kind) {
    close_text(s, out);
    s->open_kind = kind;
    s->open_index = s->next_index++;
  }
  struct ogl_span piece = ogl_queue_piece(out, text, &s->half);
  struct ogl_event *e = piece.n ? ogl_queue_push(out, kind, 0, s->open_index) : NULL;
  if (e) e->a = piece;
}

static void push_images(struct ollama_state *s, struct ogl_span json, struct ogl_queue *out) {
  if (json.n <= 2) return; /* 2: an empty array */
  close_text(s, out);
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_PART, 0, s->next_index++);
  if (!e) return;
  e->a.p = "images";
  e->a.n = strlen(e->a.p);
  e->b = json;
}

/* --- tool calls ----------------------------------------------------------------------------------------------- */

/* {"function": {"name", "arguments", "index"}, "id"} */
struct call {
  struct ogl_span id, name, arguments;
};

static struct ogl_span string_or_json(struct ogl_json *j, struct ogl_queue *out) {
  struct ogl_json_text text;
  struct ogl_span none = { "", 0 };
  if (ogl_json_peek(j) != '"') return ogl_read_given(j);
  return ogl_json_string(j, &text) == OGL_OK ? ogl_queue_text(out, text) : none;
}

static void read_call(struct ogl_json *j, struct call *c, struct ogl_queue *out) {
  struct ogl_span key;
  if (!ogl_json_enter_or_skip(j, '{')) return;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "id")) c->id = string_or_json(j, out);
    else if (ogl_span_is(key, "name")) c->name = string_or_json(j, out);
    else if (ogl_span_is(key, "arguments")) c->arguments = string_or_json(j, out);
    else if (ogl_span_is(key, "function")) read_call(j, c, out);
    else ogl_json_skip(j, NULL);
  }
}

static int push_call(struct ollama_state *s, struct ogl_json *j, struct ogl_queue *out) {
  struct call c;
  int err = 0;
  memset(&c, 0, sizeof c);
  read_call(j, &c, out);
  if (!c.name.n && !c.arguments.n && !c.id.n) return 0;
  close_text(s, out);
  struct ogl_call *call = ogl_calls_open(&s->calls, -1, s->next_index++, &err);
  if (!call) return err;
  err = ogl_calls_add(&s->calls, call, c.id, c.name, ogl_json_plain(c.arguments), 0, out);
  if (!err) ogl_calls_end_one(call, 0, out);
  return err;
}

static int push_calls(struct ollama_state *s, struct ogl_span json, struct ogl_queue *out) {
  struct ogl_json j;
  int err = 0;
  ogl_json_open(&j, json.p, json.n);
  if (!json.n || !ogl_json_enter_or_skip(&j, '[')) return 0;
  while (!err && ogl_json_item(&j) > 0) err = push_call(s, &j, out);
  return err;
}

/* --- lines ---------------------------------------------------------------------------------------------------- */

static void push_usage(struct ollama_state *s, struct line *l, struct ogl_queue *out) {
  if (!l->usage.known) return;
  ogl_usage_merge(&s->usage, &l->usage);
  ogl_usage_set(&s->usage, OGL_USAGE_TOTAL, s->usage.v[OGL_USAGE_INPUT] + s->usage.v[OGL_USAGE_OUTPUT]);
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_USAGE, 0, 0);
  if (e) e->usage = &s->usage;
}

/* Pushes the logprobs. Brings them into the form of Chat Completions, so that a program finds one form, whatever the protocol;
   the first one of a frame makes room for all of them, so that they never move. */
static int push_logprobs(struct ollama_state *s, struct ogl_span json, struct ogl_span frame, struct ogl_queue *out) {
  struct ogl_span piece = { "", 0 };
  if (json.n <= 2) return 0;
  if (!s->logprobs.n && !ogl_buf_room(&s->logprobs, frame.n)) return s->logprobs.err;
  size_t from = s->logprobs.n;
  ogl_buf_text(&s->logprobs, "{\"content\":");
  ogl_buf_append(&s->logprobs, json.p, json.n);
  int err = ogl_buf_byte(&s->logprobs, '}');
  struct ogl_event *e = err ? NULL : ogl_queue_push(out, OGL_EVENT_LOGPROBS, 0, 0);
  piece.p = ogl_buf_span(&s->logprobs).p + from, piece.n = s->logprobs.n - from;
  if (e) e->a = piece;
  return err;
}

static int on_content(struct ollama_state *s, const struct line *l, const struct ogl_frame *frame,
                      struct ogl_queue *out) {
  struct message m;
  read_message(l->message, &m);
  push_text(s, OGL_EVENT_REASONING, m.thinking, out);
  push_text(s, OGL_EVENT_REASONING, l->thinking, out);
  push_text(s, OGL_EVENT_TEXT, m.content, out);
  push_text(s, OGL_EVENT_TEXT, l->response, out);
  push_images(s, m.images, out);
  push_images(s, l->images, out);
  int err = push_logprobs(s, l->logprobs, frame->data, out);
  if (!err) err = push_calls(s, m.tool_calls, out);
  return err ? err : push_calls(s, l->tool_calls, out);
}

static int keep_reason(struct ollama_state *s, const struct line *l, struct ogl_queue *out) {
  struct ogl_span word = ogl_queue_text(out, l->reason);
  if (!word.n) return 0;
  ogl_buf_reset(&s->reason);
  return ogl_buf_append(&s->reason, word.p, word.n);
}

static int push_unknown(const struct ogl_frame *frame, struct ogl_span data, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_UNKNOWN, 0, 0);
  if (e) e->a = frame->event, e->b = data;
  return OGL_MORE;
}

/* One object. OGL_MORE, OGL_OK at the last one, or an error. */
static int on_line(struct ollama_state *s, struct line *l, struct ogl_span data, const struct ogl_frame *frame,
                   struct ogl_queue *out) {
  int known = (l->message.n && *l->message.p == '{') || l->has_response || l->thinking.raw.n || l->images.n || l->done;
  int err = keep_model(s, l, out);
  if (!err) err = on_content(s, l, frame, out);
  if (!err) err = keep_reason(s, l, out);
  if (err) return err;
  push_usage(s, l, out);
  if (l->error.n || frame->kind == OGL_FRAME_ERROR || (!known && l->detail.n)) {
    ogl_fault_push(out, data);
    return OGL_ERR_PROVIDER;
  }
  s->done = l->done || (known && !l->open && frame->kind == OGL_FRAME_WHOLE);
  if (known) return l->done ? OGL_OK : OGL_MORE;
  return push_unknown(frame, data, out);
}

/* A list: some proxies wrap an error in one. */
static int on_list(const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_json j;
  struct line l;
  ogl_json_open(&j, frame->data.p, frame->data.n);
  ogl_json_enter(&j, '[');
  memset(&l, 0, sizeof l);
  if (ogl_json_item(&j) == OGL_OK) read_line(&j, &l);
  if (!l.error.n && !l.detail.n) return push_unknown(frame, frame->data, out);
  ogl_fault_push(out, frame->data);
  return OGL_ERR_PROVIDER;
}

/* How many values stand in the text, one behind the other; *code: OGL_OK, or what is wrong behind them. */
static int count_values(struct ogl_span data, int *code) {
  struct ogl_json j;
  int n = 0;
  ogl_json_open(&j, data.p, data.n);
  while (ogl_json_peek(&j)) n += ogl_json_skip(&j, NULL) == OGL_OK;
  *code = n || j.err ? ogl_json_end(&j) : ogl_json_check(data.p, data.n);
  return n;
}

/* Whether the values are read although there is something wrong: lines that were taken for one body, and cut. */
static int is_cut(int values, int code) { return values > 1 || (values == 1 && code == OGL_ERR_INCOMPLETE); }

/* A line that differs from the last one only in its text and its time. */
static int on_repeated(struct ollama_state *s, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_repeated found;
  if (!ogl_repeat_match(&s->repeat, frame->data, &found)) return 0;
  struct ogl_span piece = ogl_queue_piece(out, found.text, &s->half);
  struct ogl_event *e = piece.n ? ogl_queue_push(out, s->repeat_kind, 0, s->repeat_index) : NULL;
  if (e) e->a = piece;
  if (OGL_UNLIKELY(s->half)) ogl_repeat_forget(&s->repeat);
  return 1;
}

/* Remembers the line if all that it did was one text. */
static void learn(struct ollama_state *s, const struct ogl_frame *frame, const struct line *l,
                  const struct ogl_queue *out) {
  struct ogl_hole holes[] = { { s->only_text, OGL_HOLE_TEXT }, { l->time.raw, OGL_HOLE_IDLE } };
  const struct ogl_event *e = out->events;
  if (frame->kind != OGL_FRAME_EVENT || out->n != 1 || s->half) return;
  if (e->kind != OGL_EVENT_TEXT && e->kind != OGL_EVENT_REASONING) return;
  s->repeat_kind = e->kind;
  s->repeat_index = e->index;
  ogl_repeat_learn(&s->repeat, frame->data, holes, 2);
}

static void open_state(struct ollama_state *s) {
  if (s->model.max) return; /* zero-filled until the first frame */
  ogl_buf_init(&s->model, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->reason, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->logprobs, OGL_MAX_FRAME + OGL_MAX_BODY, OGL_ERR_FRAME);
  s->open_kind = -1;
}

static int ollama_frame(void *state, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ollama_state *s = state;
  struct ogl_json j;
  struct line l;
  struct ogl_span data = { frame->data.p, 0 };
  if (OGL_LIKELY(frame->kind == OGL_FRAME_EVENT) && on_repeated(s, frame, out)) return OGL_MORE;
  int code, values = count_values(frame->data, &code), one = values == 1;
  open_state(s);
  ogl_repeat_forget(&s->repeat);
  ogl_buf_reset(&s->logprobs);
  if (code < 0 && frame->kind == OGL_FRAME_ERROR) return ogl_fault_push(out, frame->data), OGL_ERR_PROVIDER;
  if (frame->kind == OGL_FRAME_WHOLE && is_cut(values, code)) code = OGL_OK;
  else if (code >= 0 && values > 1) code = OGL_ERR_SYNTAX;
  if (code < 0) return code;
  ogl_json_open(&j, frame->data.p, frame->data.n);
  if (ogl_json_peek(&j) == '[') return on_list(frame, out);
  for (code = OGL_MORE; code == OGL_MORE && values--;) {
    ogl_json_peek(&j); /* past the blanks */
    data.p = j.p;
    read_line(&j, &l);
    data.n = (size_t)(j.p - data.p);
    code = on_line(s, &l, data, frame, out);
  }
  if (code == OGL_MORE && one) learn(s, frame, &l, out);
  return code;
}

/* --- the end -------------------------------------------------------------------------------------------------- */

static const char *neutral_reason(const struct ollama_state *s) {
  struct ogl_span word = ogl_buf_span(&s->reason);
  if (ogl_span_is(word, "length")) return "length";
  if (word.n && !ogl_span_is(word, "stop")) return "other";
  return s->calls.n ? "tool_calls" : "stop";
}

static int ollama_finish(void *state, struct ogl_queue *out) {
  struct ollama_state *s = state;
  close_text(s, out);
  if (!s->done) return OGL_ERR_INCOMPLETE;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_FINISH, 0, 0);
  if (!e) return OGL_OK;
  e->a.p = neutral_reason(s);
  e->a.n = strlen(e->a.p);
  e->b = ogl_buf_span(&s->reason);
  return OGL_OK;
}

static void ollama_clear(void *state) {
  struct ollama_state *s = state;
  ogl_repeat_clear(&s->repeat);
  ogl_buf_clear(&s->model);
  ogl_buf_clear(&s->reason);
  ogl_buf_clear(&s->logprobs);
  ogl_calls_clear(&s->calls);
}

const struct ogl_protocol ogl_ollama = { "ollama",     sizeof(struct ollama_state),
                                         ollama_frame, ollama_finish,
                                         ollama_clear, NULL };
