/* SPDX-License-Identifier: MIT
** sha256.h - SHA-256 (FIPS 180-4), for the keys under which answers are kept.
**
** A kept answer is given to whoever asks the same, so two requests must never share a key, whoever writes them: that takes a hash for which
** no collision can be made. Lua has none, and a library of cryptography for this alone would be one more thing to install.
*/
#ifndef OGL_SHA256_H
#define OGL_SHA256_H

#include "ogl.h"

OGL_BEGIN

enum { OGL_SHA256_BYTES = 32 };

/* The hash of n bytes. */
void ogl_sha256(const char *p, size_t n, char out[OGL_SHA256_BYTES]);

OGL_END

#endif
