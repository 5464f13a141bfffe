/* SPDX-License-Identifier: MIT
** deadline.c - see deadline.h. Places count from 1, so that the parent of i is i / 2.
*/
#include "deadline.h"

#include <string.h>

#include "../core/rows.h"

enum { MOST = 1 << 30 }; /* deadlines: more than there are descriptors */

void ogl_deadlines_init(struct ogl_deadlines *h) { memset(h, 0, sizeof *h); }

void ogl_deadlines_clear(struct ogl_deadlines *h) {
  ogl_free(h->heap);
  ogl_deadlines_init(h);
}

static void put(struct ogl_deadlines *h, struct ogl_deadline *d, size_t place) {
  h->heap[place - 1] = d;
  d->place = place;
}

static void sift_up(struct ogl_deadlines *h, struct ogl_deadline *d, size_t place) {
  for (; place > 1 && h->heap[place / 2 - 1]->at > d->at; place /= 2) put(h, h->heap[place / 2 - 1], place);
  put(h, d, place);
}

static void sift_down(struct ogl_deadlines *h, struct ogl_deadline *d, size_t place) {
  for (size_t child; (child = place * 2) <= h->n; place = child) {
    if (child < h->n && h->heap[child]->at < h->heap[child - 1]->at) child++;
    if (h->heap[child - 1]->at >= d->at) break;
    put(h, h->heap[child - 1], place);
  }
  put(h, d, place);
}

static void settle(struct ogl_deadlines *h, struct ogl_deadline *d, size_t place) {
  if (place > 1 && h->heap[place / 2 - 1]->at > d->at) sift_up(h, d, place);
  else sift_down(h, d, place);
}

int ogl_deadlines_set(struct ogl_deadlines *h, struct ogl_deadline *d, double at) {
  if (!d->place) {
    int err = 0;
    void *rows = ogl_rows_grown(h->heap, h->n + 1, &h->room, sizeof *h->heap, MOST, &err);
    if (!rows) return OGL_ERR_MEMORY;
    h->heap = rows;
    d->place = ++h->n;
  }
  d->at = at;
  settle(h, d, d->place);
  return 0;
}

void ogl_deadlines_unset(struct ogl_deadlines *h, struct ogl_deadline *d) {
  size_t place = d->place;
  if (!place) return;
  struct ogl_deadline *last = h->heap[--h->n];
  d->place = 0;
  if (last != d) settle(h, last, place);
}
