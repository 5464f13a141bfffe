/* SPDX-License-Identifier: MIT
** fold.c - see fold.h.
*/
#include "fold.h"

#include "rows.h"

void ogl_fold_init(struct ogl_fold *f, size_t max) {
  memset(f, 0, sizeof *f);
  f->max = max;
  f->hot_answer = f->hot_part = -1;
  ogl_buf_init(&f->id, max, OGL_ERR_REPLY);
  ogl_buf_init(&f->model, max, OGL_ERR_REPLY);
}

static void clear_part(struct ogl_part *p) {
  ogl_buf_clear(&p->text);
  ogl_buf_clear(&p->id);
  ogl_buf_clear(&p->name);
  ogl_buf_clear(&p->signature);
}

static void clear_answer(struct ogl_answer *a) {
  for (size_t i = 0; i < a->n; i++) clear_part(&a->parts[i]);
  ogl_free(a->parts);
  ogl_buf_clear(&a->reason);
  ogl_buf_clear(&a->raw_reason);
  ogl_buf_clear(&a->logprobs);
}

void ogl_fold_clear(struct ogl_fold *f) {
  for (size_t i = 0; i < f->n; i++) clear_answer(&f->answers[i]);
  for (size_t i = 0; i < f->warned; i++) {
    ogl_buf_clear(&f->warnings[i].code);
    ogl_buf_clear(&f->warnings[i].message);
    ogl_buf_clear(&f->warnings[i].detail);
  }
  ogl_free(f->answers);
  ogl_free(f->warnings);
  ogl_buf_clear(&f->id);
  ogl_buf_clear(&f->model);
  ogl_fold_init(f, f->max);
}

static int fail(struct ogl_fold *f, int code) {
  if (!f->err) f->err = code;
  return f->err;
}

/* Appends under the ceiling of the whole reply. */
static int append(struct ogl_fold *f, struct ogl_buf *b, struct ogl_span s) {
  if (OGL_UNLIKELY(s.n > f->max - f->size)) return fail(f, OGL_ERR_REPLY);
  f->size += s.n;
  return ogl_buf_append(b, s.p, s.n) ? fail(f, b->err) : OGL_OK;
}

static int replace(struct ogl_fold *f, struct ogl_buf *b, struct ogl_span s) {
  f->size -= b->n;
  ogl_buf_reset(b);
  return append(f, b, s);
}

static struct ogl_answer *add_answer(struct ogl_fold *f, int choice) {
  void *rows = ogl_rows_grown(f->answers, f->n + 1, &f->cap, sizeof *f->answers, OGL_MAX_CHOICES, &f->err);
  if (!rows) return NULL;
  f->answers = rows;
  struct ogl_answer *a = &f->answers[f->n++];
  memset(a, 0, sizeof *a);
  a->choice = choice;
  ogl_buf_init(&a->reason, f->max, OGL_ERR_REPLY);
  ogl_buf_init(&a->raw_reason, f->max, OGL_ERR_REPLY);
  ogl_buf_init(&a->logprobs, f->max, OGL_ERR_REPLY);
  return a;
}

const struct ogl_answer *ogl_fold_answer(const struct ogl_fold *f, int choice) {
  for (size_t i = 0; i < f->n; i++)
    if (f->answers[i].choice == choice) return &f->answers[i];
  return NULL;
}

static struct ogl_answer *answer(struct ogl_fold *f, int choice) {
  const struct ogl_answer *a = ogl_fold_answer(f, choice);
  return a ? &f->answers[a - f->answers] : add_answer(f, choice);
}

static struct ogl_part *add_part(struct ogl_fold *f, struct ogl_answer *a, int kind, int index) {
  void *rows = ogl_rows_grown(a->parts, a->n + 1, &a->cap, sizeof *a->parts, OGL_MAX_PARTS, &f->err);
  if (!rows) return NULL;
  a->parts = rows;
  size_t at = a->n++;
  while (at && a->parts[at - 1].index > index) at--; /* it began before a part that stands in front of it */
  struct ogl_part *p = &a->parts[at];
  memmove(p + 1, p, (a->n - 1 - at) * sizeof *p);
  memset(p, 0, sizeof *p);
  p->kind = kind;
  p->index = index;
  ogl_buf_init(&p->text, f->max, OGL_ERR_REPLY);
  ogl_buf_init(&p->id, f->max, OGL_ERR_REPLY);
  ogl_buf_init(&p->name, f->max, OGL_ERR_REPLY);
  ogl_buf_init(&p->signature, f->max, OGL_ERR_REPLY);
  return p;
}

/* The part of that index, or a new one; it becomes the hot one. */
static struct ogl_part *part(struct ogl_fold *f, const struct ogl_event *e, int kind) {
  struct ogl_answer *a = answer(f, e->choice);
  struct ogl_part *p = NULL;
  if (!a) return NULL;
  for (size_t i = a->n; i-- && !p;)
    if (a->parts[i].index == e->index && a->parts[i].kind == kind) p = &a->parts[i];
  if (!p) p = add_part(f, a, kind, e->index);
  if (!p) return NULL;
  f->hot_answer = (int)(a - f->answers);
  f->hot_part = (int)(p - a->parts);
  return p;
}

static int add_text(struct ogl_fold *f, const struct ogl_event *e) {
  if (OGL_LIKELY(f->hot_part >= 0)) {
    struct ogl_answer *a = &f->answers[f->hot_answer];
    struct ogl_part *p = &a->parts[f->hot_part];
    if (OGL_LIKELY(p->index == e->index && p->kind == e->kind && a->choice == e->choice))
      return append(f, &p->text, e->a);
  }
  struct ogl_part *p = part(f, e, e->kind);
  return p ? append(f, &p->text, e->a) : f->err;
}

static int add_call(struct ogl_fold *f, const struct ogl_event *e) {
  struct ogl_part *p = part(f, e, OGL_EVENT_TOOL_CALL);
  if (!p) return f->err;
  if (e->kind == OGL_EVENT_TOOL_ARGUMENTS) return append(f, &p->text, e->a);
  replace(f, &p->id, e->a);
  replace(f, &p->name, e->b);
  if (e->kind == OGL_EVENT_TOOL_CALL_END) replace(f, &p->text, e->c);
  return f->err ? f->err : OGL_OK;
}

static int add_opaque(struct ogl_fold *f, const struct ogl_event *e) {
  struct ogl_part *p = part(f, e, e->kind);
  if (!p) return f->err;
  if (e->kind == OGL_EVENT_CITATION) return replace(f, &p->text, e->a);
  replace(f, &p->name, e->a);
  replace(f, &p->text, e->b);
  return f->err ? f->err : OGL_OK;
}

/* A signature goes to the part that ends, of whatever kind. */
static int end_part(struct ogl_fold *f, const struct ogl_event *e) {
  struct ogl_answer *a = answer(f, e->choice);
  if (!a) return f->err;
  for (size_t i = a->n; i--;)
    if (a->parts[i].index == e->index) return replace(f, &a->parts[i].signature, e->b);
  return OGL_OK;
}

static int add_start(struct ogl_fold *f, const struct ogl_event *e) {
  if (!f->id.n) append(f, &f->id, e->a);
  if (!f->model.n) append(f, &f->model, e->b);
  return f->err ? f->err : OGL_OK;
}

static int add_logprobs(struct ogl_fold *f, const struct ogl_event *e) {
  struct ogl_span comma = { ",", 1 };
  struct ogl_answer *a = answer(f, e->choice);
  if (!a) return f->err;
  if (a->logprobs.n) append(f, &a->logprobs, comma);
  append(f, &a->logprobs, e->a);
  return f->err ? f->err : OGL_OK;
}

static int add_finish(struct ogl_fold *f, const struct ogl_event *e) {
  struct ogl_answer *a = answer(f, e->choice);
  if (!a) return f->err;
  a->finished = 1;
  replace(f, &a->reason, e->a);
  replace(f, &a->raw_reason, e->b);
  return f->err ? f->err : OGL_OK;
}

static int add_warning(struct ogl_fold *f, const struct ogl_event *e) {
  if (f->warned >= OGL_MAX_WARNINGS) return f->dropped++, OGL_OK;
  void *rows =
      ogl_rows_grown(f->warnings, f->warned + 1, &f->warnings_cap, sizeof *f->warnings, OGL_MAX_WARNINGS, &f->err);
  if (!rows) return f->err;
  f->warnings = rows;
  struct ogl_warning *w = &f->warnings[f->warned++];
  ogl_buf_init(&w->code, f->max, OGL_ERR_REPLY);
  ogl_buf_init(&w->message, f->max, OGL_ERR_REPLY);
  ogl_buf_init(&w->detail, f->max, OGL_ERR_REPLY);
  append(f, &w->code, e->a);
  append(f, &w->message, e->b);
  append(f, &w->detail, e->c);
  return f->err ? f->err : OGL_OK;
}

int ogl_fold_add(struct ogl_fold *f, const struct ogl_event *e) {
  if (OGL_UNLIKELY(f->err)) return f->err;
  switch (e->kind) {
    case OGL_EVENT_TEXT:
    case OGL_EVENT_REASONING:
    case OGL_EVENT_REFUSAL: return add_text(f, e);
    case OGL_EVENT_TOOL_CALL:
    case OGL_EVENT_TOOL_ARGUMENTS:
    case OGL_EVENT_TOOL_CALL_END: return add_call(f, e);
    case OGL_EVENT_PART:
    case OGL_EVENT_CITATION: return add_opaque(f, e);
    case OGL_EVENT_PART_END: return end_part(f, e);
    case OGL_EVENT_START: return add_start(f, e);
    case OGL_EVENT_LOGPROBS: return add_logprobs(f, e);
    case OGL_EVENT_FINISH: return add_finish(f, e);
    case OGL_EVENT_WARNING: return add_warning(f, e);
    case OGL_EVENT_USAGE: f->usage = *e->usage; return OGL_OK;
    default: return OGL_OK; /* UNKNOWN is kept by whoever wants it; ERROR is the decoder's */
  }
}
