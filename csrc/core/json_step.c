/* SPDX-License-Identifier: MIT
** json_step.c - see json_step.h. A step is its kind in one byte, with a flag for each of the two texts; then those, each behind its length.
*/
#include "json_step.h"

enum { KIND = 0x0f, HAS_KEY = 0x10, HAS_TEXT = 0x20, LENGTH = sizeof(uint32_t) };

void ogl_json_steps_init(struct ogl_json_steps *q) {
  memset(q, 0, sizeof *q);
  ogl_buf_init(&q->bytes, UINT32_MAX, OGL_ERR_REPLY);
}

void ogl_json_steps_clear(struct ogl_json_steps *q) {
  ogl_buf_clear(&q->bytes);
  ogl_json_steps_init(q);
}

static char *put(char *out, struct ogl_span s) {
  uint32_t n = (uint32_t)s.n;
  memcpy(out, &n, LENGTH);
  if (n) memcpy(out + LENGTH, s.p, n);
  return out + LENGTH + n;
}

static const char *get(const char *p, struct ogl_span *s) {
  uint32_t n;
  memcpy(&n, p, LENGTH);
  s->p = p + LENGTH;
  s->n = n;
  return s->p + n;
}

static int has_text(int kind) { return kind == OGL_JSON_STRING || kind == OGL_JSON_NUMBER; }

int ogl_json_steps_add(struct ogl_json_steps *q, const struct ogl_json_step *step) {
  int with_text = has_text(step->kind);
  size_t n = 1 + (step->has_key ? LENGTH + step->key.n : 0) + (with_text ? LENGTH + step->text.n : 0);
  char *out = ogl_buf_room(&q->bytes, n);
  if (!out) return q->bytes.err;
  *out++ = (char)(step->kind | (step->has_key ? HAS_KEY : 0) | (with_text ? HAS_TEXT : 0));
  if (step->has_key) out = put(out, step->key);
  if (with_text) put(out, step->text);
  ogl_buf_grew(&q->bytes, n);
  return 0;
}

int ogl_json_steps_next(struct ogl_json_steps *q, struct ogl_json_step *step) {
  const char *from = ogl_buf_span(&q->bytes).p, *p = from;
  if (!(q->hiding ? q->shown : q->bytes.n)) return OGL_MORE;
  memset(step, 0, sizeof *step);
  step->kind = *p & KIND;
  step->has_key = (*p & HAS_KEY) != 0;
  int with_text = (*p++ & HAS_TEXT) != 0;
  if (step->has_key) p = get(p, &step->key);
  if (with_text) p = get(p, &step->text);
  q->first = (uint32_t)(p - from);
  return OGL_OK;
}

void ogl_json_steps_pop(struct ogl_json_steps *q) {
  ogl_buf_consume(&q->bytes, q->first);
  if (q->hiding) q->shown -= q->first;
  q->first = 0;
}

void ogl_json_steps_hide(struct ogl_json_steps *q) {
  if (!q->hiding) q->shown = q->bytes.n;
  q->hiding = 1;
}

void ogl_json_steps_reveal(struct ogl_json_steps *q) { q->hiding = 0; }

void ogl_json_steps_drop(struct ogl_json_steps *q) {
  if (q->hiding) ogl_buf_truncate(&q->bytes, q->shown);
  q->hiding = 0;
}
