/* SPDX-License-Identifier: MIT
** base64.h - RFC 4648, standard alphabet with padding.
*/
#ifndef OGL_BASE64_H
#define OGL_BASE64_H

#include "ogl.h"

OGL_BEGIN

/* Bytes of text that n bytes are encoded as. */
static inline size_t ogl_base64_encoded(size_t n) { return (n + 2) / 3 * 4; }
/* Bytes that decoding n bytes of text needs at most. */
static inline size_t ogl_base64_decoded(size_t n) { return n / 4 * 3 + 3; }

/* Writes to `out`; the length. */
size_t ogl_base64_encode(const char *p, size_t n, char *out);
/* The same for decoding; padding may be missing, white space is passed over. (size_t)-1 where a byte is no base64. */
size_t ogl_base64_decode(const char *p, size_t n, char *out);

OGL_END

#endif
