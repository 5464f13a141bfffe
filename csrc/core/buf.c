/* SPDX-License-Identifier: MIT
** buf.c - see buf.h.
*/
#include "buf.h"

#include "mem.h"

enum { FIRST = 64 }; /* bytes of the first block: most ids and names fit, and a stream has half a dozen buffers */

void ogl_buf_init(struct ogl_buf *b, size_t max, int over) {
  memset(b, 0, sizeof *b);
  b->max = max;
  b->over = over;
}

void ogl_buf_clear(struct ogl_buf *b) {
  ogl_free(b->p);
  ogl_buf_init(b, b->max, b->over);
}

void ogl_buf_reset(struct ogl_buf *b) {
  b->head = b->n = 0;
  b->err = 0;
}

/* Makes the block hold `need` bytes, by half again, within the ceiling. */
static int grow(struct ogl_buf *b, size_t need) {
  size_t cap = b->cap ? b->cap : FIRST;
  while (cap < need) cap += cap / 2 + 16;
  if (cap > b->max && need <= b->max) cap = b->max;
  char *p = ogl_realloc(b->p, cap);
  if (!p) return b->err = OGL_ERR_MEMORY;
  b->p = p;
  b->cap = cap;
  return 0;
}

static void slide(struct ogl_buf *b) {
  if (b->n && b->head) memmove(b->p, b->p + b->head, b->n);
  b->head = 0;
}

/* A slide moves n bytes; it happens when as many were consumed, or when the block grows by
   half of n, so that the next one is as many bytes away. */
char *ogl_buf_make_room(struct ogl_buf *b, size_t n) {
  if (b->err) return NULL;
  if (n > b->max || b->n > b->max - n) {
    b->err = b->over;
    return NULL;
  }
  int cheap = b->head >= b->n;
  slide(b);
  size_t need = b->n + n, slack = cheap ? 0 : b->n / 2;
  if (slack > b->max - need) slack = b->max - need;
  if (b->cap < need + slack && grow(b, need + slack)) return NULL;
  return b->n ? b->p + b->n : b->p; /* NULL + 0 is undefined */
}

void ogl_buf_consume(struct ogl_buf *b, size_t n) {
  b->n -= n;
  b->head = b->n ? b->head + n : 0;
}

void ogl_buf_truncate(struct ogl_buf *b, size_t n) {
  if (n < b->n) b->n = n;
}
