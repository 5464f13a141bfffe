/* SPDX-License-Identifier: MIT
** openai_chat_decode.c - Chat Completions (POST /v1/chat/completions) to events: OpenAI, OpenGateLLM, vLLM, Mistral, and
** everyone who copies them. Streamed chunks and whole bodies are read by the same code.
**
** A frame is read twice: first its outermost members, which checks all of its JSON before anything changes, then the
** choices. The usual chunk of text is recognised by repeat.h instead, and read once.
**
** Terminal marker: `[DONE]`, or a finish_reason on choice 0; a whole body is complete in itself. FINISH events wait for
** the end, since usage comes after the finish_reason, and a server may send a second one.
*/
#include <ctype.h>

#include "../core/fault.h"
#include "../core/mem.h"
#include "openai_chat_state.h"
#include "protocols.h"
#include "read.h"

/* The outermost members of a chunk: raw values; n = 0 where absent or null. */
struct chunk {
  struct ogl_span choices, usage, x_groq, error, detail, object, citations, search_results, base_resp;
  struct ogl_json_text id, model;
  int has_words;        /* that stand in no answer */
  struct ogl_span idle; /* the last string under a key that means nothing here */
};

static int read_chunk(struct ogl_span data, struct chunk *c);

/* A list: its first element counts, for that is how some proxies wrap an error. */
static int read_first(struct ogl_span data, struct chunk *c) {
  struct ogl_json j;
  struct ogl_span first;
  int code = ogl_json_check(data.p, data.n);
  ogl_json_open(&j, data.p, data.n);
  if (code < 0 || ogl_json_enter(&j, '[') < 0 || ogl_json_item(&j) != OGL_OK) return code;
  return ogl_json_skip(&j, &first) > 0 && *first.p == '{' ? read_chunk(first, c) : code;
}

/* Reads the frame's outermost members, and checks all of it. OGL_OK, or the JSON's error. */
static int read_chunk(struct ogl_span data, struct chunk *c) {
  struct ogl_json j;
  struct ogl_json_text idle;
  struct ogl_span key;
  memset(c, 0, sizeof *c);
  ogl_json_open(&j, data.p, data.n);
  if (ogl_json_peek(&j) == '[') return read_first(data, c);
  if (!ogl_json_enter_or_skip(&j, '{')) return ogl_json_end(&j);
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "choices")) c->choices = ogl_read_given(&j);
    else if (ogl_span_is(key, "id")) ogl_json_string_or_skip(&j, &c->id);
    else if (ogl_span_is(key, "model")) ogl_json_string_or_skip(&j, &c->model);
    else if (ogl_span_is(key, "usage")) c->usage = ogl_read_given(&j);
    else if (ogl_span_is(key, "object")) c->object = ogl_read_given(&j);
    else if (ogl_span_is(key, "error")) c->error = ogl_read_given(&j);
    else if (ogl_span_is(key, "detail")) c->detail = ogl_read_given(&j);
    else if (ogl_span_is(key, "x_groq")) c->x_groq = ogl_read_given(&j);
    else if (ogl_span_is(key, "citations")) c->citations = ogl_read_given(&j);
    else if (ogl_span_is(key, "search_results")) c->search_results = ogl_read_given(&j);
    else if (ogl_span_is(key, "base_resp")) c->base_resp = ogl_read_given(&j);
    else if (ogl_json_string_or_skip(&j, &idle)) {
      c->idle = idle.raw;
      c->has_words |= idle.raw.n && (ogl_span_is(key, "message") || ogl_span_is(key, "msg"));
    }
  }
  return ogl_json_end(&j);
}

/* --- the rest of a chunk -------------------------------------------------------------------------------------- */

/* Groq hides the usage in x_groq.usage. */
static struct ogl_span groq_usage(struct ogl_span x_groq) {
  struct ogl_json j;
  struct ogl_span key, usage = { "", 0 };
  ogl_json_open(&j, x_groq.p, x_groq.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return usage;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "usage")) usage = ogl_read_given(&j);
    else ogl_json_skip(&j, NULL);
  }
  return usage;
}

/* 0 without memory. */
static int ensure_usage(struct chat_state *s) {
  if (s->usage) return 1;
  s->usage = ogl_realloc(NULL, sizeof *s->usage);
  if (s->usage) memset(s->usage, 0, sizeof *s->usage);
  return s->usage != NULL;
}

/* Where the numbers are: in the chunk, else in choice 0 (Moonshot), else with Groq. 1 where there were any. */
static int read_usage(struct chat_state *s, const struct chunk *c) {
  struct ogl_usage *sent = &s->usage->sent, *known = &s->usage->known;
  if (ogl_chat_read_usage(c->usage, sent, known) || ogl_chat_read_usage(s->usage_in, sent, known)) return 1;
  return c->x_groq.n && ogl_chat_read_usage(groq_usage(c->x_groq), sent, known);
}

static void on_usage(struct chat_state *s, const struct chunk *c, struct ogl_queue *out) {
  if (OGL_LIKELY(!c->usage.n && !c->x_groq.n && !s->usage_in.n)) return;
  if (!ensure_usage(s)) {
    out->err = OGL_ERR_MEMORY;
    return;
  }
  if (!read_usage(s, c)) return;
  s->touched = 1;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_USAGE, 0, 0);
  if (e) e->usage = &s->usage->known;
}

/* Lists that are sent again with every chunk: the last one counts, at the end. */
static int on_sources(struct chat_state *s, const struct chunk *c) {
  if (OGL_LIKELY(!c->citations.n && !c->search_results.n)) return 0;
  if (c->citations.n) {
    ogl_buf_reset(&s->citations);
    ogl_buf_append(&s->citations, c->citations.p, c->citations.n);
  }
  if (c->search_results.n) {
    ogl_buf_reset(&s->search_results);
    ogl_buf_append(&s->search_results, c->search_results.p, c->search_results.n);
  }
  s->touched = 1;
  return s->citations.err ? s->citations.err : s->search_results.err;
}

/* The event of an error. What is kept of the reply goes into its partial one. */
static int push_error(struct chat_state *s, struct ogl_span json, int is_status, struct ogl_queue *out) {
  int err = ogl_chat_push_kept(s, out);
  s->failed = 1;
  if (err) return err;
  if (is_status) ogl_fault_push_other(out, json);
  else ogl_fault_push(out, json);
  return OGL_ERR_PROVIDER;
}

/* What the frame reports: an error of its own, or of a choice. 0, OGL_ERR_PROVIDER, or a final error. */
static int on_error(struct chat_state *s, const struct ogl_frame *frame, const struct chunk *c, struct ogl_queue *out) {
  if (OGL_LIKELY(!c->error.n && !s->fault.n && frame->kind != OGL_FRAME_ERROR && frame->event.n == 0 && c->choices.n))
    return 0;
  int told = frame->kind == OGL_FRAME_ERROR || ogl_span_is(frame->event, "error") || c->error.n ||
             (!c->choices.n && (c->detail.n || ogl_span_is(c->object, "\"error\"")));
  if (told) return push_error(s, frame->data, 0, out);
  if (s->fault.n) return push_error(s, s->fault, 0, out);
  return !c->choices.n && ogl_fault_is_status(c->base_resp) ? push_error(s, frame->data, 1, out) : 0;
}

static void on_unknown(struct chat_state *s, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_UNKNOWN, 0, 0);
  s->touched = 1;
  if (e) e->a = frame->event, e->b = frame->data;
}

/* Whether a whole body is an answer: it has choices, or an empty list of them and nothing else. */
static int is_answer(const struct chat_state *s, const struct chunk *c) {
  struct ogl_json j;
  if (s->n) return 1;
  ogl_json_open(&j, c->choices.p, c->choices.n);
  return ogl_json_peek(&j) == '[' && ogl_json_enter(&j, '[') > 0 && ogl_json_item(&j) == OGL_MORE && !c->has_words &&
         !ogl_fault_is_status(c->base_resp);
}

static int on_chunk(struct chat_state *s, const struct ogl_frame *frame, const struct chunk *c, struct ogl_queue *out) {
  size_t named = s->id.n + s->model.n;
  int err = ogl_read_start(&s->id, c->id, &s->model, c->model, out);
  if (s->id.n + s->model.n > named) s->touched = 1;
  if (!err) err = ogl_chat_read_choices(s, c->choices, out);
  if (err) return err;
  on_usage(s, c, out);
  if ((err = on_sources(s, c)) < 0) return err;
  if ((err = on_error(s, frame, c, out)) < 0) return err;
  s->whole |= frame->kind == OGL_FRAME_WHOLE && is_answer(s, c);
  int is_none = frame->kind == OGL_FRAME_WHOLE ? !s->whole : !c->choices.n && !c->usage.n && !c->x_groq.n;
  if (is_none) on_unknown(s, frame, out);
  return 0;
}

/* --- frames --------------------------------------------------------------------------------------------------- */

/* A frame that differs from the last one only in its text. */
static int on_repeated(struct chat_state *s, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_repeated found;
  if (!ogl_repeat_match(&s->repeat, frame->data, &found)) return 0;
  struct chat_choice *choice = &s->choices[s->repeat_row];
  struct ogl_span piece = ogl_queue_piece(out, found.text, &choice->half);
  struct ogl_event *e = piece.n ? ogl_queue_push(out, s->repeat_kind, choice->number, s->repeat_index) : NULL;
  if (OGL_LIKELY(e != NULL)) ogl_chat_give(choice, e, piece);
  if (OGL_UNLIKELY(choice->half)) ogl_repeat_forget(&s->repeat); /* the next one has to look at it */
  return 1;
}

/* Remembers the frame if all that it did was one text. */
static void learn(struct chat_state *s, const struct ogl_frame *frame, const struct chunk *c,
                  const struct ogl_queue *out) {
  if (s->touched || s->texts != 1 || out->n != 1 || frame->kind != OGL_FRAME_EVENT || frame->event.n) {
    ogl_repeat_forget(&s->repeat);
    return;
  }
  s->repeat_kind = out->events[0].kind;
  s->repeat_row = s->only_row;
  s->repeat_index = out->events[0].index;
  struct ogl_hole holes[] = { { s->only_text, OGL_HOLE_TEXT }, { c->idle, OGL_HOLE_IDLE } };
  int padded = c->idle.p > s->only_text.p; /* one in front of the text is no padding: system_fingerprint */
  ogl_repeat_learn(&s->repeat, frame->data, holes, padded ? 2 : 1);
}

static void open_state(struct chat_state *s) {
  if (s->id.max) return; /* zero-filled until the first frame */
  ogl_buf_init(&s->id, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->model, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->citations, OGL_MAX_FRAME, OGL_ERR_FRAME);
  ogl_buf_init(&s->search_results, OGL_MAX_FRAME, OGL_ERR_FRAME);
}

static int is_done(struct ogl_span data) {
  while (data.n && isspace((unsigned char)data.p[data.n - 1])) data.n--;
  return ogl_span_is(data, "[DONE]");
}

static int chat_frame(void *state, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct chat_state *s = state;
  struct chunk c;
  if (OGL_LIKELY(frame->event.n == 0 && frame->kind == OGL_FRAME_EVENT) && on_repeated(s, frame, out)) return OGL_MORE;
  open_state(s);
  s->touched = s->texts = s->repeats = 0;
  s->fault.n = s->usage_in.n = 0;
  s->is_whole = frame->kind == OGL_FRAME_WHOLE || frame->kind == OGL_FRAME_BARE;
  if (is_done(frame->data)) return s->done = 1, OGL_OK;
  int code = read_chunk(frame->data, &c);
  if (code < 0 && frame->kind != OGL_FRAME_ERROR && !ogl_span_is(frame->event, "error")) {
    ogl_repeat_forget(&s->repeat);
    return code;
  }
  int err = on_chunk(s, frame, &c, out);
  learn(s, frame, &c, out);
  return err < 0 ? err : OGL_MORE;
}

/* --- the end -------------------------------------------------------------------------------------------------- */

/* Perplexity's list of addresses, each a citation of the first choice; and what OpenGateLLM's search found. */
static void push_sources(struct chat_state *s, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  const struct chat_choice *first = ogl_chat_first(s);
  int index = first ? first->next_index : 0;
  ogl_json_open(&j, ogl_buf_span(&s->citations).p, s->citations.n);
  if (ogl_json_enter_or_skip(&j, '[')) {
    while (ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) {
      struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_CITATION, 0, index++);
      if (e) e->a = item;
    }
  }
  if (!s->search_results.n) return;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_PART, 0, index);
  if (!e) return;
  e->a.p = "search_results";
  e->a.n = strlen(e->a.p);
  e->b = ogl_buf_span(&s->search_results);
}

static void push_warning(struct ogl_queue *out) {
  static const char
      code[] = "no_finish_reason",
      message[] = "the stream ended with [DONE] and without a finish_reason: nothing proves that the reply is whole";
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_WARNING, 0, 0);
  if (!e) return;
  e->a.p = code, e->a.n = sizeof code - 1;
  e->b.p = message, e->b.n = sizeof message - 1;
}

/* Pushes the error of an answer that says only by its finish_reason that it failed. */
static void push_failure(const struct chat_choice *choice, struct ogl_queue *out) {
  static const char message[] = "the server ended the answer with finish_reason error";
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_ERROR, 0, 0);
  if (!e) return;
  e->a.p = message, e->a.n = sizeof message - 1;
  e->c = ogl_buf_span(&choice->native);
}

static int chat_finish(void *state, struct ogl_queue *out) {
  struct chat_state *s = state;
  const struct chat_choice *first = ogl_chat_first(s);
  int ended = s->whole || (first && first->reason.n);
  for (size_t i = 0; i < s->n; i++) ogl_chat_close_choice(&s->choices[i], out);
  int err = ogl_chat_push_kept(s, out);
  if (err) return err;
  push_sources(s, out);
  if (!ended && (!s->done || s->reason_required)) return OGL_ERR_INCOMPLETE;
  if (!ended) push_warning(out);
  for (size_t i = 0; i < s->n; i++) ogl_chat_finish_choice(&s->choices[i], out);
  if (!first || s->failed || !ogl_chat_has_failed(first)) return OGL_OK;
  push_failure(first, out);
  return OGL_ERR_PROVIDER;
}

static void chat_require_reason(void *state) { ((struct chat_state *)state)->reason_required = 1; }

static void chat_clear(void *state) {
  struct chat_state *s = state;
  ogl_repeat_clear(&s->repeat);
  for (size_t i = 0; i < s->n; i++) ogl_chat_clear_choice(&s->choices[i]);
  ogl_free(s->choices);
  ogl_chat_clear_kept(s);
  ogl_free(s->usage);
  ogl_buf_clear(&s->id);
  ogl_buf_clear(&s->model);
  ogl_buf_clear(&s->citations);
  ogl_buf_clear(&s->search_results);
}

const struct ogl_protocol ogl_openai_chat = { "openai_chat", sizeof(struct chat_state), chat_frame, chat_finish,
                                              chat_clear,    chat_require_reason };
