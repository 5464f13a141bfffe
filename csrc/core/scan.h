/* SPDX-License-Identifier: MIT
** scan.h - the two loops that every byte of a stream passes: to the end of a line, and to the end of a JSON string.
**
** Sixteen bytes a step with SSE2, eight with plain 64-bit words elsewhere; neither reads past `end`.
*/
#ifndef OGL_SCAN_H
#define OGL_SCAN_H

#include <string.h>

#include "ogl.h"

#if defined(__SSE2__) && defined(__GNUC__)
#define OGL_SSE2 1
#include <emmintrin.h>
#else
#define OGL_SSE2 0
#endif

#define OGL_ONES UINT64_C(0x0101010101010101)
#define OGL_HIGH UINT64_C(0x8080808080808080)

static inline uint64_t ogl_word(const char *p) {
  uint64_t w;
  memcpy(&w, p, sizeof w);
  return w;
}

/* High bits set in the bytes of w that are zero (and perhaps in higher ones: only "none" and the lowest count). */
static inline uint64_t ogl_zero_bytes(uint64_t w) { return (w - OGL_ONES) & ~w & OGL_HIGH; }

/* The first CR or LF, or `end`. */
static inline const char *ogl_scan_eol(const char *p, const char *end) {
#if OGL_SSE2
  const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
  for (; end - p >= 16; p += 16) {
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    int hit = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(x, lf), _mm_cmpeq_epi8(x, cr)));
    if (hit) return p + __builtin_ctz((unsigned)hit);
  }
#else
  for (; end - p >= 8; p += 8) {
    uint64_t w = ogl_word(p);
    if (ogl_zero_bytes(w ^ OGL_ONES * '\n') | ogl_zero_bytes(w ^ OGL_ONES * '\r')) break;
  }
#endif
  while (p < end && *p != '\n' && *p != '\r') p++;
  return p;
}

/* The first byte that a JSON string cannot hold as it is (quote, backslash, below 0x20), or `end`. */
static inline const char *ogl_scan_string(const char *p, const char *end) {
#if OGL_SSE2
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1f);
  for (; end - p >= 16; p += 16) {
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash));
    int hit = _mm_movemask_epi8(_mm_or_si128(ends, _mm_cmpeq_epi8(_mm_min_epu8(x, low), x)));
    if (hit) return p + __builtin_ctz((unsigned)hit);
  }
#else
  for (; end - p >= 8; p += 8) {
    uint64_t w = ogl_word(p);
    uint64_t low = (w - OGL_ONES * 0x20) & ~w & OGL_HIGH;
    if (low | ogl_zero_bytes(w ^ OGL_ONES * '"') | ogl_zero_bytes(w ^ OGL_ONES * '\\')) break;
  }
#endif
  while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20) p++;
  return p;
}

/* The first byte above 0x7f, or `end`. */
static inline const char *ogl_scan_ascii(const char *p, const char *end) {
#if OGL_SSE2
  for (; end - p >= 16; p += 16) {
    int hit = _mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p));
    if (hit) return p + __builtin_ctz((unsigned)hit);
  }
#else
  while (end - p >= 8 && !(ogl_word(p) & OGL_HIGH)) p += 8;
#endif
  while (p < end && (unsigned char)*p < 0x80) p++;
  return p;
}

#endif
