/* SPDX-License-Identifier: MIT
** hash.h - what a text was, in 64 bits: enough to see later whether a longer one begins with it, without keeping it.
**
** The text is taken as words of eight bytes, and each word times a number of its place is summed up: so that it does not matter in
** which pieces it came, and a word costs a few instructions. A server that finds a collision cheats itself alone.
*/
#ifndef OGL_HASH_H
#define OGL_HASH_H

#include <string.h>

#include "ogl.h"

OGL_BEGIN

/* Up to eight bytes as a number, the first of them lowest. */
static inline uint64_t ogl_hash_word(const char *p, size_t n) {
  uint64_t w = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint32_t a = 0, b = 0;
  if (n >= 8) return memcpy(&w, p, 8), w;
  if (n >= 4) {
    memcpy(&a, p, 4);
    memcpy(&b, p + n - 4, 4);
    return a | (uint64_t)b << (n - 4) * 8;
  }
#endif
  for (size_t i = 0; i < n && i < 8; i++) w |= (uint64_t)(unsigned char)p[i] << i * 8;
  return w;
}

/* The number of a place. */
static inline uint64_t ogl_hash_factor(uint64_t word) {
  return (word * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0xbf58476d1ce4e5b9)) | 1;
}

/* The hash of a text of n bytes, whose hash is `hash` (0 for none), and s behind it. */
static inline uint64_t ogl_hash(uint64_t hash, size_t n, struct ogl_span s) {
  while (s.n) {
    size_t take = s.n < 8 ? s.n : 8, shift = (n & 7) * 8;
    uint64_t w = ogl_hash_word(s.p, take), place = n >> 3;
    hash += (w << shift) * ogl_hash_factor(place);
    if (shift) hash += (w >> (64 - shift)) * ogl_hash_factor(place + 1);
    s.p += take, s.n -= take, n += take;
  }
  return hash;
}

OGL_END

#endif
