/* SPDX-License-Identifier: MIT
** event.c - see event.h.
*/
#include "event.h"

#include "mem.h"

enum { FIRST = 2, MOST = 1 << 20 }; /* events: room at first, and of one frame */

void ogl_queue_init(struct ogl_queue *q) {
  memset(q, 0, sizeof *q);
  ogl_buf_init(&q->bytes, OGL_MAX_QUEUE, OGL_ERR_QUEUE);
}

void ogl_queue_clear(struct ogl_queue *q) {
  ogl_free(q->events);
  ogl_buf_clear(&q->bytes);
  ogl_queue_init(q);
}

void ogl_queue_begin(struct ogl_queue *q, size_t n) {
  q->n = q->next = 0;
  q->lone = q->err = 0;
  q->most = n;
  ogl_buf_reset(&q->bytes);
}

static int grow(struct ogl_queue *q) {
  size_t cap = q->cap ? q->cap * 2 : FIRST;
  if (cap > MOST) return q->err = OGL_ERR_QUEUE;
  struct ogl_event *events = ogl_realloc(q->events, cap * sizeof *events);
  if (!events) return q->err = OGL_ERR_MEMORY;
  q->events = events;
  q->cap = cap;
  return 0;
}

struct ogl_event *ogl_queue_push(struct ogl_queue *q, int kind, int choice, int index) {
  if (q->err || (q->n == q->cap && grow(q))) return NULL;
  struct ogl_event *e = &q->events[q->n++];
  memset(e, 0, sizeof *e);
  e->kind = kind;
  e->choice = choice;
  e->index = index;
  return e;
}

struct ogl_span ogl_queue_text(struct ogl_queue *q, struct ogl_json_text text) {
  if (OGL_LIKELY(!text.escaped)) return text.raw;
  struct ogl_span s = { "", 0 };
  /* the first text makes the block large enough for all: it never moves while spans point into it */
  if (!q->bytes.n && !ogl_buf_room(&q->bytes, q->most)) q->err = q->bytes.err;
  if (!q->err && q->bytes.cap - q->bytes.n < text.raw.n) q->err = OGL_ERR_QUEUE;
  if (q->err) return s;
  s.p = ogl_buf_bytes(&q->bytes) + q->bytes.n;
  s.n = ogl_json_unescape(text, (char *)s.p, &q->lone);
  ogl_buf_grew(&q->bytes, s.n);
  return s;
}
