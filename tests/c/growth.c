/* SPDX-License-Identifier: MIT
** growth.c - see growth.h. A step is a letter: { [ . (the end of one) s n t f 0 (null) and ! where all is forgotten; texts stand in < >.
*/
#include "growth.h"

#include <stdio.h>
#include <stdlib.h>

static void note_text(struct ogl_buf *log, struct ogl_span s) {
  ogl_buf_byte(log, '<');
  ogl_buf_append(log, s.p, s.n);
  ogl_buf_byte(log, '>');
}

static void note(struct ogl_buf *log, const struct ogl_json_step *step) {
  if (step->has_key) note_text(log, step->key);
  ogl_buf_byte(log, "!{[.sntf0"[step->kind]);
  if (step->kind == OGL_JSON_STRING || step->kind == OGL_JSON_NUMBER) note_text(log, step->text);
}

static void drain(struct ogl_buf *log, struct ogl_json_finder *f) {
  struct ogl_json_step step;
  while (ogl_json_steps_next(&f->value.steps, &step) == OGL_OK) {
    note(log, &step);
    ogl_json_steps_pop(&f->value.steps);
  }
}

/* The piece is a block of its own, so that a byte behind it would be seen. */
static int feed(struct ogl_buf *log, struct ogl_json_finder *f, const char *p, size_t n) {
  char *copy = malloc(n ? n : 1);
  if (!copy) abort();
  if (n) memcpy(copy, p, n);
  int code = ogl_json_finder_feed(f, copy, n);
  free(copy);
  drain(log, f);
  return code;
}

int growth_play(struct ogl_buf *log, struct ogl_json_finder *f, struct ogl_span input, size_t first, size_t step) {
  struct ogl_json_step open;
  char end[64];
  int code = OGL_OK;
  for (size_t at = 0, n = first ? first : step; at < input.n && code > 0; at += n, n = step) {
    if (n == 0 || n > input.n - at) n = input.n - at;
    code = feed(log, f, input.p + at, n);
  }
  if (code > 0) code = ogl_json_finder_finish(f);
  drain(log, f);
  if (ogl_json_partial_open(&f->value, &open) == OGL_OK) ogl_buf_byte(log, '~'), note(log, &open);
  snprintf(end, sizeof end, " %s", ogl_code_name(code));
  ogl_buf_text(log, end);
  if (code < 0) snprintf(end, sizeof end, " %d", (int)f->err_at), ogl_buf_text(log, end);
  return code;
}

int growth_run(struct ogl_buf *log, struct ogl_span input, size_t first, size_t step) {
  struct ogl_json_finder f;
  ogl_json_finder_init(&f, OGL_MAX_REPLY);
  int code = growth_play(log, &f, input, first, step);
  ogl_json_finder_clear(&f);
  return code;
}
