/* SPDX-License-Identifier: MIT
** protocol.h - what a decoder asks of a wire protocol. One `const struct` a protocol, at the foot of its file, and one line in
** csrc/protocol/registry.c.
*/
#ifndef OGL_PROTOCOL_H
#define OGL_PROTOCOL_H

#include "event.h"
#include "frame.h"

OGL_BEGIN

struct ogl_protocol {
  const char *name;
  size_t state_size; /* the decoder gives that much memory, zero-filled */

  /* Pushes the events of one frame. OGL_MORE: go on; OGL_OK: this was the terminal marker, nothing after it counts;
     OGL_ERR_SYNTAX or OGL_ERR_INCOMPLETE: the frame is no JSON, and nothing of it has changed the state; any other error is
     final. */
  int (*frame)(void *state, const struct ogl_frame *frame, struct ogl_queue *out);

  /* The end of input, or the terminal marker: pushes the events that close the reply. OGL_OK when it is complete; OGL_ERR_INCOMPLETE
     when the marker never came (then no FINISH is pushed). */
  int (*finish)(void *state, struct ogl_queue *out);

  /* Frees what the state holds, not the state. */
  void (*clear)(void *state);

  /* From now on the reply is complete only with a finish reason: this server ends every stream with the protocol's last word,
     however it ended. NULL: this protocol has no such word. */
  void (*require_reason)(void *state);
};

OGL_END

#endif
