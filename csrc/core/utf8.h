/* SPDX-License-Identifier: MIT
** utf8.h - checks whether bytes are UTF-8, and repairs those that are not.
**
** Repair follows the WHATWG Encoding Standard: each maximal part that begins a character but does not end one becomes
** one U+FFFD.
*/
#ifndef OGL_UTF8_H
#define OGL_UTF8_H

#include "buf.h"

OGL_BEGIN

/* Bytes of valid UTF-8 at the front of p (n when all of it is). */
size_t ogl_utf8_valid(const char *p, size_t n);

/* Where n bytes (1 at the least), at which no whole character stands, stop to be the beginning of one; n where they may become one. */
size_t ogl_utf8_begun(const char *p, size_t n);

/* Appends p to b with every invalid part replaced by U+FFFD; 0 or the buffer's error. */
int ogl_utf8_repair(struct ogl_buf *b, const char *p, size_t n);

/* Writes the character `c` (below 0x110000) at `out`; its length, 1 to 4. */
size_t ogl_utf8_put(char *out, unsigned c);

OGL_END

#endif
