/* SPDX-License-Identifier: MIT
** messages.h - what the codec of WebSockets gives, one item a line: `text "Hello"`, `close 1000 "bye"`; and the ways to feed it.
*/
#ifndef MESSAGES_H
#define MESSAGES_H

#include "../../csrc/core/websocket.h"

/* Appends all items that there are; what ended it. */
int messages_drain(struct ogl_buf *log, struct ogl_websocket *w);
/* Feeds s in pieces (`first`, then `step`; 0: all that is left), each from a copy of its own, and appends the items; at last `more`,
   `end` (a close has come), or the error: its name, the code to send, and its words. */
void messages_play(struct ogl_buf *log, struct ogl_websocket *w, struct ogl_span s, size_t first, size_t step);
/* The same with a codec of its own. */
void messages_run(struct ogl_buf *log, size_t max, struct ogl_span s, size_t first, size_t step);

#endif
