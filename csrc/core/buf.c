/* SPDX-License-Identifier: MIT
** buf.c - see buf.h.
*/
#include "buf.h"

#include "mem.h"

enum {
  LEAST = 16,  /* bytes that a block grows by at least */
  LARGE = 1024 /* bytes: a smaller block is not worth an allocation */
};

void ogl_buf_init(struct ogl_buf *b, size_t max, int over) {
  memset(b, 0, sizeof *b);
  b->max = max < UINT32_MAX ? (uint32_t)max : UINT32_MAX;
  b->over = (int16_t)over;
}

void ogl_buf_clear(struct ogl_buf *b) {
  ogl_free(b->p);
  ogl_buf_init(b, b->max, b->over);
}

void ogl_buf_reset(struct ogl_buf *b) {
  b->head = b->n = 0;
  b->err = 0;
}

/* Makes the block hold `need` bytes, by half again, within the ceiling. The first one is no larger than needed: many
   buffers get one id or one name for good, and a stream has a dozen of them. */
static int grow(struct ogl_buf *b, size_t need) {
  size_t cap = (size_t)b->cap + b->cap / 2 + LEAST;
  if (cap < need) cap = need;
  if (cap > b->max) cap = b->max;
  char *p = ogl_realloc(b->p, cap);
  if (!p) return b->err = OGL_ERR_MEMORY;
  b->p = p;
  b->cap = (uint32_t)cap;
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
  size_t need = (size_t)b->n + n, slack = cheap ? 0 : b->n / 2;
  if (slack > b->max - need) slack = b->max - need;
  if (b->cap < need + slack && grow(b, need + slack)) return NULL;
  return b->n ? b->p + b->n : b->p; /* NULL + 0 is undefined */
}

void ogl_buf_consume(struct ogl_buf *b, size_t n) {
  b->n -= (uint32_t)n;
  b->head = b->n ? b->head + (uint32_t)n : 0;
}

int ogl_buf_refill(struct ogl_buf *b, size_t done, const char *p, size_t n) {
  ogl_buf_consume(b, done);
  if (OGL_UNLIKELY(!b->n && b->cap > LARGE && n < b->cap / 4 && !b->err)) ogl_buf_clear(b);
  return ogl_buf_append(b, p, n);
}

void ogl_buf_truncate(struct ogl_buf *b, size_t n) {
  if (n < b->n) b->n = (uint32_t)n;
}
