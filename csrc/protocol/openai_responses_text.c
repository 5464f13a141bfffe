/* SPDX-License-Identifier: MIT
** openai_responses_text.c - the texts of an item: their pieces, their `done` values, their citations and logprobs.
**
** The same text comes up to four times: in deltas, in its own done event, in content_part.done and in output_item.done. The
** first that is longer than what was given, and begins with it, completes it. What was given is not kept for that: its length
** and a hash of it are.
*/
#include "../core/rows.h"
#include "openai_responses_state.h"

static struct responses_text *add_row(struct responses_state *s, struct responses_item *item, int *err) {
  if (s->parts >= OGL_MAX_PARTS) return *err = OGL_ERR_PARTS, NULL;
  void *rows = ogl_rows_grown(item->texts, item->n + 1, &item->cap, sizeof *item->texts, OGL_MAX_PARTS, err);
  if (!rows) return NULL;
  item->texts = rows;
  s->parts++;
  struct responses_text *text = &item->texts[item->n++];
  memset(text, 0, sizeof *text);
  ogl_buf_init(&text->logprobs, OGL_MAX_FRAME, OGL_ERR_FRAME);
  return text;
}

struct responses_text *ogl_responses_text(struct responses_state *s, struct responses_item *item, int kind, int list,
                                          int64_t at, int *err) {
  int index;
  for (size_t i = item->n; i--;) {
    struct responses_text *text = &item->texts[i];
    if (text->at != at || text->list != list || text->kind != kind) continue;
    text->item_id = ogl_buf_span(&item->id);
    return text;
  }
  if ((*err = ogl_responses_next_index(s, item, &index)) < 0) return NULL;
  struct responses_text *text = add_row(s, item, err);
  if (!text) return NULL;
  text->kind = kind;
  text->list = list;
  text->at = at;
  text->index = index;
  text->item_id = ogl_buf_span(&item->id);
  return text;
}

static void give(struct responses_text *text, struct ogl_span s, struct ogl_queue *out) {
  struct ogl_event *e = s.n ? ogl_queue_push(out, text->kind, 0, text->index) : NULL;
  if (!e) return;
  e->a = s;
  e->d = text->item_id;
  if (text->kind == OGL_EVENT_REASONING && text->list == RESPONSES_CONTENT) e->c.p = "content", e->c.n = 7;
  text->hash = ogl_hash(text->hash, text->n, s);
  text->n += s.n;
}

void ogl_responses_add_text(struct responses_text *text, struct ogl_json_text delta, struct ogl_queue *out) {
  give(text, ogl_queue_piece(out, delta, &text->half), out);
}

void ogl_responses_complete_text(struct responses_text *text, struct ogl_json_text all, struct ogl_queue *out) {
  if (all.raw.n <= text->n) return; /* escapes only lengthen what is on the wire */
  struct ogl_span s = ogl_queue_text(out, all), given = { s.p, text->n };
  if (s.n <= text->n || ogl_hash(0, 0, given) != text->hash) return;
  s.p += text->n;
  s.n -= text->n;
  text->half = 0; /* the value has it whole */
  give(text, s, out);
}

void ogl_responses_close_text(struct responses_text *text, struct ogl_queue *out) {
  give(text, ogl_queue_half(out, &text->half), out);
}

/* --- logprobs, citations -------------------------------------------------------------------------------------- */

/* In the form of Chat Completions, so that a reader finds them in one form. */
int ogl_responses_logprobs(struct responses_text *text, struct ogl_span array, int whole, struct ogl_queue *out) {
  struct ogl_json j;
  ogl_json_open(&j, array.p, array.n);
  if (ogl_json_peek(&j) != '[' || (whole && text->logged)) return 0;
  ogl_json_enter(&j, '[');
  if (ogl_json_item(&j) != OGL_OK) return 0; /* empty: they were not asked for */
  text->logged = 1;
  ogl_buf_reset(&text->logprobs);
  ogl_buf_text(&text->logprobs, text->kind == OGL_EVENT_REFUSAL ? "{\"refusal\":" : "{\"content\":");
  ogl_buf_append(&text->logprobs, array.p, array.n);
  int err = ogl_buf_byte(&text->logprobs, '}');
  struct ogl_event *e = err ? NULL : ogl_queue_push(out, OGL_EVENT_LOGPROBS, 0, 0);
  if (e) e->a = ogl_buf_span(&text->logprobs);
  return err;
}

int ogl_responses_cite(struct responses_state *s, struct responses_item *item, struct responses_text *text,
                       struct ogl_span annotation, struct ogl_queue *out) {
  int index;
  int err = ogl_responses_next_index(s, item, &index);
  struct ogl_event *e = err ? NULL : ogl_queue_push(out, OGL_EVENT_CITATION, 0, index);
  text->cited++;
  if (e) e->a = annotation;
  return err;
}

/* The list of all annotations: those that were not given yet. */
static int cite_rest(struct responses_state *s, struct responses_item *item, struct responses_text *text,
                     struct ogl_span array, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span annotation;
  size_t i = 0;
  int err = 0;
  ogl_json_open(&j, array.p, array.n);
  if (!array.n || !ogl_json_enter_or_skip(&j, '[')) return 0;
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &annotation) > 0)
    if (i++ >= text->cited) err = ogl_responses_cite(s, item, text, annotation, out);
  return err;
}

/* --- content parts -------------------------------------------------------------------------------------------- */

struct part {
  struct ogl_json_text type, text;
  struct ogl_span annotations, logprobs;
};

static void read_part(struct ogl_span json, struct part *p) {
  struct ogl_json j;
  struct ogl_span key;
  memset(p, 0, sizeof *p);
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "type")) ogl_json_string_or_skip(&j, &p->type);
    else if (ogl_span_is(key, "text") || ogl_span_is(key, "refusal")) ogl_json_string_or_skip(&j, &p->text);
    else if (ogl_span_is(key, "annotations")) p->annotations = ogl_responses_raw(&j);
    else if (ogl_span_is(key, "logprobs")) p->logprobs = ogl_responses_raw(&j);
    else ogl_json_skip(&j, NULL);
  }
}

/* The kind of event that a part of that type is. */
static int kind_of(struct ogl_span type, const struct responses_item *item) {
  if (ogl_span_is(type, "output_text")) return OGL_EVENT_TEXT;
  if (ogl_span_is(type, "refusal")) return OGL_EVENT_REFUSAL;
  if (ogl_span_is(type, "reasoning_text") || ogl_span_is(type, "summary_text")) return OGL_EVENT_REASONING;
  if (!ogl_span_is(type, "text")) return OGL_EVENT_PART;
  return item->kind == RESPONSES_REASONING ? OGL_EVENT_REASONING : OGL_EVENT_TEXT;
}

/* A part that is not known: kept as it came, once. A reasoning item is kept as a whole already. */
static void give_part(struct responses_item *item, struct responses_text *text, struct ogl_span json,
                      struct ogl_queue *out) {
  struct ogl_span kind = { "content", 7 };
  if (text->n || item->kind == RESPONSES_REASONING) return;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_PART, 0, text->index);
  text->n = 1;
  if (e) e->a = kind, e->b = json;
}

static int has_text(const struct responses_item *item) {
  for (size_t i = 0; i < item->n; i++)
    if (item->texts[i].n) return 1;
  return 0;
}

/* The text that part `at` of a list of n is. Some servers stream under a content_index that the list does not reach (vLLM
   counts on from item to item): a text that stands beyond the list is the one that is missing in it. NULL without an
   error where there are several of those: the deltas stand. */
static struct responses_text *text_of(struct responses_state *s, struct responses_item *item, int kind, int list,
                                      int64_t at, int64_t n, int *err) {
  struct responses_text *beyond = NULL;
  int several = 0;
  for (size_t i = 0; i < item->n; i++) {
    struct responses_text *text = &item->texts[i];
    if (text->kind != kind || text->list != list) continue;
    if (text->at == at) return text;
    if (text->at < n || !text->n) continue;
    several = beyond != NULL;
    beyond = text;
  }
  if (beyond) return several ? NULL : beyond;
  if (item->done && has_text(item)) return NULL; /* it was told otherwise */
  return ogl_responses_text(s, item, kind, list, at, err);
}

/* Part `at` of a list of n, complete. */
static int complete_part(struct responses_state *s, struct responses_item *item, int list, int64_t at, int64_t n,
                         struct ogl_span json, struct ogl_queue *out) {
  struct part p;
  int err = 0;
  read_part(json, &p);
  int kind = kind_of(p.type.raw, item);
  struct responses_text *text = text_of(s, item, kind, list, at, n, &err);
  if (!text) return err;
  if (kind == OGL_EVENT_PART) return give_part(item, text, json, out), 0;
  ogl_responses_complete_text(text, p.text, out);
  err = ogl_responses_logprobs(text, p.logprobs, 1, out);
  return err ? err : cite_rest(s, item, text, p.annotations, out);
}

int ogl_responses_part(struct responses_state *s, struct responses_item *item, int list, int64_t at,
                       struct ogl_span json, struct ogl_queue *out) {
  return complete_part(s, item, list, at, INT64_MAX, json, out);
}

static int64_t count(struct ogl_span array) {
  struct ogl_json j;
  int64_t n = 0;
  ogl_json_open(&j, array.p, array.n);
  for (ogl_json_enter(&j, '['); ogl_json_item(&j) > 0; n++) ogl_json_skip(&j, NULL);
  return n;
}

int ogl_responses_parts(struct responses_state *s, struct responses_item *item, int list, struct ogl_span array,
                        struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span part;
  int64_t at = 0, n;
  int err = 0;
  if (!array.n || *array.p != '[') return 0;
  n = count(array);
  ogl_json_open(&j, array.p, array.n);
  ogl_json_enter(&j, '[');
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &part) > 0)
    err = complete_part(s, item, list, at++, n, part, out);
  return err;
}
