/* SPDX-License-Identifier: MIT
** broken_pipe.h - no SIGPIPE while libcurl writes.
**
** libcurl sends on plain sockets without that signal, but what it sends over TLS goes through write(2) of the TLS library, and a peer that
** has gone would end the process. `shield` blocks the signal for this thread, `unshield` takes down one that came and unblocks it. One that
** the program itself had pending, or has blocked, stays.
*/
#ifndef OGL_BROKEN_PIPE_H
#define OGL_BROKEN_PIPE_H

#include "../core/ogl.h"

OGL_BEGIN

struct ogl_broken_pipe {
  int pending, blocked; /* as it was before */
};

/* Blocks the signal, and notes how it was before. */
void ogl_broken_pipe_shield(struct ogl_broken_pipe *before);
/* Restores that. */
void ogl_broken_pipe_unshield(const struct ogl_broken_pipe *before);

OGL_END

#endif
