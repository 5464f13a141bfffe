/* SPDX-License-Identifier: MIT
** event.c - see event.h.
*/
#include "event.h"

#include "rows.h"
#include "utf8.h"

enum { MOST = 1 << 20 }; /* events of one frame */

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
  void *rows = ogl_rows_grown(q->events, q->n + 1, &q->cap, sizeof *q->events, MOST, &q->err);
  if (!rows) return q->err == OGL_ERR_PARTS ? q->err = OGL_ERR_QUEUE : q->err;
  q->events = rows;
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

/* Where texts go that are not on the wire as they are; NULL with q->err. The first text makes the block large enough for all: it
   never moves while spans point into it. */
static char *room(struct ogl_queue *q, size_t n) {
  if (!q->bytes.n && !ogl_buf_room(&q->bytes, q->most)) q->err = q->bytes.err;
  if (!q->err && q->bytes.cap - q->bytes.n < n) q->err = OGL_ERR_QUEUE;
  return q->err ? NULL : ogl_buf_bytes(&q->bytes) + q->bytes.n;
}

struct ogl_span ogl_queue_text(struct ogl_queue *q, struct ogl_json_text text) {
  if (OGL_LIKELY(!text.escaped)) return text.raw;
  struct ogl_span s = { "", 0 };
  char *p = room(q, text.raw.n);
  if (!p) return s;
  s.p = p;
  s.n = ogl_json_unescape(text, p, &q->lone);
  ogl_buf_grew(&q->bytes, s.n);
  return s;
}

static const struct ogl_span replacement = { "\xef\xbf\xbd", 3 }; /* U+FFFD */

/* Writes the character that the waiting half and the low half at the front of the text make, or U+FFFD where that is missing. Its three
   bytes have room: on the wire, quotes and a comma or brace stand around each text. */
static size_t put_half(struct ogl_queue *q, struct ogl_json_text *text, uint16_t half, char *p) {
  uint16_t low = ogl_json_take_low(text);
  if (low) return ogl_utf8_put(p, 0x10000u + ((unsigned)(half - 0xd800) << 10) + (unsigned)(low - 0xdc00));
  q->lone = OGL_LONE;
  memcpy(p, replacement.p, replacement.n);
  return replacement.n;
}

struct ogl_span ogl_queue_joined(struct ogl_queue *q, struct ogl_json_text text, uint16_t *half) {
  struct ogl_span s = { "", 0 };
  uint16_t before = *half;
  if (!text.raw.n) return s;
  char *p = room(q, text.raw.n + (before ? replacement.n : 0));
  if (!p) return s;
  s.p = p;
  if (before) s.n = put_half(q, &text, before, p);
  *half = ogl_json_take_high(&text);
  s.n += ogl_json_unescape(text, p + s.n, &q->lone);
  ogl_buf_grew(&q->bytes, s.n);
  return s;
}

struct ogl_span ogl_queue_half(struct ogl_queue *q, uint16_t *half) {
  struct ogl_span none = { "", 0 };
  if (OGL_LIKELY(!*half)) return none;
  *half = 0;
  q->lone = OGL_LONE;
  return replacement;
}
