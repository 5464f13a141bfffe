/* SPDX-License-Identifier: MIT
** anthropic_decode.c - Messages (POST /v1/messages) to events: Anthropic, and everyone who speaks its protocol.
**
** A stream is message_start, blocks that start, grow and stop (anthropic_block.c), message_delta with the reason, and
** message_stop; a whole body is one message that does all of it at once. A frame is named by its JSON's `type`, or by the
** SSE event where it has none; frames of other names are kept as UNKNOWN. The usual frame of text is recognised by
** repeat.h, and read once.
**
** Terminal marker: message_stop, or a stop_reason; a whole message is complete in itself. A message_start with another id
** begins somebody else's reply: this one ends there.
*/
#include "../core/fault.h"
#include "anthropic_state.h"
#include "protocols.h"
#include "read.h"

/* The outermost members of a frame: raw values; n = 0 where absent or null. */
struct frame_members {
  struct ogl_span type, message, content_block, delta, usage, error, detail, object;
  struct ogl_span content, stop_reason; /* of a whole message */
  struct ogl_json_text id, model;
  int64_t index; /* -1: none */
};

static void read_index(struct ogl_json *j, int64_t *index) {
  struct ogl_number n;
  if (ogl_json_number_or_skip(j, &n) && n.is_integer && n.i >= 0) *index = n.i;
}

static void read_members(struct ogl_json *j, struct frame_members *m) {
  struct ogl_span key;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "type")) m->type = ogl_read_given(j);
    else if (ogl_span_is(key, "index")) read_index(j, &m->index);
    else if (ogl_span_is(key, "delta")) m->delta = ogl_read_given(j);
    else if (ogl_span_is(key, "content_block")) m->content_block = ogl_read_given(j);
    else if (ogl_span_is(key, "message")) m->message = ogl_read_given(j);
    else if (ogl_span_is(key, "usage")) m->usage = ogl_read_given(j);
    else if (ogl_span_is(key, "id")) ogl_json_string_or_skip(j, &m->id);
    else if (ogl_span_is(key, "model")) ogl_json_string_or_skip(j, &m->model);
    else if (ogl_span_is(key, "content")) m->content = ogl_read_given(j);
    else if (ogl_span_is(key, "stop_reason")) m->stop_reason = ogl_read_given(j);
    else if (ogl_span_is(key, "error")) m->error = ogl_read_given(j);
    else if (ogl_span_is(key, "detail")) m->detail = ogl_read_given(j);
    else if (ogl_span_is(key, "object")) m->object = ogl_read_given(j);
    else ogl_json_skip(j, NULL);
  }
}

/* Reads the outermost members, and checks all of the JSON. Of a list the first element counts: proxies wrap errors so. */
static int read_frame(struct ogl_span data, struct frame_members *m) {
  struct ogl_json j;
  struct ogl_span first;
  memset(m, 0, sizeof *m);
  m->index = -1;
  ogl_json_open(&j, data.p, data.n);
  if (ogl_json_peek(&j) == '[') {
    int code = ogl_json_check(data.p, data.n);
    ogl_json_enter(&j, '[');
    if (code < 0 || ogl_json_item(&j) != OGL_OK || ogl_json_skip(&j, &first) < 0) return code;
    ogl_json_open(&j, first.p, first.n);
  }
  if (ogl_json_enter_or_skip(&j, '{')) read_members(&j, m);
  return ogl_json_end(&j);
}

/* --- usage ---------------------------------------------------------------------------------------------------- */

static void read_output_details(struct ogl_json *j, struct ogl_usage *u) {
  struct ogl_span key;
  if (!ogl_json_enter_or_skip(j, '{')) return;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "thinking_tokens")) ogl_read_usage(j, u, OGL_USAGE_REASONING);
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
    else if (ogl_span_is(key, "cache_read_input_tokens")) ogl_read_usage(&j, u, OGL_USAGE_CACHED);
    else if (ogl_span_is(key, "cache_creation_input_tokens")) ogl_read_usage(&j, u, OGL_USAGE_CACHE_WRITE);
    else if (ogl_span_is(key, "output_tokens")) ogl_read_usage(&j, u, OGL_USAGE_OUTPUT);
    else if (ogl_span_is(key, "output_tokens_details")) read_output_details(&j, u);
    else if (ogl_span_is(key, "cost")) ogl_read_cost(&j, u);
    else ogl_json_skip(&j, NULL);
  }
}

/* Turns the merged numbers into usage: Anthropic counts tokens that a cache gave or took beside the input. */
static void interpret(const struct ogl_usage *sent, struct ogl_usage *u) {
  static const int reads[] = { OGL_USAGE_INPUT, OGL_USAGE_CACHED, OGL_USAGE_CACHE_WRITE };
  double input = 0;
  int known = 0;
  *u = *sent;
  for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++)
    if (ogl_usage_has(sent, reads[i])) input += sent->v[reads[i]], known = 1;
  if (known) ogl_usage_set(u, OGL_USAGE_INPUT, input);
  if (known || ogl_usage_has(sent, OGL_USAGE_OUTPUT))
    ogl_usage_set(u, OGL_USAGE_TOTAL, input + (ogl_usage_has(sent, OGL_USAGE_OUTPUT) ? sent->v[OGL_USAGE_OUTPUT] : 0));
}

static void on_usage(struct anthropic_state *s, struct ogl_span json, struct ogl_queue *out) {
  struct ogl_usage now = { 0, { 0 } };
  if (!json.n) return;
  read_usage(json, &now);
  if (!now.known) return;
  ogl_usage_merge(&s->sent, &now);
  interpret(&s->sent, &s->usage);
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_USAGE, 0, 0);
  if (e) e->usage = &s->usage;
}

/* --- the message around the blocks ---------------------------------------------------------------------------- */

/* The server's own word; null and empty count as none. */
static int on_reason(struct anthropic_state *s, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_json_text text;
  ogl_json_open(&j, raw.p, raw.n);
  if (!raw.n || !ogl_json_string_or_skip(&j, &text)) return 0;
  struct ogl_span word = ogl_queue_text(out, text);
  ogl_buf_reset(&s->reason);
  return ogl_buf_append(&s->reason, word.p, word.n);
}

/* Blocks that come complete. */
static int on_content(struct anthropic_state *s, struct ogl_span list, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  int err = 0;
  ogl_json_open(&j, list.p, list.n);
  if (!ogl_json_enter_or_skip(&j, '[')) return 0;
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) {
    err = ogl_anthropic_start_block(s, -1, item, out);
    if (!err) err = ogl_anthropic_stop_block(s, -1, out);
  }
  return err;
}

/* A message: the one of message_start, or a whole body. */
static int on_message(struct anthropic_state *s, const struct frame_members *m, struct ogl_queue *out) {
  int err = ogl_read_start(&s->id, m->id, &s->model, m->model, out);
  if (!err) err = on_content(s, m->content, out);
  if (!err) err = on_reason(s, m->stop_reason, out);
  if (!err) on_usage(s, m->usage, out);
  return err;
}

/* Whether the message is another one than that of the reply so far. */
static int is_other(const struct anthropic_state *s, const struct frame_members *m, struct ogl_queue *out) {
  if (!s->id.n || !m->id.raw.n) return 0;
  struct ogl_span id = ogl_queue_text(out, m->id);
  return !ogl_span_equal(ogl_buf_span(&s->id), id.p, id.n);
}

static int on_message_start(struct anthropic_state *s, struct ogl_span json, struct ogl_queue *out) {
  struct frame_members m;
  if (!json.n || *json.p != '{') return 0;
  int repeated = s->id.n != 0;
  read_frame(json, &m);
  if (is_other(s, &m, out)) return s->other = 1, 0;
  if (repeated) m.content.n = 0; /* what it holds was told already */
  return on_message(s, &m, out);
}

static int on_message_delta(struct anthropic_state *s, const struct frame_members *m, struct ogl_queue *out) {
  struct frame_members inner;
  int err = 0;
  if (m->delta.n) {
    read_frame(m->delta, &inner);
    err = on_reason(s, inner.stop_reason, out);
  }
  if (!err) on_usage(s, m->usage, out);
  return err;
}

/* --- frames --------------------------------------------------------------------------------------------------- */

/* The block that a repeated frame adds to. */
static struct anthropic_block *repeated_block(struct anthropic_state *s) {
  size_t i = s->n - 1;
  while (i && s->blocks[i].index != s->repeat_index) i--;
  return &s->blocks[i];
}

/* A frame that differs from the last one only in its text. */
static int on_repeated(struct anthropic_state *s, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_repeated found;
  if (!ogl_repeat_match(&s->repeat, frame->data, &found)) return 0;
  struct anthropic_block *b = repeated_block(s);
  struct ogl_span piece = ogl_queue_piece(out, found.text, &b->half);
  struct ogl_event *e = piece.n ? ogl_queue_push(out, s->repeat_kind, 0, s->repeat_index) : NULL;
  if (e) e->a = piece;
  if (OGL_UNLIKELY(b->half)) b->half_kind = s->repeat_kind, ogl_repeat_forget(&s->repeat);
  return 1;
}

/* Remembers the frame if all that it did was one text. */
static void learn(struct anthropic_state *s, const struct ogl_frame *frame, const struct ogl_queue *out) {
  int one = out->n == 1 && (out->events[0].kind == OGL_EVENT_TEXT || out->events[0].kind == OGL_EVENT_REASONING);
  if (s->touched || !one || frame->kind != OGL_FRAME_EVENT) {
    ogl_repeat_forget(&s->repeat);
    return;
  }
  s->repeat_kind = out->events[0].kind;
  s->repeat_index = out->events[0].index;
  struct ogl_hole hole = { s->only_text, OGL_HOLE_TEXT };
  ogl_repeat_learn(&s->repeat, frame->data, &hole, 1);
}

static void open_state(struct anthropic_state *s) {
  if (s->opened) return; /* zero-filled until the first frame */
  s->opened = 1;
  ogl_buf_init(&s->id, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->model, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->reason, OGL_MAX_LINE, OGL_ERR_LINE);
}

static int is_error_frame(const struct ogl_frame *frame) {
  return frame->kind == OGL_FRAME_ERROR || ogl_span_is(frame->event, "error");
}

/* Whether the frame reports an error, in this protocol's form or in a gateway's. */
static int tells_error(const struct ogl_frame *frame, const struct frame_members *m) {
  if (is_error_frame(frame) || m->error.n || ogl_span_is(m->type, "\"error\"")) return 1;
  return !m->type.n && (m->detail.n || ogl_span_is(m->object, "\"error\""));
}

/* The frame's name, without quotes. */
static struct ogl_span name_of(const struct ogl_frame *frame, const struct frame_members *m) {
  struct ogl_span name = m->type;
  if (name.n < 2 || *name.p != '"') return frame->event;
  name.p++, name.n -= 2;
  return name;
}

static void on_unknown(struct ogl_span name, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_UNKNOWN, 0, 0);
  if (e) e->a = name, e->b = frame->data;
}

/* A whole message, as a body of its own: it is one if it says so, or looks like one. */
static int is_message(struct ogl_span name, const struct frame_members *m) {
  return ogl_span_is(name, "message") || (!name.n && m->content.n && *m->content.p == '[');
}

static int on_frame(struct anthropic_state *s, const struct ogl_frame *frame, const struct frame_members *m,
                    struct ogl_queue *out) {
  struct ogl_span name = name_of(frame, m);
  if (ogl_span_is(name, "content_block_delta")) return ogl_anthropic_add_delta(s, m->index, m->delta, out);
  s->touched = 1;
  if (ogl_span_is(name, "content_block_start")) return ogl_anthropic_start_block(s, m->index, m->content_block, out);
  if (ogl_span_is(name, "content_block_stop")) return ogl_anthropic_stop_block(s, m->index, out);
  if (ogl_span_is(name, "message_start")) return on_message_start(s, m->message, out);
  if (ogl_span_is(name, "message_delta")) return on_message_delta(s, m, out);
  if (ogl_span_is(name, "message_stop")) return s->stopped = 1, 0;
  if (ogl_span_is(name, "ping")) return 0;
  if (is_message(name, m)) return s->whole = 1, on_message(s, m, out);
  on_unknown(name, frame, out);
  return 0;
}

static int anthropic_frame(void *state, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct anthropic_state *s = state;
  struct frame_members m;
  if (OGL_LIKELY(frame->kind == OGL_FRAME_EVENT) && !ogl_span_is(frame->event, "error") && on_repeated(s, frame, out))
    return OGL_MORE;
  open_state(s);
  if (ogl_span_is(frame->data, "[DONE]")) return OGL_MORE; /* a habit of gateways, which means nothing here */
  int code = read_frame(frame->data, &m);
  if (code < 0 && !is_error_frame(frame)) {
    ogl_repeat_forget(&s->repeat);
    return code;
  }
  s->touched = 0;
  ogl_anthropic_drop_blocks(s, 0);
  if (tells_error(frame, &m)) {
    ogl_fault_push(out, frame->data);
    return OGL_ERR_PROVIDER;
  }
  int err = on_frame(s, frame, &m, out);
  learn(s, frame, out);
  if (err) return err;
  return s->stopped || s->other ? OGL_OK : OGL_MORE;
}

/* --- the end -------------------------------------------------------------------------------------------------- */

static const struct {
  const char *word, *reason;
} reasons[] = {
  { "end_turn", "stop" },       { "stop_sequence", "stop" },
  { "max_tokens", "length" },   { "model_context_window_exceeded", "length" },
  { "tool_use", "tool_calls" }, { "refusal", "content_filter" },
  { "pause_turn", "pause" },
};

/* The neutral reason; empty where the server gave none. */
static const char *neutral_reason(struct ogl_span word) {
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
    if (ogl_span_equal(word, reasons[i].word, strlen(reasons[i].word))) return reasons[i].reason;
  return word.n ? "other" : "";
}

static int anthropic_finish(void *state, struct ogl_queue *out) {
  struct anthropic_state *s = state;
  ogl_anthropic_drop_blocks(s, 0);
  int err = ogl_anthropic_stop_blocks(s, out);
  if (err) return err;
  if (!s->stopped && !s->whole && !s->reason.n) return OGL_ERR_INCOMPLETE;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_FINISH, 0, 0);
  if (!e) return OGL_OK;
  e->a.p = neutral_reason(ogl_buf_span(&s->reason));
  e->a.n = strlen(e->a.p);
  e->b = ogl_buf_span(&s->reason);
  return OGL_OK;
}

static void anthropic_clear(void *state) {
  struct anthropic_state *s = state;
  ogl_repeat_clear(&s->repeat);
  ogl_anthropic_drop_blocks(s, 1);
  ogl_calls_clear(&s->calls);
  ogl_buf_clear(&s->id);
  ogl_buf_clear(&s->model);
  ogl_buf_clear(&s->reason);
}

const struct ogl_protocol ogl_anthropic = { "anthropic",     sizeof(struct anthropic_state),
                                            anthropic_frame, anthropic_finish,
                                            anthropic_clear, NULL };
