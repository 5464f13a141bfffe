/* SPDX-License-Identifier: MIT
** tally.h - what has come of an answer, counted without keeping it.
**
** A chunk is an event with a piece of the answer: text, reasoning, a refusal, a call of a tool or its arguments, a part. Its bytes are
** those of its text.
*/
#ifndef OGL_TALLY_H
#define OGL_TALLY_H

#include "event.h"

OGL_BEGIN

struct ogl_tally {
  unsigned kinds; /* of the events: 1 << kind */
  size_t chunks, bytes;
};

#define OGL_EVENT_BIT(kind) (1u << OGL_EVENT_##kind)

/* Counts an event. */
static inline void ogl_tally_add(struct ogl_tally *t, const struct ogl_event *e) {
  static const unsigned texts =
      OGL_EVENT_BIT(TEXT) | OGL_EVENT_BIT(REASONING) | OGL_EVENT_BIT(REFUSAL) | OGL_EVENT_BIT(TOOL_ARGUMENTS);
  static const unsigned others = OGL_EVENT_BIT(TOOL_CALL) | OGL_EVENT_BIT(PART);
  unsigned bit = 1u << e->kind;
  t->kinds |= bit;
  if (bit & (texts | others)) t->chunks++;
  if (bit & texts) t->bytes += e->a.n;
}

/* Whether part of the answer has come, or its end: not only what may precede an error that another try could mend. */
static inline int ogl_tally_committed(const struct ogl_tally *t) {
  static const unsigned preliminary =
      OGL_EVENT_BIT(START) | OGL_EVENT_BIT(USAGE) | OGL_EVENT_BIT(WARNING) | OGL_EVENT_BIT(UNKNOWN);
  return (t->kinds & ~preliminary) != 0;
}

#undef OGL_EVENT_BIT

OGL_END

#endif
