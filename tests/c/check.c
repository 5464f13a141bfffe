/* SPDX-License-Identifier: MIT
** check.c - see check.h.
*/
#include "check.h"

#include <stdarg.h>
#include <stdio.h>

enum { SHOWN = 400, MOST_REPORTED = 40 }; /* bytes of a text, and failures, that are worth reading */

static struct {
  char name[256];
  int open, checks, bad;
  int passed, failed, skipped, reported;
} now;

static void close_case(void) {
  if (!now.open) return;
  if (!now.checks) printf("FAILED %s: it checked nothing\n", now.name);
  if (now.bad || !now.checks) now.failed++;
  else now.passed++;
  now.open = 0;
}

void check_case(const char *format, ...) {
  va_list args;
  close_case();
  va_start(args, format);
  vsnprintf(now.name, sizeof now.name, format, args);
  va_end(args);
  now.open = 1;
  now.checks = now.bad = 0;
}

void check_skip(const char *format, ...) {
  va_list args;
  close_case();
  printf("skipped: ");
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  printf("\n");
  now.skipped++;
}

int check_end(void) {
  close_case();
  printf("%d passed, %d failed, %d skipped\n", now.passed, now.failed, now.skipped);
  return now.failed != 0;
}

/* Says where and in which case; 0 once enough was said. */
static int report(const char *file, int line, const char *what) {
  now.bad = 1;
  if (++now.reported > MOST_REPORTED) return 0;
  printf("FAILED %s\n  %s:%d: %s\n", now.name, file, line, what);
  return 1;
}

static void show(const char *label, struct ogl_span s) {
  printf("  %s (%zu bytes): ", label, s.n);
  for (size_t i = 0; i < s.n && i < SHOWN; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (c == '\n') printf("\n    ");
    else if (c < 0x20 || c == 0x7f) printf("\\x%02x", c);
    else putchar(c);
  }
  printf("%s\n", s.n > SHOWN ? " ..." : "");
}

int check_that(int held, const char *file, int line, const char *what) {
  now.checks++;
  if (!held) report(file, line, what);
  return held;
}

int check_int(long long got, long long want, const char *file, int line, const char *what) {
  now.checks++;
  if (got == want) return 1;
  if (report(file, line, what)) printf("  got %lld, want %lld\n", got, want);
  return 0;
}

int check_bytes(struct ogl_span got, struct ogl_span want, const char *file, int line, const char *what) {
  now.checks++;
  if (got.n == want.n && (got.n == 0 || memcmp(got.p, want.p, got.n) == 0)) return 1;
  if (report(file, line, what)) {
    show("got ", got);
    show("want", want);
  }
  return 0;
}
