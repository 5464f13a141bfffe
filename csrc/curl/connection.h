/* SPDX-License-Identifier: MIT
** connection.h - a connection alone (libcurl's connect-only mode): libcurl finds, tunnels and encrypts it, and then leaves the
** socket to us. Bytes go out as they are fed, and those that come are appended to the owner's buffer.
**
** Life: `init` with the member of the multi that connects and with two buffers of the owner; `opened` when libcurl is done,
** `touched` whenever the socket is ready, `feed` to send, `resume` when what was unread has been taken. `end` says how it ended, and
** stays. It acquires nothing. After each call the owner looks at `end` and `is_full`.
**
** It stays in the multi until its owner takes the member out: whoever waits for it has to hear of the end first.
*/
#ifndef OGL_CONNECTION_H
#define OGL_CONNECTION_H

#include "../core/buf.h"
#include "multi.h"

OGL_BEGIN

enum ogl_connection_end {
  OGL_CONNECTION_OPEN,
  OGL_CONNECTION_ENDED,  /* by the peer, after its last byte */
  OGL_CONNECTION_BROKEN, /* off, by the peer or by the network */
  OGL_CONNECTION_MEMORY  /* none was left for bytes that came or were fed */
};

struct ogl_connection {
  struct ogl_multi *multi;
  struct ogl_multi_member *member;
  struct ogl_buf *unread; /* bytes that came and that the owner has not consumed */
  struct ogl_buf *unsent; /* bytes that were fed and that the socket has not taken */
  size_t most;            /* bytes unread from which on no more is read */
  enum ogl_connection_end end;
  int is_full; /* so many are unread: `resume` goes on */
};

/* A connection that is not there yet. The buffers, the member and the multi are the owner's, and outlive it. `most`: bytes unread. */
void ogl_connection_init(struct ogl_connection *c, struct ogl_multi *m, struct ogl_multi_member *member,
                         struct ogl_buf *unread, struct ogl_buf *unsent, size_t most);

/* libcurl has connected it: the socket is watched from now on. */
void ogl_connection_opened(struct ogl_connection *c);

/* Sends and receives as the socket is ready (`what`: OGL_POLL_*). 1 where bytes came, or where it ended. */
int ogl_connection_touched(struct ogl_connection *c, int what);

/* Sends bytes, and keeps those that the socket does not take yet. 1 if the connection ended by that. */
int ogl_connection_feed(struct ogl_connection *c, const char *p, size_t n);

/* Reads on after the owner has consumed unread bytes. 1 if bytes came, or if the connection ended. */
int ogl_connection_resume(struct ogl_connection *c);

OGL_END

#endif
