/* SPDX-License-Identifier: MIT
** base64.c - see base64.h.
*/
#include "base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t ogl_base64_encode(const char *p, size_t n, char *out) {
  const unsigned char *in = (const unsigned char *)p;
  char *start = out;
  for (; n; in += 3, n -= n < 3 ? n : 3, out += 4) {
    unsigned v = (unsigned)in[0] << 16 | (n > 1 ? (unsigned)in[1] << 8 : 0) | (n > 2 ? in[2] : 0);
    out[0] = alphabet[v >> 18];
    out[1] = alphabet[v >> 12 & 63];
    out[2] = n > 1 ? alphabet[v >> 6 & 63] : '=';
    out[3] = n > 2 ? alphabet[v & 63] : '=';
  }
  return (size_t)(out - start);
}

static int digit(unsigned char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

size_t ogl_base64_decode(const char *p, size_t n, char *out) {
  char *start = out;
  unsigned v = 0;
  int bits = 0, padded = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)p[i];
    int d = digit(c);
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c == '=') {
      padded = 1;
      continue;
    }
    if (d < 0 || padded) return (size_t)-1;
    v = v << 6 | (unsigned)d;
    if ((bits += 6) >= 8) *out++ = (char)(v >> (bits -= 8) & 0xff);
  }
  return bits == 6 ? (size_t)-1 : (size_t)(out - start); /* one digit alone holds no byte */
}
