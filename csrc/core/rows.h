/* SPDX-License-Identifier: MIT
** rows.h - arrays that grow, a row at a time: the parts of a reply, the calls, choices and items of a protocol, the events of a queue.
**
** An array is a pointer to its rows (NULL at first), their number and the room that there is, in fields of its owner, who frees it:
**
**   void *rows = ogl_rows_grown(s->items, s->n + 1, &s->cap, sizeof *s->items, OGL_MAX_PARTS, &err);
**   if (!rows) return err;
**   s->items = rows;
**
** Rows may move when it grows. Room doubles, from one row on: most arrays of a stream have one row, and a process thousands of streams.
*/
#ifndef OGL_ROWS_H
#define OGL_ROWS_H

#include "mem.h"
#include "ogl.h"

OGL_BEGIN

/* The array with room for `want` rows of `size` bytes. *cap: the rows that there is room for. NULL with *err: OGL_ERR_PARTS where that is
   more than `most` rows, or OGL_ERR_MEMORY; then the array is as it was. */
static inline void *ogl_rows_grown(void *rows, size_t want, size_t *cap, size_t size, size_t most, int *err) {
  if (OGL_LIKELY(want <= *cap)) return rows;
  size_t more = *cap * 2 < want ? want : *cap * 2;
  if (more > most) more = most;
  void *p = want > most ? NULL : ogl_realloc(rows, more * size);
  if (!p) return *err = want > most ? OGL_ERR_PARTS : OGL_ERR_MEMORY, NULL;
  *cap = more;
  return p;
}

OGL_END

#endif
