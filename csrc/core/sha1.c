/* SPDX-License-Identifier: MIT
** sha1.c - see sha1.h.
*/
#include "sha1.h"

#include "digest.h"

static uint32_t turn(uint32_t x, int by) { return x << by | x >> (32 - by); }

/* f and K of the standard, for round t. */
static uint32_t mix(int t, uint32_t b, uint32_t c, uint32_t d) {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

static void add_block(uint32_t *h, const unsigned char *block) {
  uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (int t = 0; t < 16; t++) w[t] = ogl_digest_word(block + 4 * t);
  for (int t = 16; t < 80; t++) w[t] = turn(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  for (int t = 0; t < 80; t++) {
    uint32_t next = turn(a, 5) + mix(t, b, c, d) + e + w[t];
    e = d, d = c, c = turn(b, 30), b = a, a = next;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

void ogl_sha1(const char *p, size_t n, char out[OGL_SHA1_BYTES]) {
  uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
  ogl_digest(h, add_block, p, n, out, OGL_SHA1_BYTES);
}
