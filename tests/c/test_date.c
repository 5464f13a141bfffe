/* SPDX-License-Identifier: MIT
** test_date.c - times against what `date -u` says of them: the ends of years, months and centuries.
*/
#include "../../csrc/core/date.h"
#include "check.h"
#include "suites.h"

static const struct {
  int64_t nanoseconds;
  int with_fraction;
  const char *text;
} rows[] = {
  { 0, 0, "1970-01-01T00:00:00Z" },
  { INT64_C(1709210096000000000), 0, "2024-02-29T12:34:56Z" },
  { INT64_C(1709210096999999999), 0, "2024-02-29T12:34:56Z" },
  { INT64_C(1709210096999999999), 1, "2024-02-29T12:34:56.999999Z" },
  { INT64_C(1709210096000001999), 1, "2024-02-29T12:34:56.000001Z" },
  { INT64_C(951782400000000000), 1, "2000-02-29T00:00:00.000000Z" },
  { INT64_C(951868799000000000), 0, "2000-02-29T23:59:59Z" },
  { INT64_C(1767225599000000000), 0, "2025-12-31T23:59:59Z" },
  { INT64_C(4107542400000000000), 0, "2100-03-01T00:00:00Z" },
  { INT64_C(9000000000000000000), 1, "2255-03-14T16:00:00.000000Z" },
};

void test_date(void) {
  char text[OGL_DATE_MICROS];
  check_case("date: RFC 3339 in UTC");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct ogl_span got = { text, ogl_date_write(text, rows[i].nanoseconds, rows[i].with_fraction) };
    CHECK_TEXT(got, rows[i].text);
  }
}
