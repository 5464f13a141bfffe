/* SPDX-License-Identifier: MIT
** number.c - see number.h.
**
** Reading: up to 19 digits are gathered as an integer w, the rest only counts for the exponent. Then
**   1. w below 2^53 and |exponent| <= 22: one exact multiplication or division (W. Clinger, 1990);
**   2. else a 64x128-bit product with pow10.h decides the rounding (D. Lemire, 2021);
**   3. what neither can decide (subnormal, huge, digits cut off near a tie) goes to strtod.
*/
#include "number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pow10.h"

enum { MAX_DIGITS = 19 }; /* of 10^19 - 1, which 64 bits hold */

/* A number as its text has it: significant digits and a power of ten. */
struct decimal {
  uint64_t w;        /* first significant digits */
  int digits;        /* how many */
  int64_t exponent;  /* value = w * 10^exponent */
  int negative, cut; /* cut: a digit other than 0 did not fit into w */
};

static inline int is_digit(const char *p, const char *end) { return p < end && (unsigned)(*p - '0') <= 9; }

/* Eight digits at once, where there are eight (S. Johnson's and D. Lemire's trick, on 64-bit words). */
static inline int eight_digits(const char *p, const char *end, uint64_t *value) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint64_t v;
  if (end - p < 8) return 0;
  memcpy(&v, p, 8);
  uint64_t d = v - UINT64_C(0x3030303030303030);
  if ((d | (d + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080)) return 0;
  d = d * 10 + (d >> 8); /* pairs */
  *value = ((d & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (d >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
  return 1;
#else
  (void)p, (void)end, (void)value;
  return 0;
#endif
}

/* Gathers a run of digits. Digits of a fraction shift the exponent when they go into w, digits of an integer when they no longer fit. */
static inline const char *read_digits(const char *p, const char *end, struct decimal *x, int fraction) {
  const char *from = p, *kept;
  uint64_t w = x->w, eight;
  int digits = x->digits;
  if (!w)
    while (p < end && *p == '0') p++; /* leading zeros are not significant */
  for (; digits <= MAX_DIGITS - 8 && eight_digits(p, end, &eight); p += 8, digits += 8) w = w * 100000000 + eight;
  for (; digits < MAX_DIGITS && is_digit(p, end); p++, digits++) w = w * 10 + (unsigned)(*p - '0');
  for (kept = p; is_digit(p, end); p++) x->cut |= *p != '0';
  x->w = w;
  x->digits = digits;
  x->exponent += fraction ? from - kept : p - kept;
  return p;
}

/* The part behind e or E; NULL when it has no digit. */
static const char *read_exponent(const char *p, const char *end, struct decimal *x) {
  int64_t e = 0;
  int negative = 0;
  if (p < end && (*p == '+' || *p == '-')) negative = *p++ == '-';
  if (!is_digit(p, end)) return NULL;
  for (; is_digit(p, end); p++)
    if (e < 100000) e = e * 10 + (*p - '0'); /* beyond that it is 0 or infinite anyway */
  x->exponent += negative ? -e : e;
  return p;
}

enum { SLOW_DIGITS = 800 }; /* 768 significant digits decide any double; a 1 stands for all behind them */

/* |value| by strtod, on the significant digits and the exponent alone: without a decimal point no locale matters. */
static double read_slowly(const char *p, const char *end, const struct decimal *x) {
  char text[SLOW_DIGITS + 32];
  int n = 0, rest = 0;
  for (; p < end && *p != 'e' && *p != 'E'; p++) {
    if ((unsigned)(*p - '0') > 9 || (n == 0 && *p == '0')) continue; /* sign, point, leading zeros */
    if (n < SLOW_DIGITS) text[n++] = *p;
    else rest |= *p != '0';
  }
  int64_t exponent = x->exponent - (n - x->digits) - rest; /* x->digits of them are those of x->w */
  snprintf(text + n, sizeof text - (size_t)n, "%se%" PRId64, rest ? "1" : "", exponent);
  return strtod(text, NULL);
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;

/* Top 128 bits of w * 10^q, w normalised: exact enough for 55 bits, or one step below. */
static void product(uint64_t w, int q, uint64_t *high, uint64_t *low) {
  const uint64_t *row = pow10_rows[q - POW10_MIN];
  wide first = (wide)w * row[0];
  *high = (uint64_t)(first >> 64);
  *low = (uint64_t)first;
  if ((*high & 0x1ff) == 0x1ff) { /* the bits below may carry into the 55 that count */
    uint64_t more = (uint64_t)((wide)w * row[1] >> 64);
    *low += more;
    *high += *low < more;
  }
}

/* The double nearest to w * 10^q; 0 when it cannot tell (subnormal or infinite). */
static int nearest(uint64_t w, int q, double *out) {
  int zeros = __builtin_clzll(w);
  uint64_t high, low;
  product(w << zeros, q, &high, &low);
  int top = (int)(high >> 63), shift = top + 9;
  uint64_t m = high >> shift;
  int e = ((217706 * q) >> 16) + 63 + top - zeros + 1023;
  if (e <= 0 || e >= 2046) return 0;
  if (low <= 1 && q >= -4 && q <= 23 && (m & 3) == 1 && m << shift == high) m &= ~UINT64_C(1); /* a tie: to even */
  m = (m + (m & 1)) >> 1;
  if (m >> 53) m >>= 1, e++;
  uint64_t bits = (uint64_t)e << 52 | (m & ~(UINT64_C(1) << 52));
  memcpy(out, &bits, sizeof bits);
  return 1;
}
#else
static int nearest(uint64_t w, int q, double *out) {
  (void)w, (void)q, (void)out;
  return 0;
}
#endif

static const double small_powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

/* |value| of x, or 0 returned when only strtod can tell. */
static int to_double(const struct decimal *x, double *out) {
  int64_t q = x->exponent;
  if (x->w == 0) return *out = 0.0, 1;
  if (!x->cut && x->w <= UINT64_C(1) << 53 && q >= -22 && q <= 22) {
    *out = q < 0 ? (double)x->w / small_powers[-q] : (double)x->w * small_powers[q];
    return 1;
  }
  double above;
  if (q < POW10_MIN || q > POW10_MAX || !nearest(x->w, (int)q, out)) return 0;
  return !x->cut || (nearest(x->w + 1, (int)q, &above) && above == *out);
}

static int to_integer(const struct decimal *x, int64_t *out) {
  if (x->exponent || x->cut || x->w > (uint64_t)INT64_MAX + (uint64_t)x->negative) return 0;
  *out = x->negative ? (int64_t)(0 - x->w) : (int64_t)x->w;
  return 1;
}

const char *ogl_number_read(const char *p, const char *end, struct ogl_number *out) {
  struct decimal x = { 0, 0, 0, 0, 0 };
  const char *start = p;
  int integral = 1;
  if (p < end && *p == '-') x.negative = 1, p++;
  if (!is_digit(p, end)) return NULL;
  if (*p == '0') {
    if (is_digit(p + 1, end)) return NULL; /* 01 is no JSON */
    p++;
  } else {
    p = read_digits(p, end, &x, 0);
  }
  if (p < end && *p == '.') {
    if (!is_digit(++p, end)) return NULL;
    p = read_digits(p, end, &x, 1);
    integral = 0;
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    if (!(p = read_exponent(p + 1, end, &x))) return NULL;
    integral = 0;
  }
  out->is_integer = integral && !(x.negative && x.w == 0) && to_integer(&x, &out->i); /* -0 is a double */
  if (out->is_integer) return out->d = (double)out->i, p;
  if (!to_double(&x, &out->d)) out->d = read_slowly(start, p, &x);
  if (x.negative) out->d = -out->d;
  return p;
}

size_t ogl_number_write_integer(char *out, int64_t v) {
  char digits[24];
  size_t n = 0, len = 0;
  uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
  do digits[n++] = (char)('0' + u % 10);
  while (u /= 10);
  if (v < 0) out[len++] = '-';
  while (n) out[len++] = digits[--n];
  return len;
}

/* The locale's decimal point, of one byte or of several, becomes a full stop; the bytes that this takes away. */
static int neutral_point(char *text) {
  static const char others[] = "0123456789+-e";
  char *point = text + strspn(text, others);
  size_t n = strcspn(point, others);
  if (n == 0) return 0;
  *point = '.';
  memmove(point + 1, point + n, strlen(point + n) + 1);
  return (int)n - 1;
}

/* The shortest text of a number with few digits behind the point, as people write them (0.2); 0 where it has more. */
static size_t write_short(char *out, double v) {
  for (int places = 1; places <= 6; places++) {
    double scaled = v * small_powers[places], whole = floor(scaled + 0.5);
    if (fabs(whole) >= 1e15) return 0;
    if (whole / small_powers[places] != v) continue; /* exact: this is how the text is read, too */
    size_t n = ogl_number_write_integer(out, (int64_t)fabs(whole));
    char digits[OGL_NUMBER_TEXT], *to = out;
    memcpy(digits, out, n);
    if (v < 0) *to++ = '-';
    size_t lead = n > (size_t)places ? n - (size_t)places : 0;
    memcpy(to, lead ? digits : "0", lead ? lead : 1);
    to += lead ? lead : 1;
    *to++ = '.';
    for (size_t zeros = (size_t)places; zeros > n; zeros--) *to++ = '0';
    memcpy(to, digits + lead, n - lead);
    return (size_t)(to - out) + n - lead;
  }
  return 0;
}

size_t ogl_number_write(char *out, double v) {
  if (v == floor(v) && fabs(v) < 9007199254740992.0 && !(v == 0 && signbit(v)))
    return ogl_number_write_integer(out, (int64_t)v);
  size_t few = v != 0 ? write_short(out, v) : 0;
  if (few) return few;
  for (int digits = 15;; digits++) {
    struct ogl_number back;
    int n = snprintf(out, OGL_NUMBER_TEXT, "%.*g", digits, v);
    n -= neutral_point(out);
    if (digits == 17 || (ogl_number_read(out, out + n, &back) && back.d == v)) return (size_t)n;
  }
}
