/* SPDX-License-Identifier: MIT
** digest.h - how SHA-1 and SHA-256 walk through a text (FIPS 180-4, sections 5.1.1 and 6): in blocks of 64 bytes, of which the last ones
** hold the padding and the length. Each of the two brings its state and what adds a block to it.
*/
#ifndef OGL_DIGEST_H
#define OGL_DIGEST_H

#include "ogl.h"

OGL_BEGIN

enum { OGL_DIGEST_BLOCK = 64 };

/* Adds a block to a hash's state. */
typedef void ogl_digest_add(uint32_t *state, const unsigned char *block);

/* A word of a block: its first byte is the highest. */
static inline uint32_t ogl_digest_word(const unsigned char *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Hashes n bytes: adds their blocks to the state, which begins as the standard says, and writes the first n_out bytes of it. */
void ogl_digest(uint32_t *state, ogl_digest_add *add, const char *p, size_t n, char *out, size_t n_out);

OGL_END

#endif
