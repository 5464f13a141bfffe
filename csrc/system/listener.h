/* SPDX-License-Identifier: MIT
** listener.h - sockets that a program listens at, for the program that takes its place.
**
** They are inherited by exec, so that the port is known to be free before anything else is done, and so that the file of a socket has its
** mode from the first moment: servers open theirs to everybody.
*/
#ifndef OGL_LISTENER_H
#define OGL_LISTENER_H

#include "../core/ogl.h"

OGL_BEGIN

/* Listens at a port of a numeric IPv4 or IPv6 address: 0 and the descriptor, or errno; EINVAL for what is no such address. */
int ogl_listener_open(const char *address, int port, int *fd);

/* Listens at a path, with a file of mode 0600. A socket there at which nobody listens any more is replaced. 0 and the descriptor, or
   errno. */
int ogl_listener_open_path(const char *path, int *fd);

OGL_END

#endif
