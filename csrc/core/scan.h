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

/* Eight bytes as a number. */
static inline uint64_t ogl_word(const char *p) {
  uint64_t w;
  memcpy(&w, p, sizeof w);
  return w;
}

/* High bits set in the bytes of w that are zero (and perhaps in higher ones: only "none" and the lowest count). */
static inline uint64_t ogl_zero_bytes(uint64_t w) { return (w - OGL_ONES) & ~w & OGL_HIGH; }

#if OGL_SSE2
/* Sixteen bytes. */
static inline __m128i ogl_load(const char *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }

/* The front of p that holds no byte up to CR (0x0d), 64 bytes a step; LF is one, and text has no other. */
static inline const char *ogl_skip_line(const char *p, const char *end, __m128i *seen) {
  const __m128i cr = _mm_set1_epi8('\r');
  for (; end - p >= 64; p += 64) {
    __m128i a = ogl_load(p), b = ogl_load(p + 16), c = ogl_load(p + 32), d = ogl_load(p + 48);
    __m128i least = _mm_min_epu8(_mm_min_epu8(a, b), _mm_min_epu8(c, d));
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(least, cr), least))) break;
    *seen = _mm_or_si128(*seen, _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)));
  }
  return p;
}
#endif

/* The first CR or LF, or `end`. *high becomes 1 where a byte above 0x7f was passed (or stands up to 15 bytes behind), and
   stays as it was elsewhere. */
static inline const char *ogl_scan_eol(const char *p, const char *end, int *high) {
#if OGL_SSE2
  const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
  __m128i seen = _mm_setzero_si128();
  p = ogl_skip_line(p, end, &seen);
  for (; end - p >= 16; p += 16) {
    __m128i x = ogl_load(p);
    int hit = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(x, lf), _mm_cmpeq_epi8(x, cr)));
    seen = _mm_or_si128(seen, x);
    if (!hit) continue;
    *high |= _mm_movemask_epi8(seen) != 0;
    return p + __builtin_ctz((unsigned)hit);
  }
  *high |= _mm_movemask_epi8(seen) != 0;
#else
  for (; end - p >= 8; p += 8) {
    uint64_t w = ogl_word(p);
    if (ogl_zero_bytes(w ^ OGL_ONES * '\n') | ogl_zero_bytes(w ^ OGL_ONES * '\r')) break;
    *high |= (w & OGL_HIGH) != 0;
  }
#endif
  for (; p < end && *p != '\n' && *p != '\r'; p++) *high |= (unsigned char)*p >= 0x80;
  return p;
}

/* The first byte that a JSON string cannot hold as it is (quote, backslash, below 0x20), or `end`. */
static inline const char *ogl_scan_string(const char *p, const char *end) {
#if OGL_SSE2
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1f);
  for (; end - p >= 16; p += 16) {
    __m128i x = ogl_load(p);
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

/* How often `c` stands in the bytes. */
static inline size_t ogl_scan_count(const char *p, const char *end, char c) {
  size_t n = 0;
#if OGL_SSE2
  const __m128i wanted = _mm_set1_epi8(c), zero = _mm_setzero_si128();
  __m128i sums = zero; /* two 64-bit counters: sad adds eight bytes into each */
  uint64_t halves[2];
  for (; end - p >= 16; p += 16)
    sums = _mm_add_epi64(sums, _mm_sad_epu8(_mm_sub_epi8(zero, _mm_cmpeq_epi8(ogl_load(p), wanted)), zero));
  memcpy(halves, &sums, sizeof halves);
  n = (size_t)(halves[0] + halves[1]);
#endif
  for (; p < end; p++) n += *p == c;
  return n;
}

/* The first byte above 0x7f, or `end`. */
static inline const char *ogl_scan_ascii(const char *p, const char *end) {
#if OGL_SSE2
  for (; end - p >= 64; p += 64) {
    __m128i ab = _mm_or_si128(ogl_load(p), ogl_load(p + 16)), cd = _mm_or_si128(ogl_load(p + 32), ogl_load(p + 48));
    if (_mm_movemask_epi8(_mm_or_si128(ab, cd))) break;
  }
  for (; end - p >= 16; p += 16) {
    int hit = _mm_movemask_epi8(ogl_load(p));
    if (hit) return p + __builtin_ctz((unsigned)hit);
  }
#else
  while (end - p >= 8 && !(ogl_word(p) & OGL_HIGH)) p += 8;
#endif
  while (p < end && (unsigned char)*p < 0x80) p++;
  return p;
}

#endif
