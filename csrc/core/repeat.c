/* SPDX-License-Identifier: MIT
** repeat.c - see repeat.h.
*/
#include "repeat.h"

/* Keeps the bytes from `from` up to `to`; 0 where there are more than `room`. */
static int keep(char *place, size_t *n, size_t room, const char *from, const char *to) {
  *n = (size_t)(to - from);
  if (*n > room) return 0;
  memcpy(place, from, *n);
  return 1;
}

/* Takes the blanks out of a tail of brackets; 0 where it holds anything else. */
static int loosen(char *tail, size_t *n) {
  size_t k = 1; /* behind the quote */
  for (size_t i = 1; i < *n; i++)
    if (!memchr("}] ", tail[i], 3)) return 0;
  for (size_t i = 1; i < *n; i++)
    if (tail[i] != ' ') tail[k++] = tail[i];
  *n = k;
  return 1;
}

void ogl_repeat_learn(struct ogl_repeat *r, struct ogl_span data, struct ogl_span text, struct ogl_span idle) {
  const char *behind = text.p + text.n, *end = data.p + data.n;
  int two = idle.n && idle.p > behind;
  r->mid_n = 0;
  if (!keep(r->head, &r->head_n, sizeof r->head, data.p, text.p) ||
      (two && !keep(r->mid, &r->mid_n, sizeof r->mid, behind, idle.p)) ||
      !keep(r->tail, &r->tail_n, sizeof r->tail, two ? idle.p + idle.n : behind, end))
    ogl_repeat_forget(r);
  else r->loose = loosen(r->tail, &r->tail_n);
}

/* Takes the string whose opening quote is the byte before the reader's place. */
static int take_string(struct ogl_json *j, struct ogl_json_text *text) {
  j->p--;
  return ogl_json_string(j, text) == OGL_OK;
}

/* Takes the remembered bytes, of which the closing quote just before the reader's place is the first. */
static int take_bytes(struct ogl_json *j, const char *bytes, size_t n) {
  const char *from = j->p - 1;
  if ((size_t)(j->end - from) < n || memcmp(from, bytes, n)) return 0;
  j->p = from + n;
  return 1;
}

/* Likewise for a loose tail, which ends the frame. */
static int take_brackets(struct ogl_json *j, const char *tail, size_t n) {
  for (size_t i = 1; i < n; i++, j->p++) {
    while (j->p < j->end && *j->p == ' ') j->p++;
    if (j->p == j->end || *j->p != tail[i]) return 0;
  }
  while (j->p < j->end && *j->p == ' ') j->p++;
  return 1;
}

int ogl_repeat_match(const struct ogl_repeat *r, struct ogl_span data, struct ogl_json_text *text) {
  struct ogl_json j;
  struct ogl_json_text idle;
  if (!r->head_n || data.n <= r->head_n + r->mid_n + r->tail_n || memcmp(data.p, r->head, r->head_n)) return 0;
  ogl_json_open(&j, data.p, data.n);
  j.p += r->head_n;
  if (!take_string(&j, text) || text->raw.n == 0) return 0;
  if (r->mid_n && (!take_bytes(&j, r->mid, r->mid_n) || !take_string(&j, &idle))) return 0;
  return (r->loose ? take_brackets(&j, r->tail, r->tail_n) : take_bytes(&j, r->tail, r->tail_n)) && j.p == j.end;
}
