/* SPDX-License-Identifier: MIT
** sha1.h - SHA-1 (FIPS 180-4), for the handshake of a WebSocket and for nothing else.
**
** RFC 6455 has the server hash the client's nonce, so that the client knows that it was understood: a check against mistakes, on which
** no secret rests. Nothing that is always at hand does it (libcurl exports no hash, Lua has none, nginx alone has ngx.sha1_bin), and a
** library of cryptography for these twenty bytes would be one more thing to install. SHA-1 is broken as a signature: sign nothing with it.
*/
#ifndef OGL_SHA1_H
#define OGL_SHA1_H

#include "ogl.h"

OGL_BEGIN

enum { OGL_SHA1_BYTES = 20 };

/* The hash of n bytes. */
void ogl_sha1(const char *p, size_t n, char out[OGL_SHA1_BYTES]);

OGL_END

#endif
