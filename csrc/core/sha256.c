/* SPDX-License-Identifier: MIT
** sha256.c - see sha256.h.
*/
#include "sha256.h"

#include <string.h>

#include "digest.h"

enum { ROUNDS = 64 };

/* K of the standard: the fractions of the cube roots of the first 64 primes. */
static const uint32_t constants[ROUNDS] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int by) { return x >> by | x << (32 - by); }

/* The words of the message schedule: the block's sixteen, and those that are made of them. */
static void schedule(uint32_t w[ROUNDS], const unsigned char *block) {
  for (int t = 0; t < 16; t++) w[t] = ogl_digest_word(block + 4 * t);
  for (int t = 16; t < ROUNDS; t++) {
    uint32_t early = turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ w[t - 15] >> 3;
    uint32_t late = turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = w[t - 16] + early + w[t - 7] + late;
  }
}

static void add_block(uint32_t *h, const unsigned char *block) {
  uint32_t w[ROUNDS], s[8];
  schedule(w, block);
  memcpy(s, h, sizeof s);
  for (int t = 0; t < ROUNDS; t++) {
    uint32_t e = s[4], a = s[0];
    uint32_t one = s[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + constants[t] + w[t];
    uint32_t two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof s[0]);
    s[4] += one, s[0] = one + two;
  }
  for (int i = 0; i < 8; i++) h[i] += s[i];
}

void ogl_sha256(const char *p, size_t n, char out[OGL_SHA256_BYTES]) {
  uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
  ogl_digest(h, add_block, p, n, out, OGL_SHA256_BYTES);
}
