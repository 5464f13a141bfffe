/* SPDX-License-Identifier: MIT
** openai_responses_decode.c - the Responses API (POST /v1/responses) to events: OpenAI, xAI, llama.cpp, vLLM, and who else
** speaks it. Streamed events and whole responses are read by the same code: a whole one is the terminal event of a stream in
** which no item was streamed.
**
** A frame is read twice: first its outermost members, which checks all of its JSON before anything changes, then what its type
** says. An event that means nothing to the reply (the progress of a server's own tool, a type that is not known) is
** given as UNKNOWN.
**
** Terminal marker: response.completed, response.incomplete, response.failed; a whole response is complete in itself. Behind an
** `error` event response.failed says how the reply ended, and what it cost.
*/
#include <ctype.h>

#include "../core/fault.h"
#include "../core/mem.h"
#include "openai_responses_state.h"
#include "protocols.h"

/* The outermost members of an event: raw values; n = 0 where absent or null. */
struct wire_event {
  struct ogl_span type; /* without "response." */
  int is_response;      /* it had that */
  int is_named;         /* the type came in the data */
  struct ogl_span response, item, part, annotation, logprobs, error, detail, object, output;
  struct ogl_json_text delta, value, item_id;
  struct ogl_json_text padding; /* `obfuscation` and `sequence_number` mean nothing here, and are never the same */
  struct ogl_span sequence;
  int64_t output_index, content_index, summary_index;
};

/* --- reading -------------------------------------------------------------------------------------------------- */

static int64_t index_of(struct ogl_json *j) {
  struct ogl_number n;
  return ogl_json_number_or_skip(j, &n) && n.is_integer && n.i >= 0 ? n.i : RESPONSES_NO_KEY;
}

/* The place of a part in its list; the first where the server does not say. */
static int64_t place_of(struct ogl_json *j) {
  int64_t at = index_of(j);
  return at < 0 ? 0 : at;
}

/* null, false and "" are no error. */
static struct ogl_span fault_value(struct ogl_json *j) {
  struct ogl_span raw = ogl_responses_raw(j);
  if (ogl_span_is(raw, "false") || ogl_span_is(raw, "\"\"")) raw.n = 0;
  return raw;
}

static void read_member(struct ogl_json *j, struct ogl_span key, struct wire_event *w) {
  if (ogl_span_is(key, "delta")) ogl_json_string_or_skip(j, &w->delta);
  else if (ogl_span_is(key, "item_id")) ogl_json_string_or_skip(j, &w->item_id);
  else if (ogl_span_is(key, "output_index")) w->output_index = index_of(j);
  else if (ogl_span_is(key, "content_index")) w->content_index = place_of(j);
  else if (ogl_span_is(key, "summary_index")) w->summary_index = place_of(j);
  else if (ogl_span_is(key, "sequence_number")) w->sequence = ogl_responses_raw(j);
  else if (ogl_span_is(key, "obfuscation")) ogl_json_string_or_skip(j, &w->padding);
  else if (ogl_span_is(key, "logprobs")) w->logprobs = ogl_responses_raw(j);
  else if (ogl_span_is(key, "text") || ogl_span_is(key, "refusal") || ogl_span_is(key, "arguments") ||
           ogl_span_is(key, "input"))
    ogl_json_string_or_skip(j, &w->value);
  else if (ogl_span_is(key, "item")) w->item = ogl_responses_raw(j);
  else if (ogl_span_is(key, "part")) w->part = ogl_responses_raw(j);
  else if (ogl_span_is(key, "annotation")) w->annotation = ogl_responses_raw(j);
  else if (ogl_span_is(key, "response")) w->response = ogl_responses_raw(j);
  else if (ogl_span_is(key, "output")) w->output = ogl_responses_raw(j);
  else if (ogl_span_is(key, "object")) w->object = ogl_responses_raw(j);
  else if (ogl_span_is(key, "error")) w->error = fault_value(j);
  else if (ogl_span_is(key, "detail")) w->detail = fault_value(j);
  else ogl_json_skip(j, NULL);
}

/* A list: some proxies wrap an error in one. */
static int read_list(struct ogl_json *j, struct wire_event *w) {
  struct ogl_span key;
  ogl_json_enter(j, '[');
  for (int first = 1; ogl_json_item(j) > 0; first = 0) {
    if (!first || ogl_json_peek(j) != '{') {
      ogl_json_skip(j, NULL);
      continue;
    }
    ogl_json_enter(j, '{');
    while (ogl_json_key(j, &key) > 0) {
      if (ogl_span_is(key, "error")) w->error = fault_value(j);
      else if (ogl_span_is(key, "detail")) w->detail = fault_value(j);
      else ogl_json_skip(j, NULL);
    }
  }
  return ogl_json_end(j);
}

/* Reads the frame's outermost members, and checks all of it. OGL_OK, or the JSON's error. */
static int read_event(struct ogl_span data, struct wire_event *w) {
  struct ogl_json j;
  struct ogl_json_text type;
  struct ogl_span key;
  memset(w, 0, sizeof *w);
  w->output_index = RESPONSES_NO_KEY;
  ogl_json_open(&j, data.p, data.n);
  if (ogl_json_peek(&j) == '[') return read_list(&j, w);
  if (!ogl_json_enter_or_skip(&j, '{')) return ogl_json_end(&j);
  while (ogl_json_key(&j, &key) > 0) {
    if (!ogl_span_is(key, "type")) read_member(&j, key, w);
    else if (ogl_json_string_or_skip(&j, &type)) w->type = type.raw;
  }
  return ogl_json_end(&j);
}

/* The event's type, from its data or else from the SSE field, without the prefix that nearly all have. */
static void name_event(struct wire_event *w, const struct ogl_frame *frame) {
  static const char prefix[] = "response.";
  size_t n = sizeof prefix - 1;
  w->is_named = w->type.n > 0;
  if (!w->is_named) w->type = frame->event;
  w->is_response = w->type.n > n && memcmp(w->type.p, prefix, n) == 0;
  if (w->is_response) w->type.p += n, w->type.n -= n;
}

/* --- texts and calls ------------------------------------------------------------------------------------------ */

/* The item and the part that an event of a text belongs to. */
struct text_row {
  const char *stem;
  int kind, list;
};

static const struct text_row text_rows[] = {
  { "output_text", OGL_EVENT_TEXT, RESPONSES_CONTENT },
  { "reasoning_summary_text", OGL_EVENT_REASONING, RESPONSES_SUMMARY },
  { "reasoning_text", OGL_EVENT_REASONING, RESPONSES_CONTENT },
  { "refusal", OGL_EVENT_REFUSAL, RESPONSES_CONTENT },
  { "function_call_arguments", OGL_EVENT_TOOL_CALL, 0 },
  { "custom_tool_call_input", OGL_EVENT_TOOL_CALL, 0 },
};

/* The row of `<stem>.delta` or `<stem>.done`, or NULL. */
static const struct text_row *find_row(struct ogl_span type, const char *ending) {
  size_t n = strlen(ending);
  if (type.n <= n || memcmp(type.p + type.n - n, ending, n) != 0) return NULL;
  type.n -= n;
  for (size_t i = 0; i < sizeof text_rows / sizeof text_rows[0]; i++)
    if (ogl_span_equal(type, text_rows[i].stem, strlen(text_rows[i].stem))) return &text_rows[i];
  return NULL;
}

static struct responses_item *item_of(struct responses_state *s, const struct wire_event *w, struct ogl_queue *out,
                                      int *err) {
  return ogl_responses_item(s, w->output_index, ogl_queue_text(out, w->item_id), err);
}

static int64_t place_in(const struct wire_event *w, int list) {
  return list == RESPONSES_SUMMARY ? w->summary_index : w->content_index;
}

/* A piece of a text or of arguments, or (`whole`) all of it. */
static int on_text(struct responses_state *s, const struct wire_event *w, const struct text_row *row, int whole,
                   struct ogl_queue *out) {
  int err = 0;
  struct responses_item *item = item_of(s, w, out, &err);
  if (!item) return err;
  if (row->kind == OGL_EVENT_TOOL_CALL)
    return ogl_responses_arguments(s, item, whole ? w->value : w->delta, whole, out);
  struct responses_text *text = ogl_responses_text(s, item, row->kind, row->list, place_in(w, row->list), &err);
  if (!text) return err;
  s->last_item = (size_t)(item - s->items);
  s->last_text = (size_t)(text - item->texts);
  if (whole) ogl_responses_complete_text(text, w->value, out);
  else ogl_responses_add_text(text, w->delta, out);
  return ogl_responses_logprobs(text, w->logprobs, whole, out);
}

static int on_annotation(struct responses_state *s, const struct wire_event *w, struct ogl_queue *out) {
  int err = 0;
  struct responses_item *item = item_of(s, w, out, &err);
  struct responses_text *text =
      item ? ogl_responses_text(s, item, OGL_EVENT_TEXT, RESPONSES_CONTENT, w->content_index, &err) : NULL;
  return text && w->annotation.n ? ogl_responses_cite(s, item, text, w->annotation, out) : err;
}

static int on_part(struct responses_state *s, const struct wire_event *w, int list, struct ogl_queue *out) {
  int err = 0;
  struct responses_item *item = item_of(s, w, out, &err);
  return item ? ogl_responses_part(s, item, list, place_in(w, list), w->part, out) : err;
}

enum { NOT_KNOWN = 1 };

/* An event inside an item. 0, a final error, or NOT_KNOWN. */
static int on_item_event(struct responses_state *s, const struct wire_event *w, struct ogl_queue *out) {
  const struct text_row *row;
  if ((row = find_row(w->type, ".delta"))) return on_text(s, w, row, 0, out);
  if ((row = find_row(w->type, ".done"))) return on_text(s, w, row, 1, out);
  int item = w->item.n && *w->item.p == '{';
  if (item && ogl_span_is(w->type, "output_item.added"))
    return ogl_responses_begin_item(s, w->output_index, w->item, out);
  if (item && ogl_span_is(w->type, "output_item.done")) return ogl_responses_end_item(s, w->output_index, w->item, out);
  if (ogl_span_is(w->type, "content_part.done")) return on_part(s, w, RESPONSES_CONTENT, out);
  if (ogl_span_is(w->type, "reasoning_summary_part.done")) return on_part(s, w, RESPONSES_SUMMARY, out);
  if (ogl_span_is(w->type, "output_text.annotation.added")) return on_annotation(s, w, out);
  if (ogl_span_is(w->type, "content_part.added") || ogl_span_is(w->type, "reasoning_summary_part.added")) return 0;
  return NOT_KNOWN;
}

/* --- errors --------------------------------------------------------------------------------------------------- */

/* An `error` event; its own type, "error", is not the error's. The usage of the failed response comes behind it. */
static int push_fault(struct responses_state *s, struct ogl_span data, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_ERROR, 0, 0);
  s->failed = 1;
  if (!e) return OGL_ERR_PROVIDER;
  ogl_fault_read(out, data, e);
  if (ogl_span_is(e->b, "error")) e->b.n = 0;
  return OGL_ERR_PROVIDER;
}

/* Whether the frame reports an error outside the events of this protocol: its event is pushed then. */
static int on_foreign_error(const struct ogl_frame *frame, const struct wire_event *w, struct ogl_queue *out) {
  int told = frame->kind == OGL_FRAME_ERROR || ogl_span_is(w->object, "\"error\"") ||
             (!w->is_response && !w->output.n && (w->error.n || w->detail.n));
  if (told) ogl_fault_push(out, frame->data);
  return told;
}

/* --- responses ------------------------------------------------------------------------------------------------ */

static int push_finish(struct responses_state *s, struct ogl_queue *out) {
  int err = ogl_responses_close_items(s, out);
  struct ogl_event *e = err ? NULL : ogl_queue_push(out, OGL_EVENT_FINISH, 0, 0);
  if (!e) return err;
  e->a.p = ogl_responses_reason(s);
  e->a.n = strlen(e->a.p);
  e->b = ogl_buf_span(s->why.n ? &s->why : &s->status);
  return 0;
}

/* Pushes the error of a response that failed without an error in it: its JSON is the message. */
static void push_wordless(struct ogl_span json, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_ERROR, 0, 0);
  if (e) e->a = e->d = json;
}

/* The response that ends the reply. OGL_OK, OGL_ERR_PROVIDER where it failed, or a final error. */
static int on_end(struct responses_state *s, struct ogl_span json, struct ogl_span word, struct ogl_queue *out) {
  struct responses_response r;
  ogl_responses_read(json, &r);
  int err = ogl_responses_note(s, &r, out);
  if (!err) err = ogl_responses_output(s, r.output, out);
  if (!err) err = ogl_responses_note_end(s, &r, word, out);
  if (err) return err;
  s->done = 1;
  int failed = r.error.n || ogl_span_is(ogl_buf_span(&s->status), "failed");
  if (!failed && !s->failed) return OGL_OK;
  if ((err = push_finish(s, out)) < 0) return err;
  if (s->failed) return OGL_OK; /* the first error counts */
  if (r.error.n) ogl_fault_push(out, r.error);
  else push_wordless(json, out);
  return OGL_ERR_PROVIDER;
}

static int is_terminal(struct ogl_span type) {
  return ogl_span_is(type, "completed") || ogl_span_is(type, "incomplete") || ogl_span_is(type, "failed");
}

static int is_lifecycle(struct ogl_span type) {
  return ogl_span_is(type, "created") || ogl_span_is(type, "in_progress") || ogl_span_is(type, "queued");
}

static int on_lifecycle(struct responses_state *s, const struct wire_event *w, struct ogl_queue *out) {
  struct responses_response r;
  ogl_responses_read(w->response, &r);
  return ogl_responses_note(s, &r, out);
}

/* --- frames --------------------------------------------------------------------------------------------------- */

static void on_unknown(const struct ogl_frame *frame, const struct wire_event *w, struct ogl_queue *out) {
  static const size_t prefix = sizeof "response." - 1;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_UNKNOWN, 0, 0);
  if (!e) return;
  e->a = w->type;
  if (w->is_response) e->a.p -= prefix, e->a.n += prefix;
  e->b = frame->data;
}

/* OGL_MORE, OGL_OK at the terminal marker, or an error. */
static int on_event(struct responses_state *s, const struct ogl_frame *frame, const struct wire_event *w,
                    struct ogl_queue *out) {
  struct ogl_span none = { "", 0 };
  int whole = ogl_span_is(w->object, "\"response\"") || (w->output.n && *w->output.p == '[');
  if (w->is_response && is_terminal(w->type)) return on_end(s, w->response.n ? w->response : frame->data, w->type, out);
  if (!w->is_response && whole) return on_end(s, frame->data, none, out);
  if (ogl_span_is(w->type, "error")) return push_fault(s, frame->data, out);
  if (on_foreign_error(frame, w, out)) return OGL_ERR_PROVIDER;
  if (w->is_response && is_lifecycle(w->type)) return on_lifecycle(s, w, out);
  int err = w->is_response ? on_item_event(s, w, out) : NOT_KNOWN;
  if (err == NOT_KNOWN) return on_unknown(frame, w, out), OGL_MORE;
  return err;
}

/* A delta that differs from the last one only in what repeat.h lets differ. */
static int on_repeated(struct responses_state *s, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_repeated found;
  if (!ogl_repeat_match(&s->repeat, frame->data, &found)) return 0;
  struct responses_text *text = &s->items[s->last_item].texts[s->last_text];
  ogl_responses_add_text(text, found.text, out);
  if (OGL_UNLIKELY(text->half)) ogl_repeat_forget(&s->repeat);
  return 1;
}

/* Remembers the frame if all that it did was to add to one text. */
static void learn(struct responses_state *s, const struct ogl_frame *frame, const struct wire_event *w,
                  const struct ogl_queue *out) {
  const struct text_row *row = w->is_response && w->is_named && !s->failed ? find_row(w->type, ".delta") : NULL;
  int told = row && row->kind != OGL_EVENT_TOOL_CALL && out->n == 1 && frame->kind == OGL_FRAME_EVENT;
  if (!told || s->items[s->last_item].texts[s->last_text].half) {
    ogl_repeat_forget(&s->repeat);
    return;
  }
  struct ogl_hole holes[] = { { w->delta.raw, OGL_HOLE_TEXT },
                              { w->padding.raw, OGL_HOLE_IDLE },
                              ogl_hole_number(w->sequence, 0) };
  ogl_repeat_learn(&s->repeat, frame->data, holes, 3);
}

static void open_state(struct responses_state *s) {
  if (s->id.max) return; /* zero-filled until the first frame */
  ogl_buf_init(&s->id, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->model, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->status, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->why, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->custom, OGL_MAX_FRAME, OGL_ERR_FRAME);
}

/* Servers that come from Chat Completions send it too; it ends nothing here. */
static int is_done_word(struct ogl_span data) {
  while (data.n && isspace((unsigned char)data.p[data.n - 1])) data.n--;
  return ogl_span_is(data, "[DONE]");
}

static int responses_frame(void *state, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct responses_state *s = state;
  struct wire_event w;
  if (OGL_LIKELY(frame->kind == OGL_FRAME_EVENT) && on_repeated(s, frame, out)) return OGL_MORE;
  open_state(s);
  ogl_repeat_forget(&s->repeat);
  if (is_done_word(frame->data)) return OGL_MORE;
  int code = read_event(frame->data, &w);
  if (code < 0 && frame->kind != OGL_FRAME_ERROR && !ogl_span_is(frame->event, "error")) return code;
  name_event(&w, frame);
  code = on_event(s, frame, &w, out);
  if (code == OGL_MORE || !code) learn(s, frame, &w, out);
  return code;
}

/* --- the end -------------------------------------------------------------------------------------------------- */

static int responses_finish(void *state, struct ogl_queue *out) {
  struct responses_state *s = state;
  int err = s->done ? push_finish(s, out) : ogl_responses_close_items(s, out);
  if (err) return err;
  return s->done ? OGL_OK : OGL_ERR_INCOMPLETE;
}

static void responses_clear(void *state) {
  struct responses_state *s = state;
  ogl_repeat_clear(&s->repeat);
  for (size_t i = 0; i < s->n; i++) ogl_responses_clear_item(&s->items[i]);
  ogl_free(s->items);
  ogl_calls_clear(&s->calls);
  ogl_buf_clear(&s->id);
  ogl_buf_clear(&s->model);
  ogl_buf_clear(&s->status);
  ogl_buf_clear(&s->why);
  ogl_buf_clear(&s->custom);
}

const struct ogl_protocol ogl_openai_responses = { "openai_responses", sizeof(struct responses_state),
                                                   responses_frame,    responses_finish,
                                                   responses_clear,    NULL };
