/* SPDX-License-Identifier: MIT
** test_number.c - numbers to doubles against strtod (which glibc rounds correctly), the table of powers computed
** again with integers of any size, and writing that reads back.
*/
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/core/number.h"
#include "../../csrc/core/pow10.h"
#include "check.h"
#include "suites.h"

static uint64_t state;

/* splitmix64: the same numbers on every machine. */
static uint64_t next_random(void) {
  uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static int next_below(int n) { return (int)(next_random() % (unsigned)n); }

/* --- reading --------------------------------------------------------------------------------------------------- */

/* 1 where the text is read to its end, and as the very bits that strtod gives. */
static int agrees(const char *text) {
  struct ogl_number v;
  const char *end = text + strlen(text);
  double want = strtod(text, NULL);
  if (ogl_number_read(text, end, &v) == end && memcmp(&v.d, &want, sizeof want) == 0) return 1;
  printf("  %.60s: got %.17g, strtod gives %.17g\n", text, v.d, want);
  return 0;
}

static void test_hard(void) {
  static const char *const texts[] = {
    "0",
    "-0",
    "0.0",
    "-0.0",
    "0e5",
    "0.000e-999",
    "1",
    "-1",
    "10",
    "1e0",
    "1E+2",
    "1e-2",
    "123456789012345678",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9007199254740993.0",
    "9007199254740995.0",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999",
    "1e22",
    "1e23",
    "8.5e22",
    "9.5e-23",
    "1e-22",
    "123456789e-22",
    "4.9406564584124654e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "2.2250738585072014e-308",
    "2.2250738585072011e-308",
    "2.2250738585072012e-308",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.7976931348623159e308",
    "1e308",
    "1e309",
    "-1e400",
    "1e99999999999999999999",
    "1e-99999999999999999999",
    "0.1",
    "0.2",
    "0.3",
    "7.2057594037927933e16",
    "9.8765432109876543210e-30",
    "6.02214076e23",
    "1.00000000000000011",
    "3.9999999999999997779554",
    "5708990770823839207320493820740630171355185152001e-3",
    "7450580596923828125e-27",
    "0.000000000000000000000000000000000000000000000000000000000000000000000000000000001",
    "1.0e+0000000000000000005",
    "1090544144181609348835077142190",
    "9355950000000000000.00000000000000000000000000000000000184467440737095516",
  };
  check_case("number: hard texts");
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) CHECK(agrees(texts[i]));
}

static char *add_digits(char *p, int n) {
  while (n-- > 0) *p++ = (char)('0' + next_below(10));
  return p;
}

/* A random JSON number: up to 45 digits, with or without fraction, exponents to both ends of the range. */
static void random_text(char *p) {
  if (next_below(2)) *p++ = '-';
  *p++ = (char)('1' + next_below(9));
  p = add_digits(p, next_below(next_below(2) ? 22 : 8));
  if (next_below(3)) {
    *p++ = '.';
    p = add_digits(p, 1 + next_below(next_below(2) ? 24 : 6));
  }
  if (next_below(2)) p += sprintf(p, "e%d", next_below(2) ? next_below(700) - 360 : next_below(60) - 30);
  *p = 0;
}

static void test_random(void) {
  char text[128];
  check_case("number: random texts");
  state = 1;
  for (int i = 0; i < 300000; i++) {
    random_text(text);
    if (!CHECK(agrees(text))) return;
  }
}

static double random_double(void) {
  double d;
  uint64_t bits;
  do {
    bits = next_random();
    memcpy(&d, &bits, sizeof d);
  } while (!isfinite(d));
  return d;
}

static void test_random_bits(void) {
  char text[64];
  check_case("number: random doubles, subnormal ones among them, with 1 to 20 digits");
  state = 2;
  for (int i = 0; i < 200000; i++) {
    double d = random_double();
    if (i % 8 == 0) d *= 0x1p-1022 / fabs(d) * (1 + next_below(100)) / 100; /* around the smallest normal one */
    snprintf(text, sizeof text, "%.*e", next_below(20), d);
    if (!CHECK(agrees(text))) return;
  }
}

/* The decimal text of the point half way between d and the next double, exactly; one digit is cut off its end, or added
   to it, or it is filled with zeros, to both sides of the length at which a reader may stop looking. */
static int half_way(double d) {
  static char text[4096];
  long double half = (long double)d + ((long double)nextafter(d, INFINITY) - (long double)d) / 2;
  int n = snprintf(text, sizeof text, "%.*Le", 1100, half), good = 1;
  char *e = strchr(text, 'e'), exponent[16], *last = e;
  if (n <= 0 || !e) return 0;
  strcpy(exponent, e);
  while (last[-1] == '0') last--; /* the last digit that is none */
  for (int zeros = 0; zeros <= 1300; zeros += 650) {
    memset(last, '0', (size_t)zeros);
    strcpy(last + zeros, exponent);
    good &= agrees(text);
    last[zeros] = '1';
    strcpy(last + zeros + 1, exponent);
    good &= agrees(text);
  }
  last[-1]--;
  memset(last, '9', 1300);
  strcpy(last + 1300, exponent);
  return good & agrees(text);
}

static void test_half_way(void) {
  if (LDBL_MANT_DIG < DBL_MANT_DIG + 1) {
    check_skip("number: half-way cases (long double is no longer than double)");
    return;
  }
  check_case("number: half-way cases, exact, a little above and a little below, also as texts of 1,000s of digits");
  state = 3;
  for (int i = 0; i < 1500; i++) {
    double d = fabs(random_double());
    if (i % 3 == 1) d = (double)(next_random() >> 11) * pow(2, next_below(60) - 30); /* few digits: real ties */
    if (i % 3 == 2) d = fmod(d, 1) * 0x1p-1022;                                      /* subnormal */
    if (d >= DBL_MAX || d == 0) continue;
    if (!CHECK(half_way(d))) return;
  }
}

static void test_long(void) {
  static char text[5000];
  check_case("number: thousands of digits");
  for (int digits = 1; digits < 4000; digits = digits * 2 + 1) {
    memset(text, '9', (size_t)digits);
    text[digits] = 0;
    CHECK(agrees(text));
    strcpy(text + digits, "e-500");
    CHECK(agrees(text));
    memcpy(text, "0.", 2);
    memset(text + 2, '0', (size_t)digits);
    strcpy(text + 2 + digits, "123456789012345678901e200");
    CHECK(agrees(text));
    snprintf(text, sizeof text, "1%0*de-%d", digits, 7, digits);
    CHECK(agrees(text));
  }
}

static void test_integers(void) {
  static const struct {
    const char *text;
    int is_integer;
    int64_t i;
  } rows[] = {
    { "0", 1, 0 },
    { "7", 1, 7 },
    { "-12345678901234567", 1, INT64_C(-12345678901234567) },
    { "9223372036854775807", 1, INT64_MAX },
    { "-9223372036854775808", 1, INT64_MIN },
    { "9223372036854775808", 0, 0 },
    { "-9223372036854775809", 0, 0 },
    { "18446744073709551616", 0, 0 },
    { "100000000000000000000", 0, 0 },
    { "1.0", 0, 0 },
    { "1e2", 0, 0 },
    { "-0", 0, 0 },
  };
  check_case("number: what is an integer");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct ogl_number v = { 0, 0, 0 };
    ogl_number_read(rows[i].text, rows[i].text + strlen(rows[i].text), &v);
    CHECK_INT(v.is_integer, rows[i].is_integer);
    if (rows[i].is_integer) CHECK_INT(v.i, rows[i].i);
  }
}

static void test_no_number(void) {
  static const char *const texts[] = { "",   "-",   "+1",  "01",  "-01",      "00",  ".5",  "1.",   "1.e5",
                                       "1e", "1e+", "-e5", "NaN", "Infinity", "-.5", "--1", "\xff", "e1" };
  check_case("number: what is none, and what stands behind one");
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct ogl_number v;
    CHECK(ogl_number_read(texts[i], texts[i] + strlen(texts[i]), &v) == NULL);
  }
  struct ogl_number v;
  const char text[] = "12,34";
  CHECK(ogl_number_read(text, text + 5, &v) == text + 2 && v.i == 12);
  CHECK(ogl_number_read(text, text + 1, &v) == text + 1 && v.i == 1); /* the end is where it is said to be */
}

/* --- the table of powers --------------------------------------------------------------------------------------- */

enum { LIMBS = 12 }; /* 384 bits: 5^80 has 186 */

struct big {
  uint32_t w[LIMBS];
};

static void times(struct big *b, uint32_t by) {
  uint64_t carry = 0;
  for (int i = 0; i < LIMBS; i++) {
    carry += (uint64_t)b->w[i] * by;
    b->w[i] = (uint32_t)carry;
    carry >>= 32;
  }
}

static int length(const struct big *b) {
  for (int i = LIMBS * 32; i--;)
    if (b->w[i / 32] >> (i % 32) & 1) return i + 1;
  return 0;
}

static int at_least(const struct big *a, const struct big *b) {
  for (int i = LIMBS; i--;)
    if (a->w[i] != b->w[i]) return a->w[i] > b->w[i];
  return 1;
}

static void minus(struct big *a, const struct big *b) {
  int64_t borrow = 0;
  for (int i = 0; i < LIMBS; i++) {
    borrow += (int64_t)a->w[i] - b->w[i];
    a->w[i] = (uint32_t)borrow;
    borrow >>= 32;
  }
}

static struct big power_of_5(int q) {
  struct big b = { { 1 } };
  while (q-- > 0) times(&b, 5);
  return b;
}

static void push_bit(uint64_t row[2], int bit) {
  row[0] = row[0] << 1 | row[1] >> 63;
  row[1] = row[1] << 1 | (unsigned)bit;
}

/* The first 128 bits of 5^q. */
static void positive_row(int q, uint64_t row[2]) {
  struct big b = power_of_5(q);
  int n = length(&b);
  for (int i = 1; i <= 128; i++) push_bit(row, n - i >= 0 && b.w[(n - i) / 32] >> ((n - i) % 32) & 1);
}

/* The first 128 bits of 1 / 5^-q, by long division. */
static void negative_row(int q, uint64_t row[2]) {
  struct big divisor = power_of_5(-q), rest = { { 1 } };
  while (!at_least(&rest, &divisor)) times(&rest, 2); /* to the first bit that is 1 */
  for (int i = 0; i < 128; i++) {
    int bit = at_least(&rest, &divisor);
    if (bit) minus(&rest, &divisor);
    push_bit(row, bit);
    times(&rest, 2);
  }
  if (q >= -27 && ++row[1] == 0) row[0]++; /* rounded up, see pow10.h */
}

static void test_table(void) {
  check_case("number: the table of powers, every row");
  CHECK_INT(sizeof pow10_rows / sizeof pow10_rows[0], POW10_MAX - POW10_MIN + 1);
  for (int q = POW10_MIN; q <= POW10_MAX; q++) {
    uint64_t row[2] = { 0, 0 };
    if (q < 0) negative_row(q, row);
    else positive_row(q, row);
    CHECK(row[0] == pow10_rows[q - POW10_MIN][0] && row[1] == pow10_rows[q - POW10_MIN][1]);
  }
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static struct ogl_span written(double d) {
  static char text[OGL_NUMBER_TEXT];
  struct ogl_span s = { text, ogl_number_write(text, d) };
  return s;
}

static int reads_back(double d) {
  struct ogl_number v;
  struct ogl_span s = written(d);
  return s.n <= OGL_NUMBER_TEXT && ogl_number_read(s.p, s.p + s.n, &v) == s.p + s.n && memcmp(&v.d, &d, sizeof d) == 0;
}

static void test_write(void) {
  char text[OGL_NUMBER_TEXT];
  struct ogl_span s = { text, 0 };
  check_case("number: written texts");
  CHECK_TEXT(written(0), "0");
  CHECK_TEXT(written(1), "1");
  CHECK_TEXT(written(-17), "-17");
  CHECK_TEXT(written(0.1), "0.1");
  CHECK_TEXT(written(-0.0), "-0");
  CHECK_TEXT(written(9007199254740991.0), "9007199254740991");
  CHECK_TEXT(written(1e300), "1e+300");
  CHECK_TEXT(written(2.5e-6), "2.5e-06");
  s.n = ogl_number_write_integer(text, INT64_MIN);
  CHECK_TEXT(s, "-9223372036854775808");
  s.n = ogl_number_write_integer(text, INT64_MAX);
  CHECK_TEXT(s, "9223372036854775807");
}

static void test_write_random(void) {
  check_case("number: what is written reads back");
  state = 4;
  CHECK(reads_back(DBL_MAX) && reads_back(-DBL_MIN) && reads_back(4.9406564584124654e-324));
  for (int i = 0; i < 100000; i++)
    if (!CHECK(reads_back(random_double()))) return;
}

/* --- locales --------------------------------------------------------------------------------------------------- */

/* A locale whose decimal point is none, in one byte or in several; NULL where none is installed. */
static const char *choose_locale(void) {
  static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR", "fa_IR.UTF-8", "ps_AF.UTF-8" };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (setlocale(LC_NUMERIC, names[i]) && strcmp(localeconv()->decimal_point, ".") != 0) return names[i];
  setlocale(LC_NUMERIC, "C");
  return NULL;
}

static void test_locale(void) {
  /* the second is decided by strtod, the third is below the smallest normal double */
  static const char *const texts[] = { "1.5", "1.7976931348623158079372897140530e308", "4.9406564584124654e-324" };
  double want[3];
  for (int i = 0; i < 3; i++) want[i] = strtod(texts[i], NULL);
  const char *name = choose_locale();
  if (!name) {
    check_skip("number: a locale with a decimal comma (none is installed)");
    return;
  }
  check_case("number: the locale %s does not matter", name);
  for (int i = 0; i < 3; i++) {
    struct ogl_number v;
    CHECK(ogl_number_read(texts[i], texts[i] + strlen(texts[i]), &v) != NULL && v.d == want[i]);
    CHECK(reads_back(want[i]));
  }
  CHECK_TEXT(written(0.5), "0.5");
  setlocale(LC_NUMERIC, "C");
}

void test_number(void) {
  test_hard();
  test_random();
  test_random_bits();
  test_half_way();
  test_long();
  test_integers();
  test_no_number();
  test_table();
  test_write();
  test_write_random();
  test_locale();
}
