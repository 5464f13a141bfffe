/* SPDX-License-Identifier: MIT
** sha1.c - see sha1.h.
*/
#include "sha1.h"

#include <string.h>

enum { BLOCK = 64, TAIL = 56 }; /* the last eight bytes of the last block are the length in bits */

static uint32_t turn(uint32_t x, int by) { return x << by | x >> (32 - by); }

static uint32_t big_endian(const unsigned char *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* f and K of the standard, for round t. */
static uint32_t mix(int t, uint32_t b, uint32_t c, uint32_t d) {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

static void add_block(uint32_t h[5], const unsigned char *block) {
  uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (int t = 0; t < 16; t++) w[t] = big_endian(block + 4 * t);
  for (int t = 16; t < 80; t++) w[t] = turn(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  for (int t = 0; t < 80; t++) {
    uint32_t next = turn(a, 5) + mix(t, b, c, d) + e + w[t];
    e = d, d = c, c = turn(b, 30), b = a, a = next;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

void ogl_sha1(const char *p, size_t n, char out[OGL_SHA1_BYTES]) {
  uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
  unsigned char last[2 * BLOCK] = { 0 };
  uint64_t bits = (uint64_t)n << 3;
  for (; n >= BLOCK; p += BLOCK, n -= BLOCK) add_block(h, (const unsigned char *)p);
  if (n) memcpy(last, p, n);
  last[n] = 0x80;
  size_t end = n < TAIL ? BLOCK : 2 * BLOCK;
  for (int i = 0; i < 8; i++) last[end - 1 - (size_t)i] = (unsigned char)(bits >> 8 * i);
  for (size_t at = 0; at < end; at += BLOCK) add_block(h, last + at);
  for (int i = 0; i < OGL_SHA1_BYTES; i++) out[i] = (char)(h[i / 4] >> (24 - 8 * (i % 4)));
}
