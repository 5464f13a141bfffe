/* SPDX-License-Identifier: MIT
** deadline.h - which of many moments comes first: a heap.
**
** Life: `init` (acquires nothing), `set` and `unset` as often as wanted, `first`, `clear`. A deadline is embedded in what
** it belongs to, starts zero-filled, and has to be unset before that goes.
**
** Memory: a pointer for each deadline that is set, at the most so far.
*/
#ifndef OGL_DEADLINE_H
#define OGL_DEADLINE_H

#include "../core/ogl.h"

OGL_BEGIN

struct ogl_deadline {
  double at;    /* by ogl_clock_now */
  size_t place; /* in the heap, from 1; 0: not set */
};

struct ogl_deadlines {
  struct ogl_deadline **heap;
  size_t n, room;
};

/* None is set. */
void ogl_deadlines_init(struct ogl_deadlines *h);
/* Frees the heap. */
void ogl_deadlines_clear(struct ogl_deadlines *h);

/* Sets it, or moves it. 0, or OGL_ERR_MEMORY: then it is as it was. */
int ogl_deadlines_set(struct ogl_deadlines *h, struct ogl_deadline *d, double at);
/* Takes it out; does nothing where it is not set. */
void ogl_deadlines_unset(struct ogl_deadlines *h, struct ogl_deadline *d);

/* The earliest; NULL when none is set. */
static inline struct ogl_deadline *ogl_deadlines_first(const struct ogl_deadlines *h) {
  return h->n ? h->heap[0] : NULL;
}

OGL_END

#endif
