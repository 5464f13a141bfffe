/* SPDX-License-Identifier: MIT
** must.h - what a fuzz target demands: a broken invariant ends the run with the input saved by the fuzzer.
*/
#ifndef MUST_H
#define MUST_H

#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/core/buf.h"
#include "../../csrc/core/utf8.h"

#define MUST(held) must(!!(held), __FILE__, __LINE__, #held)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(int held, const char *file, int line, const char *what) {
  if (held) return;
  fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
  abort();
}

static inline void must_be_utf8(struct ogl_span s) { MUST(s.n == 0 || ogl_utf8_valid(s.p, s.n) == s.n); }

/* Two journals of the same input. */
static inline void must_equal(const struct ogl_buf *a, const struct ogl_buf *b) {
  struct ogl_span x = ogl_buf_span(a), y = ogl_buf_span(b);
  if (x.n == y.n && (x.n == 0 || __builtin_memcmp(x.p, y.p, x.n) == 0)) return;
  fprintf(stderr, "broken: two journals of one input\n--- first\n%.*s--- second\n%.*s", (int)x.n, x.p, (int)y.n, y.p);
  abort();
}

/* What the target may choose from the input: its last byte (which stays a part of the input, so that any recorded body is a
   seed as it is), and a number made of all bytes. */
static inline unsigned last_byte(const uint8_t *data, size_t size) { return size ? data[size - 1] : 0; }

static inline uint32_t mixed(const uint8_t *data, size_t size) {
  uint32_t h = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < size; i++) h = (h ^ data[i]) * 16777619u;
  return h ? h : 1;
}

#endif
