/* SPDX-License-Identifier: MIT
** frames.h - what a framer gives, one frame a line: `event "type" "data" id="…" retry=…`; and the ways to feed it.
*/
#ifndef FRAMES_H
#define FRAMES_H

#include "../../csrc/core/frame.h"

/* Appends one frame; the event type "" is written as the standard names it, "message". */
void frames_add(struct ogl_buf *log, const struct ogl_frame *frame, const struct ogl_framer *f);
/* Feeds s in pieces (sizes as in struct journal_way: `first`, then `step`; 0: all that is left), each from a copy of its own,
   and appends the frames; at last `end`, or the error's name. */
void frames_play(struct ogl_buf *log, struct ogl_framer *f, struct ogl_span s, size_t first, size_t step);
/* The same with a framer of its own. */
void frames_run(struct ogl_buf *log, const char *content_type, int mode, struct ogl_span s, size_t first, size_t step);

#endif
