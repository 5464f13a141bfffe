/* SPDX-License-Identifier: MIT
** journal.h - what a decoder gives, one event a line, as tests/wire/README.md describes it.
**
** The same bytes are played in different ways (`struct journal_way`): in one piece, in pieces of one size, in two;
** and drained after each piece, or only a little of it. Every way has to give the same journal.
*/
#ifndef JOURNAL_H
#define JOURNAL_H

#include "../../csrc/core/decoder.h"

struct journal_way {
  size_t first;  /* bytes of the first piece; 0: as `step` */
  size_t step;   /* bytes of every other piece; 0: all that is left */
  int lazy;      /* at most one event is taken after each piece, the rest after the last */
  uint32_t seed; /* not 0: every piece has a random size, 1 to `step` */
};

/* Appends one event. */
void journal_event(struct ogl_buf *log, const struct ogl_event *e);
/* Appends how it ended: `end`, `incomplete`, or `error …`. */
void journal_end(struct ogl_buf *log, const struct ogl_decoder *d, int code);

/* Takes events until there is none (or `most` were taken); the code that ended it. */
int journal_drain(struct ogl_buf *log, struct ogl_decoder *d, size_t most);
/* Feeds the bytes that way and appends all that comes of it, to the end. The decoder stays, for its fold. */
void journal_play(struct ogl_buf *log, struct ogl_decoder *d, struct ogl_span bytes, struct journal_way way);
/* The same with a decoder of its own: init, play, clear. */
void journal_run(struct ogl_buf *log, const struct ogl_protocol *protocol, const struct ogl_decoder_options *options,
                 struct ogl_span bytes, struct journal_way way);

#endif
