/* SPDX-License-Identifier: MIT
** raw.h - a transfer that is a connection alone: libcurl finds, tunnels and encrypts it, and then leaves the socket to us.
**
** Life: `opened` when libcurl is done, `touched` whenever the socket is ready, `feed` to send, `resume` when what was
** unread has been taken. Bytes go out as they are; those that come are the transfer's body.
*/
#ifndef OGL_RAW_H
#define OGL_RAW_H

#include "transfer.h"

OGL_BEGIN

void ogl_raw_opened(struct ogl_multi_member *member);
void ogl_raw_touched(struct ogl_multi_member *member, int what);

/* Sends, and keeps what the socket does not take yet. 1, or 0 and failed. What is fed before it is open is dropped. */
int ogl_raw_feed(struct ogl_transfer *t, const char *p, size_t n);
void ogl_raw_resume(struct ogl_transfer *t);

OGL_END

#endif
