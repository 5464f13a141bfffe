/* SPDX-License-Identifier: MIT
** utf8.c - see utf8.h.
*/
#include "utf8.h"

#include "scan.h"

/* Length of the character at p, or 0 with *part set to the length of its maximal invalid part (1 to 3). */
static size_t character(const unsigned char *p, size_t n, size_t *part) {
  unsigned char c = p[0], low = 0x80, high = 0xbf;
  size_t want;
  *part = 1;
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf) want = 2;
  else if (c >= 0xe0 && c <= 0xef) want = 3;
  else if (c >= 0xf0 && c <= 0xf4) want = 4;
  else return 0;
  if (c == 0xe0) low = 0xa0;  /* overlong */
  if (c == 0xed) high = 0x9f; /* surrogates */
  if (c == 0xf0) low = 0x90;  /* overlong */
  if (c == 0xf4) high = 0x8f; /* above U+10FFFF */
  for (size_t i = 1; i < want; i++) {
    if (i >= n || p[i] < low || p[i] > high) {
      *part = i;
      return 0;
    }
    low = 0x80;
    high = 0xbf;
  }
  return want;
}

size_t ogl_utf8_valid(const char *p, size_t n) {
  const char *at = p, *end = p + n;
  size_t part;
  while ((at = ogl_scan_ascii(at, end)) < end) {
    size_t len = character((const unsigned char *)at, (size_t)(end - at), &part);
    if (!len) break;
    at += len;
  }
  return (size_t)(at - p);
}

size_t ogl_utf8_begun(const char *p, size_t n) {
  unsigned char c = (unsigned char)p[0];
  size_t part;
  if (c < 0xc2 || c > 0xf4) return 0;
  character((const unsigned char *)p, n, &part);
  return part;
}

int ogl_utf8_repair(struct ogl_buf *b, const char *p, size_t n) {
  while (n) {
    size_t good = ogl_utf8_valid(p, n), part = 0;
    ogl_buf_append(b, p, good);
    p += good;
    n -= good;
    if (!n) break;
    character((const unsigned char *)p, n, &part);
    ogl_buf_append(b, "\xef\xbf\xbd", 3);
    p += part;
    n -= part;
  }
  return b->err;
}

size_t ogl_utf8_put(char *out, unsigned c) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (char)(0xe0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 0x3f));
  out[2] = (char)(0x80 | (c >> 6 & 0x3f));
  out[3] = (char)(0x80 | (c & 0x3f));
  return 4;
}
