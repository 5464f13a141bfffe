/* SPDX-License-Identifier: MIT
** repeat.c - see repeat.h.
*/
#include "repeat.h"

void ogl_repeat_learn(struct ogl_repeat *r, struct ogl_span data, struct ogl_span text) {
  size_t head = (size_t)(text.p - data.p), tail = data.n - head - text.n;
  r->head_n = 0;
  if (head > OGL_REPEAT_HEAD || tail > OGL_REPEAT_TAIL) return;
  memcpy(r->head, data.p, head);
  memcpy(r->tail, text.p + text.n, tail);
  r->head_n = head;
  r->tail_n = tail;
}

int ogl_repeat_match(const struct ogl_repeat *r, struct ogl_span data, struct ogl_json_text *text) {
  struct ogl_json j;
  if (!r->head_n || data.n <= r->head_n + r->tail_n || memcmp(data.p, r->head, r->head_n)) return 0;
  const char *quote = data.p + r->head_n - 1; /* the head ends with the opening quote */
  ogl_json_open(&j, quote, data.n - r->head_n + 1);
  if (ogl_json_string(&j, text) != OGL_OK) return 0;
  if ((size_t)(j.end - j.p) + 1 != r->tail_n) return 0; /* the tail begins with the closing quote */
  return memcmp(j.p - 1, r->tail, r->tail_n) == 0;
}
