/* SPDX-License-Identifier: MIT
** responder.h - an HTTP server in a child process that gives every request the same answer: by it a program measures what it adds itself.
**
** The answer is a list of pieces. The first goes out when the request is whole, each other one a fixed time after the one before, in a
** packet of its own. The child serves connections beside each other at a loopback port of the system's choice, and ends when the program
** that started it does, whatever ended that: it watches a pipe between the two.
*/
#ifndef OGL_RESPONDER_H
#define OGL_RESPONDER_H

#include <sys/types.h>

#include "../core/ogl.h"

OGL_BEGIN

struct ogl_responder {
  int port;
  int lifeline; /* the program's end of the pipe */
  pid_t child;  /* 0: none runs */
};

/* Starts a child with `n` pieces, `gap` seconds between two of them: 0, or errno. The pieces are the caller's, and the child has its own
   copy of them. */
int ogl_responder_start(struct ogl_responder *r, const struct ogl_span *pieces, size_t n, double gap);

/* Ends the child and waits until it has; nothing where none runs. */
void ogl_responder_stop(struct ogl_responder *r);

OGL_END

#endif
