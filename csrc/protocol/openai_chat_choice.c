/* SPDX-License-Identifier: MIT
** openai_chat_choice.c - the elements of `choices`: which of delta and message counts, and why a choice ended. The interface is in
** openai_chat_state.h.
**
** A stream has deltas, a whole body has messages; Perplexity sends both, with one of them empty or repeating the other. A message
** behind deltas (MiniMax) is all of them once more. A completion (POST /v1/completions) has neither: its choice is the text.
*/
#include <ctype.h>

#include "../core/rows.h"
#include "openai_chat_state.h"
#include "read.h"

/* --- rows ----------------------------------------------------------------------------------------------------- */

static struct chat_choice *add_choice(struct chat_state *s, int number, int *err) {
  void *rows = ogl_rows_grown(s->choices, s->n + 1, &s->cap, sizeof *s->choices, OGL_MAX_CHOICES, err);
  if (!rows) return NULL;
  s->choices = rows;
  struct chat_choice *choice = &s->choices[s->n++];
  memset(choice, 0, sizeof *choice);
  choice->number = number;
  choice->open_kind = choice->open_kept = -1;
  ogl_buf_init(&choice->reason, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&choice->native, OGL_MAX_LINE, OGL_ERR_LINE);
  s->touched = 1;
  return choice;
}

static struct chat_choice *find_choice(struct chat_state *s, int number, int *err) {
  for (size_t i = 0; i < s->n; i++)
    if (s->choices[i].number == number) return &s->choices[i];
  return add_choice(s, number, err);
}

const struct chat_choice *ogl_chat_first(const struct chat_state *s) {
  for (size_t i = 0; i < s->n; i++)
    if (s->choices[i].number == 0) return &s->choices[i];
  return NULL;
}

void ogl_chat_clear_choice(struct chat_choice *choice) {
  ogl_buf_clear(&choice->reason);
  ogl_buf_clear(&choice->native);
  ogl_calls_clear(&choice->calls);
}

/* --- one choice ----------------------------------------------------------------------------------------------- */

/* Its members: raw values; n = 0 where absent or null. */
struct members {
  struct ogl_span delta, message, text, reason, native, logprobs, error, usage;
  struct ogl_number number;
};

static void gather(struct ogl_json *j, struct members *m) {
  struct ogl_span key;
  memset(m, 0, sizeof *m);
  m->number.is_integer = 1;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "delta")) m->delta = ogl_read_given(j);
    else if (ogl_span_is(key, "message")) m->message = ogl_read_given(j);
    else if (ogl_span_is(key, "text")) m->text = ogl_read_given(j);
    else if (ogl_span_is(key, "index")) ogl_json_number_or_skip(j, &m->number);
    else if (ogl_span_is(key, "finish_reason")) m->reason = ogl_read_given(j);
    else if (ogl_span_is(key, "native_finish_reason")) m->native = ogl_read_given(j);
    else if (ogl_span_is(key, "logprobs")) m->logprobs = ogl_read_given(j);
    else if (ogl_span_is(key, "error")) m->error = ogl_read_given(j);
    else if (ogl_span_is(key, "usage")) m->usage = ogl_read_given(j);
    else ogl_json_skip(j, NULL);
  }
}

/* Keeps the word, if there is one; null and empty count as none. */
static int keep_word(struct ogl_buf *b, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_json_text text;
  ogl_json_open(&j, raw.p, raw.n);
  if (!ogl_json_string_or_skip(&j, &text)) return 0;
  struct ogl_span word = ogl_queue_text(out, text);
  ogl_buf_reset(b);
  return ogl_buf_append(b, word.p, word.n);
}

/* The server's own word for the end, and the word of the server behind it. */
static int on_reason(struct chat_state *s, struct chat_choice *choice, const struct members *m, struct ogl_queue *out) {
  if (OGL_LIKELY(m->reason.n <= 2)) return 0;
  s->touched = 1;
  int err = keep_word(&choice->reason, m->reason, out);
  if (err || !m->native.n || !ogl_chat_has_failed(choice)) return err;
  return keep_word(&choice->native, m->native, out);
}

static void on_logprobs(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw, struct ogl_queue *out) {
  if (OGL_LIKELY(!raw.n)) return;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_LOGPROBS, choice->number, 0);
  s->touched = 1;
  if (e) e->a = raw;
}

static int is_object(struct ogl_span raw) { return raw.n && *raw.p == '{'; }

/* Whether an object has a member. */
static int says_something(struct ogl_span raw) {
  struct ogl_json j;
  struct ogl_span key;
  ogl_json_open(&j, raw.p, raw.n);
  return is_object(raw) && ogl_json_enter(&j, '{') > 0 && ogl_json_key(&j, &key) > 0;
}

/* The choice's words in this frame: in a stream its delta, in a whole answer its message; the other one if that is missing. */
static struct ogl_span said(struct chat_state *s, struct chat_choice *choice, const struct members *m) {
  int is_message = is_object(m->message) && (s->is_whole || !says_something(m->delta));
  s->repeats = is_message && choice->streamed;
  if (is_message) return m->message;
  choice->streamed |= !s->is_whole && is_object(m->delta);
  return m->delta;
}

/* One element of `choices`. 0, or a final error. */
static int on_choice(struct chat_state *s, struct ogl_json *j, struct ogl_queue *out) {
  struct members m;
  int err = 0;
  if (!ogl_json_enter_or_skip(j, '{')) return 0;
  gather(j, &m);
  int at = m.number.is_integer && m.number.i >= 0 && m.number.i < INT32_MAX ? (int)m.number.i : 0;
  struct chat_choice *choice = find_choice(s, at, &err);
  if (!choice) return err;
  struct ogl_span words = said(s, choice, &m);
  if (is_object(words)) err = ogl_chat_read_delta(s, choice, words, out);
  else ogl_chat_read_text(s, choice, m.text, out);
  if (!s->repeats) on_logprobs(s, choice, m.logprobs, out);
  if (!err) err = on_reason(s, choice, &m, out);
  if (!s->fault.n) s->fault = m.error;
  if (at == 0) s->usage_in = m.usage;
  return err;
}

int ogl_chat_read_choices(struct chat_state *s, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_json j;
  int err = 0;
  if (!raw.n || *raw.p != '[') return 0;
  ogl_json_open(&j, raw.p, raw.n);
  ogl_json_enter(&j, '[');
  while (!err && ogl_json_item(&j) > 0) err = on_choice(s, &j, out);
  return err;
}

/* --- the end -------------------------------------------------------------------------------------------------- */

static const struct {
  const char *word, *reason;
} reasons[] = {
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

int ogl_chat_has_failed(const struct chat_choice *choice) { return same_word(ogl_buf_span(&choice->reason), "error"); }

/* The neutral reason; empty where the server gave none. A server may say stop although it sent calls. */
static const char *neutral_reason(const struct chat_choice *choice) {
  const char *found = choice->reason.n ? "other" : "";
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
    if (same_word(ogl_buf_span(&choice->reason), reasons[i].word)) found = reasons[i].reason;
  return choice->calls.n && strcmp(found, "stop") == 0 ? "tool_calls" : found;
}

void ogl_chat_close_choice(struct chat_choice *choice, struct ogl_queue *out) {
  ogl_chat_close_text(choice, out);
  ogl_calls_end(&choice->calls, choice->number, out);
}

void ogl_chat_finish_choice(const struct chat_choice *choice, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_FINISH, choice->number, 0);
  if (!e) return;
  const char *reason = neutral_reason(choice);
  e->a.p = reason;
  e->a.n = strlen(reason);
  e->b = ogl_buf_span(&choice->reason);
}
