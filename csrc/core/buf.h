/* SPDX-License-Identifier: MIT
** buf.h - growable bytes with a ceiling.
**
** Life: `init` with a ceiling (allocates nothing, cannot fail), any number of appends, consumes and resets,
** then `clear` (also twice). The first append that would pass the ceiling, or that finds no memory, fails, and
** so does every append after it until `reset`: check once, at the end. What was appended before stays readable.
**
**      p                    p + head              p + head + n          p + cap
**      | consumed, to reuse | unread (n bytes)    | free                |
**
** Bytes are kept in one block; `consume` moves the head, and the next append slides the rest down only when
** that frees at least as many bytes as it moves, so the cost of sliding is constant per byte.
*/
#ifndef OGL_BUF_H
#define OGL_BUF_H

#include <string.h>

#include "ogl.h"

OGL_BEGIN

struct ogl_buf {
  char *p;
  uint32_t head, n, cap; /* a stream has two dozen buffers, and a process thousands of streams */
  uint32_t max;          /* ceiling of n, in bytes */
  int16_t err;           /* 0, or the sticky error: OGL_ERR_MEMORY, or `over` */
  int16_t over;          /* the error that passing the ceiling is */
};

/* `over`: the code reported above `max` bytes (4 GiB at the most), for example OGL_ERR_LINE. */
void ogl_buf_init(struct ogl_buf *b, size_t max, int over);
/* Frees the memory; the buffer may be used again. */
void ogl_buf_clear(struct ogl_buf *b);
/* Forgets the bytes and the error, keeps the memory. */
void ogl_buf_reset(struct ogl_buf *b);

/* The slow half of room. */
char *ogl_buf_make_room(struct ogl_buf *b, size_t n);
/* Room for n more bytes at the returned place, which ends at the next append; NULL when refused. The bytes
   count once `ogl_buf_grew` is called. Errors: OGL_ERR_MEMORY, `over` (in b->err). */
static inline char *ogl_buf_room(struct ogl_buf *b, size_t n) {
  if (OGL_LIKELY(!b->err && b->p && b->cap - b->head - b->n >= n && b->max - b->n >= n)) return b->p + b->head + b->n;
  return ogl_buf_make_room(b, n);
}
/* Counts n bytes that were written at the place that `ogl_buf_room` gave. */
static inline void ogl_buf_grew(struct ogl_buf *b, size_t n) { b->n += (uint32_t)n; }

/* Appends; 0, or the sticky error. Inline, so that a text that the compiler knows is stored without a call. */
static inline int ogl_buf_append(struct ogl_buf *b, const char *p, size_t n) {
  if (n == 0) return b->err;
  char *room = ogl_buf_room(b, n);
  if (!room) return b->err;
  memcpy(room, p, n);
  ogl_buf_grew(b, n);
  return 0;
}
/* Appends one byte; 0, or the sticky error. */
static inline int ogl_buf_byte(struct ogl_buf *b, char c) { return ogl_buf_append(b, &c, 1); }
/* Appends a text that a NUL ends, without it; 0, or the sticky error. */
static inline int ogl_buf_text(struct ogl_buf *b, const char *text) { return ogl_buf_append(b, text, strlen(text)); }

/* Drops n bytes from the front (n <= b->n). */
void ogl_buf_consume(struct ogl_buf *b, size_t n);
/* Drops `done` bytes from the front and appends n others, as a reader does that has used them up; 0, or the sticky error. A block
   that an earlier rush has made large goes back: a process has thousands of readers, and few of them are in a rush at a time. */
int ogl_buf_refill(struct ogl_buf *b, size_t done, const char *p, size_t n);
/* Drops bytes from the end so that n are left. */
void ogl_buf_truncate(struct ogl_buf *b, size_t n);

/* The first unread byte; NULL before the first append. */
static inline char *ogl_buf_bytes(const struct ogl_buf *b) { return b->head ? b->p + b->head : b->p; }

/* The unread bytes, good until the buffer is changed; never NULL. */
static inline struct ogl_span ogl_buf_span(const struct ogl_buf *b) {
  struct ogl_span s = { b->n ? b->p + b->head : "", b->n };
  return s;
}

OGL_END

#endif
