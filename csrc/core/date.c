/* SPDX-License-Identifier: MIT
** date.c - see date.h.
*/
#include "date.h"

/* A number with leading zeros, and the character behind it; gives the place behind both. */
static char *put(char *p, int64_t v, int digits, char after) {
  for (int i = digits; i--; v /= 10) p[i] = (char)('0' + v % 10);
  p[digits] = after;
  return p + digits + 1;
}

/* Days since 1970 to a date of the Gregorian calendar, by its 400-year eras. */
static char *put_day(char *p, int64_t since_1970) {
  int64_t days = since_1970 + 719468, era = days / 146097, of_era = days - era * 146097;
  int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), month = (5 * of_year + 2) / 153;
  p = put(p, year_of_era + era * 400 + (month >= 10), 4, '-');
  p = put(p, month < 10 ? month + 3 : month - 9, 2, '-');
  return put(p, of_year - (153 * month + 2) / 5 + 1, 2, 'T');
}

size_t ogl_date_write(char *out, int64_t nanoseconds, int with_fraction) {
  int64_t seconds = nanoseconds / 1000000000, of_day = seconds % 86400;
  char *p = put_day(out, seconds / 86400);
  p = put(p, of_day / 3600, 2, ':');
  p = put(p, of_day / 60 % 60, 2, ':');
  p = put(p, of_day % 60, 2, with_fraction ? '.' : 'Z');
  if (with_fraction) p = put(p, nanoseconds % 1000000000 / 1000, 6, 'Z');
  return (size_t)(p - out);
}
