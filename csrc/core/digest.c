/* SPDX-License-Identifier: MIT
** digest.c - see digest.h.
*/
#include "digest.h"

#include <string.h>

enum { BLOCK = OGL_DIGEST_BLOCK, TAIL = 56 }; /* the last eight bytes of the last block are the length in bits */

/* Adds what is left behind the whole blocks, with its padding: a bit of 1, bits of 0, the length of all. */
static void add_last(uint32_t *state, ogl_digest_add *add, const char *p, size_t n, uint64_t bits) {
  unsigned char last[2 * BLOCK] = { 0 };
  size_t end = n < TAIL ? BLOCK : 2 * BLOCK;
  if (n) memcpy(last, p, n);
  last[n] = 0x80;
  for (size_t i = 0; i < 8; i++) last[end - 1 - i] = (unsigned char)(bits >> 8 * i);
  for (size_t at = 0; at < end; at += BLOCK) add(state, last + at);
}

void ogl_digest(uint32_t *state, ogl_digest_add *add, const char *p, size_t n, char *out, size_t n_out) {
  uint64_t bits = (uint64_t)n << 3;
  for (; n >= BLOCK; p += BLOCK, n -= BLOCK) add(state, (const unsigned char *)p);
  add_last(state, add, p, n, bits);
  for (size_t i = 0; i < n_out; i++) out[i] = (char)(state[i / 4] >> (24 - 8 * (i % 4)));
}
