/* SPDX-License-Identifier: MIT
** answers.c - see answers.h.
*/
#include "answers.h"

#include "../../csrc/core/header_lines.h"

#include <stdio.h>
#include <stdlib.h>

static void add_number(struct ogl_buf *log, long long n) {
  char text[32];
  snprintf(text, sizeof text, "%lld", n);
  ogl_buf_text(log, text);
}

static void add_head(struct ogl_buf *log, const struct ogl_http1 *h) {
  size_t at = 0;
  struct ogl_span name, value;
  add_number(log, h->status);
  while (ogl_header_lines_next(&h->lines, &at, &name, &value)) {
    ogl_buf_byte(log, ' ');
    ogl_buf_append(log, name.p, name.n);
    ogl_buf_byte(log, '=');
    ogl_buf_append(log, value.p, value.n);
  }
  ogl_buf_text(log, " | ");
}

/* All items of a piece. `rest` grows by what belongs to no answer. */
static int drain(struct ogl_buf *log, struct ogl_http1 *h, struct ogl_span in, size_t *rest) {
  struct ogl_span body;
  for (;;) {
    int code = ogl_http1_next(h, &in, &body);
    if (code == OGL_HTTP1_HEAD) add_head(log, h);
    if (code == OGL_HTTP1_BODY) ogl_buf_append(log, body.p, body.n);
    if (code == OGL_HTTP1_END) *rest += in.n;
    if (code != OGL_HTTP1_HEAD && code != OGL_HTTP1_BODY) return code;
  }
}

int answers_play(struct ogl_buf *log, struct ogl_http1 *h, struct ogl_span s, size_t first, size_t step) {
  size_t rest = 0;
  int code = OGL_MORE;
  for (size_t at = 0, n = first ? first : step; at < s.n; at += n, n = step) {
    if (n == 0 || n > s.n - at) n = s.n - at;
    char *copy = malloc(n);
    if (!copy) abort();
    memcpy(copy, s.p + at, n);
    struct ogl_span piece = { copy, n };
    code = drain(log, h, piece, &rest);
    free(copy);
  }
  int keep = ogl_http1_reusable(h);
  code = ogl_http1_finish(h);
  ogl_buf_text(log, code == OGL_HTTP1_END ? (keep ? " | keep" : " | close") : " | ");
  if (code != OGL_HTTP1_END) ogl_buf_text(log, ogl_code_name(code));
  if (rest) ogl_buf_byte(log, '+'), add_number(log, (long long)rest);
  return code;
}
