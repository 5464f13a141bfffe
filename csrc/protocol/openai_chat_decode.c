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
#include "openai_chat_decode.h"
#include "read.h"
#include "registry.h"

/* The outermost members of a chunk: raw values; n = 0 where absent or null. */
struct chunk {
  struct ogl_span choices, usage, x_groq, error, detail, object, citations, search_results;
  struct ogl_json_text id, model;
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
    else if (ogl_json_string_or_skip(&j, &idle)) c->idle = idle.raw;
  }
  return ogl_json_end(&j);
}

/* --- choices -------------------------------------------------------------------------------------------------- */

static struct chat_choice *add_choice(struct chat_state *s, int number, int *err) {
  if (s->n == s->cap) {
    size_t cap = s->cap ? s->cap * 2 : 1;
    struct chat_choice *rows = cap > OGL_MAX_CHOICES ? NULL : ogl_realloc(s->choices, cap * sizeof *rows);
    if (!rows) return *err = cap > OGL_MAX_CHOICES ? OGL_ERR_PARTS : OGL_ERR_MEMORY, NULL;
    s->choices = rows;
    s->cap = cap;
  }
  struct chat_choice *choice = &s->choices[s->n++];
  memset(choice, 0, sizeof *choice);
  choice->number = number;
  choice->open_kind = -1;
  ogl_buf_init(&choice->reason, OGL_MAX_LINE, OGL_ERR_LINE);
  s->touched = 1;
  return choice;
}

static struct chat_choice *find_choice(struct chat_state *s, int number, int *err) {
  for (size_t i = 0; i < s->n; i++)
    if (s->choices[i].number == number) return &s->choices[i];
  return add_choice(s, number, err);
}

/* The server's own word; null and empty count as none. */
static int on_reason(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_json_text text;
  if (OGL_LIKELY(raw.n <= 2)) return 0;
  ogl_json_open(&j, raw.p, raw.n);
  if (!ogl_json_string_or_skip(&j, &text)) return 0;
  struct ogl_span word = ogl_queue_text(out, text);
  s->touched = 1;
  ogl_buf_reset(&choice->reason);
  return ogl_buf_append(&choice->reason, word.p, word.n);
}

static void on_logprobs(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw, struct ogl_queue *out) {
  if (OGL_LIKELY(!raw.n)) return;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_LOGPROBS, choice->number, 0);
  s->touched = 1;
  if (e) e->a = raw;
}

/* One element of `choices`. 0, a final error, or OGL_ERR_PROVIDER where it holds an error (whose event is pushed). */
static int on_choice(struct chat_state *s, struct ogl_json *j, struct ogl_queue *out) {
  struct ogl_span key, delta = { "", 0 }, message = { "", 0 }, reason = { "", 0 }, logprobs = { "", 0 },
                       error = { "", 0 };
  struct ogl_number number = { 1, 0, 0 };
  int err = 0;
  if (!ogl_json_enter_or_skip(j, '{')) return 0;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "delta")) delta = ogl_read_given(j);
    else if (ogl_span_is(key, "message")) message = ogl_read_given(j);
    else if (ogl_span_is(key, "index")) ogl_json_number_or_skip(j, &number);
    else if (ogl_span_is(key, "finish_reason")) reason = ogl_read_given(j);
    else if (ogl_span_is(key, "logprobs")) logprobs = ogl_read_given(j);
    else if (ogl_span_is(key, "error")) error = ogl_read_given(j);
    else ogl_json_skip(j, NULL);
  }
  int at = number.is_integer && number.i >= 0 && number.i < INT32_MAX ? (int)number.i : 0;
  struct chat_choice *choice = find_choice(s, at, &err);
  if (!choice) return err;
  struct ogl_span said = delta.n && *delta.p == '{' ? delta : message; /* Perplexity sends both */
  if (said.n && *said.p == '{') err = ogl_chat_read_delta(s, choice, said, out);
  on_logprobs(s, choice, logprobs, out);
  if (!err) err = on_reason(s, choice, reason, out);
  if (err || !error.n) return err;
  ogl_fault_push(out, error);
  return OGL_ERR_PROVIDER;
}

static int on_choices(struct chat_state *s, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_json j;
  int err = 0;
  if (!raw.n || *raw.p != '[') return 0;
  ogl_json_open(&j, raw.p, raw.n);
  ogl_json_enter(&j, '[');
  while (!err && ogl_json_item(&j) > 0) err = on_choice(s, &j, out);
  return err;
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

static void on_usage(struct chat_state *s, const struct chunk *c, struct ogl_queue *out) {
  struct ogl_span raw = c->usage;
  if (OGL_LIKELY(!raw.n && !c->x_groq.n)) return;
  if (!raw.n) raw = groq_usage(c->x_groq);
  if (!raw.n) return;
  if (!ensure_usage(s)) {
    out->err = OGL_ERR_MEMORY;
    return;
  }
  if (!ogl_chat_read_usage(raw, &s->usage->sent, &s->usage->known)) return;
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

/* Whether the frame reports an error; its event is pushed then. */
static int on_error(const struct ogl_frame *frame, const struct chunk *c, struct ogl_queue *out) {
  if (OGL_LIKELY(!c->error.n && frame->kind != OGL_FRAME_ERROR && frame->event.n == 0 && c->choices.n)) return 0;
  int told = frame->kind == OGL_FRAME_ERROR || ogl_span_is(frame->event, "error") || c->error.n ||
             (!c->choices.n && (c->detail.n || ogl_span_is(c->object, "\"error\"")));
  if (told) ogl_fault_push(out, frame->data);
  return told;
}

static void on_unknown(struct chat_state *s, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_UNKNOWN, 0, 0);
  s->touched = 1;
  if (e) e->a = frame->event, e->b = frame->data;
}

static int on_chunk(struct chat_state *s, const struct ogl_frame *frame, const struct chunk *c, struct ogl_queue *out) {
  size_t named = s->id.n + s->model.n;
  int err = ogl_read_start(&s->id, c->id, &s->model, c->model, out);
  if (s->id.n + s->model.n > named) s->touched = 1;
  if (!err) err = on_choices(s, c->choices, out);
  if (err) return err;
  on_usage(s, c, out);
  if ((err = on_sources(s, c)) < 0) return err;
  if (on_error(frame, c, out)) return OGL_ERR_PROVIDER;
  if (!c->choices.n && !c->usage.n && !c->x_groq.n) on_unknown(s, frame, out);
  return 0;
}

/* --- frames --------------------------------------------------------------------------------------------------- */

/* A frame that differs from the last one only in its text. */
static int on_repeated(struct chat_state *s, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_repeated found;
  if (!ogl_repeat_match(&s->repeat, frame->data, &found)) return 0;
  struct ogl_event *e = ogl_queue_push(out, s->repeat_kind, s->repeat_choice, s->repeat_index);
  if (e) e->a = ogl_queue_text(out, found.text);
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
  s->repeat_choice = out->events[0].choice;
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

/* Whether a whole body is an answer: it has choices, or says that there are none. Other JSON is none. */
static int is_answer(const struct chat_state *s, struct ogl_span choices) {
  struct ogl_json j;
  if (s->n) return 1;
  ogl_json_open(&j, choices.p, choices.n);
  return ogl_json_peek(&j) == '[' && ogl_json_enter(&j, '[') > 0 && ogl_json_item(&j) == OGL_MORE;
}

static int chat_frame(void *state, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct chat_state *s = state;
  struct chunk c;
  if (OGL_LIKELY(frame->event.n == 0 && frame->kind == OGL_FRAME_EVENT) && on_repeated(s, frame, out)) return OGL_MORE;
  open_state(s);
  s->touched = s->texts = 0;
  if (is_done(frame->data)) return s->done = 1, OGL_OK;
  int code = read_chunk(frame->data, &c);
  if (code < 0 && frame->kind != OGL_FRAME_ERROR && !ogl_span_is(frame->event, "error")) {
    ogl_repeat_forget(&s->repeat);
    return code;
  }
  int err = on_chunk(s, frame, &c, out);
  s->whole |= frame->kind == OGL_FRAME_WHOLE && is_answer(s, c.choices);
  learn(s, frame, &c, out);
  return err < 0 ? err : OGL_MORE;
}

/* --- the end -------------------------------------------------------------------------------------------------- */

struct reason_row {
  const char *word, *reason;
};

static const struct reason_row reasons[] = {
  { "stop", "stop" },
  { "eos", "stop" },
  { "end_turn", "stop" },
  { "complete", "stop" },
  { "length", "length" },
  { "max_tokens", "length" },
  { "model_length", "length" },
  { "tool_calls", "tool_calls" },
  { "tool_call", "tool_calls" },
  { "function_call", "tool_calls" },
  { "tool_use", "tool_calls" },
  { "content_filter", "content_filter" },
  { "safety", "content_filter" },
  { "error", "error" },
};

static int same_word(struct ogl_span s, const char *word) {
  if (s.n != strlen(word)) return 0;
  for (size_t i = 0; i < s.n; i++)
    if (tolower((unsigned char)s.p[i]) != word[i]) return 0;
  return 1;
}

/* The neutral reason; empty where the server gave none. A server may say stop although it sent calls. */
static const char *neutral_reason(const struct chat_choice *choice) {
  const char *found = choice->reason.n ? "other" : "";
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
    if (same_word(ogl_buf_span(&choice->reason), reasons[i].word)) found = reasons[i].reason;
  return choice->calls.n && strcmp(found, "stop") == 0 ? "tool_calls" : found;
}

static void finish_choice(struct chat_choice *choice, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_FINISH, choice->number, 0);
  if (!e) return;
  const char *reason = neutral_reason(choice);
  e->a.p = reason;
  e->a.n = strlen(reason);
  e->b = ogl_buf_span(&choice->reason);
}

static int next_index(const struct chat_state *s, int number) {
  for (size_t i = 0; i < s->n; i++)
    if (s->choices[i].number == number) return s->choices[i].next_index;
  return 0;
}

/* Perplexity's list of addresses, each a citation of the first choice; and what OpenGateLLM's search found. */
static void push_sources(struct chat_state *s, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  int index = next_index(s, 0);
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

static int complete(const struct chat_state *s) {
  if (s->done || s->whole) return 1;
  for (size_t i = 0; i < s->n; i++)
    if (s->choices[i].number == 0) return s->choices[i].reason.n != 0;
  return 0;
}

static int chat_finish(void *state, struct ogl_queue *out) {
  struct chat_state *s = state;
  int whole = complete(s);
  for (size_t i = 0; i < s->n; i++) ogl_calls_end(&s->choices[i].calls, s->choices[i].number, out);
  push_sources(s, out);
  if (!whole) return OGL_ERR_INCOMPLETE;
  for (size_t i = 0; i < s->n; i++) finish_choice(&s->choices[i], out);
  return OGL_OK;
}

static void chat_clear(void *state) {
  struct chat_state *s = state;
  ogl_repeat_clear(&s->repeat);
  for (size_t i = 0; i < s->n; i++) {
    ogl_buf_clear(&s->choices[i].reason);
    ogl_calls_clear(&s->choices[i].calls);
  }
  ogl_free(s->choices);
  ogl_free(s->usage);
  ogl_buf_clear(&s->id);
  ogl_buf_clear(&s->model);
  ogl_buf_clear(&s->citations);
  ogl_buf_clear(&s->search_results);
}

const struct ogl_protocol ogl_openai_chat = { "openai_chat", sizeof(struct chat_state), chat_frame, chat_finish,
                                              chat_clear };
