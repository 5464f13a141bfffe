/* SPDX-License-Identifier: MIT
** check.h - the harness of the C tests: named cases, checks inside them, one line of counts at the end.
**
** Life: `check_case` begins a case (and ends the one before), CHECK… look at something and go on, `check_skip` counts
** what cannot be tested here, `check_end` prints the counts and gives the exit status. A case passes when none of its
** checks failed; one without any check fails, for it can prove nothing.
*/
#ifndef CHECK_H
#define CHECK_H

#include <stddef.h>
#include <string.h>

#include "../../csrc/core/ogl.h"

#if defined(__GNUC__)
#define CHECK_FORMAT(a, b) __attribute__((format(printf, a, b)))
#else
#define CHECK_FORMAT(a, b)
#endif

void check_case(const char *format, ...) CHECK_FORMAT(1, 2);
void check_skip(const char *format, ...) CHECK_FORMAT(1, 2);
int check_end(void);

/* Each counts one check, and gives whether it held. */
int check_that(int held, const char *file, int line, const char *what);
int check_int(long long got, long long want, const char *file, int line, const char *what);
int check_bytes(struct ogl_span got, struct ogl_span want, const char *file, int line, const char *what);

static inline struct ogl_span check_span(const char *text) {
  struct ogl_span s = { text, strlen(text) };
  return s;
}

#define CHECK(held)           check_that(!!(held), __FILE__, __LINE__, #held)
#define CHECK_INT(got, want)  check_int((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
#define CHECK_SPAN(got, want) check_bytes((got), (want), __FILE__, __LINE__, #got)
#define CHECK_TEXT(got, text) check_bytes((got), check_span(text), __FILE__, __LINE__, #got)

#endif
