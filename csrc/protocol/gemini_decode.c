/* SPDX-License-Identifier: MIT
** gemini_decode.c - generateContent and streamGenerateContent to events: the Gemini API, Vertex AI, and what speaks like them.
**
** A stream is a sequence of answers, each with a piece of the content: as SSE, or as the elements of one JSON array. A whole
** body is the only one. An answer is read twice: first its outermost members, which checks all of its JSON before anything
** changes, then the candidates.
**
** Terminal marker: a finishReason on candidate 0, or promptFeedback.blockReason; neither ends the stream, for usage and an
** error may follow. Hence FINISH events wait for the end of input, or for the error. Lists that each answer sends anew
** (grounding) are told at the end, as the last one had them.
*/
#include "../core/fault.h"
#include "../core/rows.h"
#include "gemini_state.h"
#include "protocols.h"
#include "read.h"

/* The outermost members of an answer: raw values; n = 0 where absent or null. */
struct answer {
  struct ogl_span candidates, feedback, usage, error, detail;
  struct ogl_json_text id, model;
  int known; /* it has a member that only an answer has */
};

static void read_members(struct ogl_json *j, struct answer *a) {
  struct ogl_span key;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "candidates")) a->candidates = ogl_read_given(j);
    else if (ogl_span_is(key, "usageMetadata")) a->usage = ogl_read_given(j);
    else if (ogl_span_is(key, "promptFeedback")) a->feedback = ogl_read_given(j);
    else if (ogl_span_is(key, "responseId")) ogl_json_string_or_skip(j, &a->id);
    else if (ogl_span_is(key, "modelVersion")) ogl_json_string_or_skip(j, &a->model);
    else if (ogl_span_is(key, "error")) a->error = ogl_read_given(j);
    else if (ogl_span_is(key, "detail")) a->detail = ogl_read_given(j);
    else ogl_json_skip(j, NULL);
  }
  a->known = a->candidates.n || a->usage.n || a->feedback.n || a->id.raw.n || a->model.raw.n;
}

/* Reads one answer's outermost members, and checks all of it. OGL_OK, or the JSON's error. */
static int read_answer(struct ogl_span data, struct answer *a) {
  struct ogl_json j;
  memset(a, 0, sizeof *a);
  ogl_json_open(&j, data.p, data.n);
  if (ogl_json_enter_or_skip(&j, '{')) read_members(&j, a);
  return ogl_json_end(&j);
}

/* --- usage ---------------------------------------------------------------------------------------------------- */

static void push_usage(struct gemini_state *s, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_USAGE, 0, 0);
  if (e) e->usage = &s->usage;
}

static void on_usage(struct gemini_state *s, struct ogl_span json, struct ogl_queue *out) {
  if (json.n && ogl_gemini_read_usage(s, json)) push_usage(s, out);
}

/* --- candidates ----------------------------------------------------------------------------------------------- */

static struct gemini_candidate *add_candidate(struct gemini_state *s, int number, int *err) {
  void *rows = ogl_rows_grown(s->candidates, s->n + 1, &s->cap, sizeof *s->candidates, OGL_MAX_CHOICES, err);
  if (!rows) return NULL;
  s->candidates = rows;
  struct gemini_candidate *c = &s->candidates[s->n++];
  memset(c, 0, sizeof *c);
  c->number = number;
  c->open_kind = c->call = -1;
  ogl_buf_init(&c->reason, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&c->grounding, OGL_MAX_FRAME, OGL_ERR_FRAME);
  ogl_buf_init(&c->url_context, OGL_MAX_FRAME, OGL_ERR_FRAME);
  return c;
}

static struct gemini_candidate *find_candidate(struct gemini_state *s, int number, int *err) {
  for (size_t i = 0; i < s->n; i++)
    if (s->candidates[i].number == number) return &s->candidates[i];
  return add_candidate(s, number, err);
}

/* The members of a candidate that matter. */
struct candidate_members {
  struct ogl_span content, reason, message, citations, grounding, url_context, logprobs;
  int number;
};

static void gather(struct ogl_json *j, struct candidate_members *m) {
  struct ogl_span key;
  struct ogl_number n;
  memset(m, 0, sizeof *m);
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "content")) m->content = ogl_read_given(j);
    else if (ogl_span_is(key, "index")) {
      if (ogl_json_number_or_skip(j, &n) && n.is_integer && n.i >= 0 && n.i < INT32_MAX) m->number = (int)n.i;
    } else if (ogl_span_is(key, "finishReason")) m->reason = ogl_read_given(j);
    else if (ogl_span_is(key, "finishMessage")) m->message = ogl_read_given(j);
    else if (ogl_span_is(key, "citationMetadata")) m->citations = ogl_read_given(j);
    else if (ogl_span_is(key, "groundingMetadata")) m->grounding = ogl_read_given(j);
    else if (ogl_span_is(key, "urlContextMetadata")) m->url_context = ogl_read_given(j);
    else if (ogl_span_is(key, "logprobsResult")) m->logprobs = ogl_read_given(j);
    else ogl_json_skip(j, NULL);
  }
}

static int on_content(struct gemini_state *s, struct gemini_candidate *c, struct ogl_span content,
                      struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key, part;
  int err = 0;
  ogl_json_open(&j, content.p, content.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (!err && ogl_json_key(&j, &key) > 0) {
    if (!ogl_span_is(key, "parts")) ogl_json_skip(&j, NULL);
    else if (ogl_json_enter_or_skip(&j, '['))
      while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &part) > 0) err = ogl_gemini_read_part(s, c, part, out);
  }
  return err;
}

static void push_citation(struct gemini_candidate *c, struct ogl_span json, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_CITATION, c->number, c->next_index++);
  if (e) e->a = json;
}

/* Each element of the list that the object has under one of two names. */
static void push_citations(struct gemini_candidate *c, struct ogl_span json, const char *name, const char *other,
                           struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key, item;
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    int wanted = ogl_span_equal(key, name, strlen(name)) || ogl_span_equal(key, other, strlen(other));
    if (!wanted) ogl_json_skip(&j, NULL);
    else if (ogl_json_enter_or_skip(&j, '['))
      while (ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) push_citation(c, item, out);
  }
}

static int replace(struct ogl_buf *b, struct ogl_span json) {
  if (json.n <= 2 || *json.p != '{') return 0; /* {} says nothing */
  ogl_buf_reset(b);
  return ogl_buf_append(b, json.p, json.n);
}

/* The server's own word: a name, or the digits of its number. */
static int on_word(struct ogl_buf *b, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_json_text text;
  if (!raw.n) return 0;
  ogl_json_open(&j, raw.p, raw.n);
  int c = ogl_json_peek(&j);
  if (c != '"' && c != '0') return 0;
  if (c == '"') raw = ogl_json_string(&j, &text) == OGL_OK ? ogl_queue_text(out, text) : raw;
  ogl_buf_reset(b);
  return ogl_buf_append(b, raw.p, raw.n);
}

static const char *neutral_reason(struct ogl_span word, int calls);

/* The server's words about an unusual end. */
static void warn(struct ogl_span raw, struct ogl_queue *out) {
  static const char code[] = "finish_message", message[] = "the server says why the reply ended as it did";
  struct ogl_json j;
  struct ogl_json_text text;
  ogl_json_open(&j, raw.p, raw.n);
  if (!raw.n || !ogl_json_string_or_skip(&j, &text)) return;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_WARNING, 0, 0);
  if (!e) return;
  e->a.p = code, e->a.n = sizeof code - 1;
  e->b.p = message, e->b.n = sizeof message - 1;
  e->c = ogl_queue_text(out, text);
}

static int on_end(struct gemini_candidate *c, const struct candidate_members *m, struct ogl_queue *out) {
  int err = on_word(&c->reason, m->reason, out);
  if (!err && c->reason.n && m->message.n && strcmp(neutral_reason(ogl_buf_span(&c->reason), 0), "stop") != 0)
    warn(m->message, out);
  return err;
}

/* One element of `candidates`. 0, or a final error. */
static int on_candidate(struct gemini_state *s, struct ogl_json *j, struct ogl_queue *out) {
  struct candidate_members m;
  int err = 0;
  if (!ogl_json_enter_or_skip(j, '{')) return 0;
  gather(j, &m);
  struct gemini_candidate *c = find_candidate(s, m.number, &err);
  if (!c) return err;
  if ((err = on_content(s, c, m.content, out)) != 0) return err;
  push_citations(c, m.citations, "citationSources", "citations", out);
  struct ogl_event *e = m.logprobs.n ? ogl_queue_push(out, OGL_EVENT_LOGPROBS, c->number, 0) : NULL;
  if (e) e->a = m.logprobs;
  if ((err = replace(&c->grounding, m.grounding)) != 0) return err;
  if ((err = replace(&c->url_context, m.url_context)) != 0) return err;
  return on_end(c, &m, out);
}

static int on_candidates(struct gemini_state *s, struct ogl_span list, struct ogl_queue *out) {
  struct ogl_json j;
  int err = 0;
  ogl_json_open(&j, list.p, list.n);
  if (!ogl_json_enter_or_skip(&j, '[')) return 0;
  while (!err && ogl_json_item(&j) > 0) err = on_candidate(s, &j, out);
  return err;
}

/* A prompt that was refused has no candidate: the first one says so. */
static int on_feedback(struct gemini_state *s, struct ogl_span json, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key, reason = { "", 0 }, message = { "", 0 };
  int err = 0;
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "blockReason")) reason = ogl_read_given(&j);
    else if (ogl_span_is(key, "blockReasonMessage")) message = ogl_read_given(&j);
    else ogl_json_skip(&j, NULL);
  }
  if (message.n) warn(message, out);
  err = on_word(&s->block_reason, reason, out);
  if (err || !s->block_reason.n) return err;
  find_candidate(s, 0, &err);
  return err;
}

/* --- the end -------------------------------------------------------------------------------------------------- */

static const struct {
  const char *word, *reason;
} reasons[] = {
  { "STOP", "stop" },
  { "1", "stop" },
  { "MAX_TOKENS", "length" },
  { "2", "length" },
  { "SAFETY", "content_filter" },
  { "3", "content_filter" },
  { "RECITATION", "content_filter" },
  { "4", "content_filter" },
  { "BLOCKLIST", "content_filter" },
  { "PROHIBITED_CONTENT", "content_filter" },
  { "SPII", "content_filter" },
  { "LANGUAGE", "content_filter" },
  { "IMAGE_SAFETY", "content_filter" },
  { "MODEL_ARMOR", "content_filter" },
  { "MALFORMED_FUNCTION_CALL", "error" },
  { "UNEXPECTED_TOOL_CALL", "error" },
};

/* The neutral reason; empty where the server gave none. */
static const char *neutral_reason(struct ogl_span word, int calls) {
  const char *found = word.n ? "other" : "";
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
    if (ogl_span_equal(word, reasons[i].word, strlen(reasons[i].word))) found = reasons[i].reason;
  return calls && strcmp(found, "stop") == 0 ? "tool_calls" : found;
}

static void finish_candidate(const struct gemini_state *s, const struct gemini_candidate *c, struct ogl_queue *out) {
  int blocked = !c->reason.n && c->number == 0 && s->block_reason.n;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_FINISH, c->number, 0);
  if (!e) return;
  e->a.p = blocked ? "content_filter" : neutral_reason(ogl_buf_span(&c->reason), c->calls.n != 0);
  e->a.n = strlen(e->a.p);
  e->b = ogl_buf_span(blocked ? &s->block_reason : &c->reason);
}

static void push_kept(struct gemini_candidate *c, const char *kind, const struct ogl_buf *json, struct ogl_queue *out) {
  struct ogl_event *e = json->n ? ogl_queue_push(out, OGL_EVENT_PART, c->number, c->next_index++) : NULL;
  if (e) e->a.p = kind, e->a.n = strlen(kind), e->b = ogl_buf_span(json);
}

/* What waited for the end: open calls, and the sources of the text. */
static int close_candidate(struct gemini_candidate *c, struct ogl_queue *out) {
  ogl_gemini_close_text(c, out);
  int err = ogl_gemini_end_call(c, out);
  push_citations(c, ogl_buf_span(&c->grounding), "groundingChunks", "groundingChunks", out);
  push_kept(c, "groundingMetadata", &c->grounding, out);
  push_kept(c, "urlContextMetadata", &c->url_context, out);
  return err;
}

static int complete(const struct gemini_state *s) {
  if (s->whole || s->block_reason.n) return 1;
  for (size_t i = 0; i < s->n; i++)
    if (s->candidates[i].number == 0) return s->candidates[i].reason.n != 0;
  return 0;
}

static int gemini_finish(void *state, struct ogl_queue *out) {
  struct gemini_state *s = state;
  int err = 0;
  for (size_t i = 0; i < s->n && !err; i++) err = close_candidate(&s->candidates[i], out);
  if (err) return err;
  if (!complete(s)) return OGL_ERR_INCOMPLETE;
  for (size_t i = 0; i < s->n; i++) finish_candidate(s, &s->candidates[i], out);
  return OGL_OK;
}

/* --- frames --------------------------------------------------------------------------------------------------- */

static int is_error_frame(const struct ogl_frame *frame) {
  return frame->kind == OGL_FRAME_ERROR || ogl_span_is(frame->event, "error");
}

/* An error ends the stream; the words of the server about an end before it come first. */
static int on_error(struct gemini_state *s, struct ogl_span json, struct ogl_queue *out) {
  int err = gemini_finish(s, out);
  if (err < 0 && err != OGL_ERR_INCOMPLETE) return err;
  ogl_fault_push(out, json);
  return OGL_ERR_PROVIDER;
}

static int on_answer(struct gemini_state *s, const struct ogl_frame *frame, struct ogl_span json,
                     const struct answer *a, struct ogl_queue *out) {
  int err = ogl_read_start(&s->id, a->id, &s->model, a->model, out);
  if (!err) err = on_candidates(s, a->candidates, out);
  if (!err) err = on_feedback(s, a->feedback, out);
  if (err) return err;
  on_usage(s, a->usage, out);
  if (a->error.n || is_error_frame(frame) || (!a->known && a->detail.n)) return on_error(s, json, out);
  s->whole |= frame->kind == OGL_FRAME_WHOLE && a->known;
  if (a->known) return 0;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_UNKNOWN, 0, 0);
  if (e) e->a = frame->event, e->b = json;
  return 0;
}

/* A frame that holds a list of answers. */
static int on_list(struct gemini_state *s, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  struct answer a;
  int err = 0, code = ogl_json_check(frame->data.p, frame->data.n);
  if (code < 0) return code;
  ogl_json_open(&j, frame->data.p, frame->data.n);
  ogl_json_enter(&j, '[');
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0)
    if (read_answer(item, &a) == OGL_OK) err = on_answer(s, frame, item, &a, out);
  return err;
}

/* An answer that differs from the last one only in what repeat.h lets differ. */
static int on_repeated(struct gemini_state *s, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct ogl_repeated found;
  if (!ogl_repeat_match(&s->repeat, frame->data, &found)) return 0;
  struct gemini_candidate *c = &s->candidates[s->repeat_row];
  struct ogl_span piece = ogl_queue_piece(out, found.text, &c->half);
  struct ogl_event *e = piece.n ? ogl_queue_push(out, s->repeat_kind, c->number, s->repeat_index) : NULL;
  if (e) e->a = piece;
  if (OGL_UNLIKELY(c->half)) ogl_repeat_forget(&s->repeat);
  if (ogl_gemini_count(s, found.numbers)) push_usage(s, out);
  return 1;
}

/* Whether a frame gave one text and counts alone. Its other members change nothing when they come again. */
static int made_one_text(const struct gemini_state *s, const struct ogl_queue *out) {
  const struct ogl_event *e = out->events;
  if (s->texts != 1 || s->calls || (out->n != 1 && (out->n != 2 || e[1].kind != OGL_EVENT_USAGE))) return 0;
  return e[0].kind == OGL_EVENT_TEXT || e[0].kind == OGL_EVENT_REASONING;
}

static void learn(struct gemini_state *s, const struct ogl_frame *frame, const struct ogl_queue *out) {
  struct ogl_hole holes[1 + OGL_REPEAT_NUMBERS] = { { s->only_text, OGL_HOLE_TEXT } };
  if (!made_one_text(s, out) || s->candidates[s->only_row].half || frame->kind != OGL_FRAME_EVENT) return;
  s->repeat_kind = out->events[0].kind;
  s->repeat_row = s->only_row;
  s->repeat_index = out->events[0].index;
  for (int i = 0; i < OGL_REPEAT_NUMBERS; i++) holes[i + 1] = ogl_hole_number(s->counts[i], i);
  ogl_repeat_learn(&s->repeat, frame->data, holes, 1 + OGL_REPEAT_NUMBERS);
}

static void open_state(struct gemini_state *s) {
  if (s->opened) return; /* zero-filled until the first frame */
  s->opened = 1;
  ogl_buf_init(&s->id, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->model, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->block_reason, OGL_MAX_LINE, OGL_ERR_LINE);
}

static int gemini_frame(void *state, const struct ogl_frame *frame, struct ogl_queue *out) {
  struct gemini_state *s = state;
  struct ogl_json j;
  struct answer a;
  if (OGL_LIKELY(frame->kind == OGL_FRAME_EVENT) && !is_error_frame(frame) && on_repeated(s, frame, out))
    return OGL_MORE;
  open_state(s);
  if (ogl_span_is(frame->data, "[DONE]")) return OGL_MORE; /* a habit of gateways, which means nothing here */
  ogl_repeat_forget(&s->repeat);
  s->texts = s->calls = 0;
  memset(s->counts, 0, sizeof s->counts);
  ogl_json_open(&j, frame->data.p, frame->data.n);
  if (OGL_UNLIKELY(ogl_json_peek(&j) == '[')) {
    int err = on_list(s, frame, out);
    return err < 0 ? err : OGL_MORE;
  }
  int code = read_answer(frame->data, &a);
  if (code < 0 && !is_error_frame(frame)) return code;
  if (code < 0) return on_error(s, frame->data, out);
  int err = on_answer(s, frame, frame->data, &a, out);
  if (err < 0) return err;
  learn(s, frame, out);
  return OGL_MORE;
}

static void gemini_clear(void *state) {
  struct gemini_state *s = state;
  ogl_repeat_clear(&s->repeat);
  for (size_t i = 0; i < s->n; i++) {
    struct gemini_candidate *c = &s->candidates[i];
    ogl_gemini_args_clear(&c->args);
    ogl_calls_clear(&c->calls);
    ogl_buf_clear(&c->reason);
    ogl_buf_clear(&c->grounding);
    ogl_buf_clear(&c->url_context);
  }
  ogl_free(s->candidates);
  ogl_buf_clear(&s->id);
  ogl_buf_clear(&s->model);
  ogl_buf_clear(&s->block_reason);
}

const struct ogl_protocol ogl_gemini = { "gemini",     sizeof(struct gemini_state),
                                         gemini_frame, gemini_finish,
                                         gemini_clear, NULL };
