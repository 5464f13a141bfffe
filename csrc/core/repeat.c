/* SPDX-License-Identifier: MIT
** repeat.c - see repeat.h.
*/
#include "repeat.h"

#include "mem.h"

/* Sorts the holes that there are by their places; how many. */
static int sort(struct ogl_hole *holes, int n) {
  int kept = 0;
  for (int i = 0; i < n; i++) {
    struct ogl_hole hole = holes[i];
    int at = kept;
    if (!hole.raw.p) continue;
    for (; at && holes[at - 1].raw.p > hole.raw.p; at--) holes[at] = holes[at - 1];
    holes[at] = hole;
    kept++;
  }
  return kept;
}

/* Keeps the bytes from `from` up to `to` as the next part. */
static void keep(struct ogl_repeat *r, int part, const char *from, const char *to) {
  size_t n = (size_t)(to - from);
  memcpy(r->bytes + r->total, from, n);
  r->sizes[part] = n;
  r->total += n;
}

/* Room for all parts of a frame; 0 where they are too long, or there is no memory: then nothing is learnt. */
static int make_room(struct ogl_repeat *r, struct ogl_span data, const struct ogl_hole *holes, int n) {
  size_t size = data.n;
  for (int i = 0; i < n; i++) size -= holes[i].raw.n;
  if (size > OGL_REPEAT_BYTES) return 0;
  char *bytes = ogl_realloc(r->bytes, size + 1);
  if (bytes) r->bytes = bytes;
  return bytes != NULL;
}

/* Takes the blanks out of a tail of brackets; 0 where it holds anything else. */
static int loosen(char *tail, size_t *n) {
  size_t k = 1; /* behind the quote */
  if (!*n || *tail != '"') return 0;
  for (size_t i = 1; i < *n; i++)
    if (!memchr("}] ", tail[i], 3)) return 0;
  for (size_t i = 1; i < *n; i++)
    if (tail[i] != ' ') tail[k++] = tail[i];
  *n = k;
  return 1;
}

void ogl_repeat_learn(struct ogl_repeat *r, struct ogl_span data, struct ogl_hole *holes, int n) {
  const char *from = data.p;
  n = sort(holes, n);
  r->n = 0;
  r->total = 0;
  if (!make_room(r, data, holes, n)) return;
  for (int i = 0; i < n; i++) {
    keep(r, i, from, holes[i].raw.p);
    r->kinds[i] = holes[i].kind;
    from = holes[i].raw.p + holes[i].raw.n;
  }
  keep(r, n, from, data.p + data.n);
  size_t last = r->sizes[n];
  r->loose = loosen(r->bytes + r->total - last, &r->sizes[n]);
  r->total -= last - r->sizes[n];
  r->n = n;
}

void ogl_repeat_clear(struct ogl_repeat *r) {
  ogl_free(r->bytes);
  r->bytes = NULL;
  r->n = 0;
}

/* Takes the string whose opening quote is the byte before the reader's place; its closing quote stays. */
static int take_string(struct ogl_json *j, struct ogl_json_text *text) {
  j->p--;
  if (ogl_json_string(j, text) != OGL_OK) return 0;
  j->p--;
  return 1;
}

/* Takes an integer as JSON writes it, with up to 15 digits. */
static int take_number(struct ogl_json *j, int64_t *number) {
  const char *from = j->p;
  int64_t v = 0;
  while (j->p < j->end && *j->p >= '0' && *j->p <= '9' && j->p - from < 15) v = v * 10 + (*j->p++ - '0');
  *number = v;
  return j->p > from && (*from != '0' || j->p == from + 1);
}

static int take_hole(struct ogl_json *j, int kind, struct ogl_repeated *found) {
  struct ogl_json_text idle;
  if (kind == OGL_HOLE_TEXT) return take_string(j, &found->text) && found->text.raw.n;
  if (kind == OGL_HOLE_IDLE) return take_string(j, &idle);
  return take_number(j, &found->numbers[kind - OGL_HOLE_NUMBER]);
}

static int take_part(struct ogl_json *j, const char *bytes, size_t n) {
  if ((size_t)(j->end - j->p) < n || memcmp(j->p, bytes, n)) return 0;
  j->p += n;
  return 1;
}

/* Likewise for a loose tail, which ends the frame. */
static int take_brackets(struct ogl_json *j, const char *tail, size_t n) {
  if (j->p == j->end || *j->p++ != '"') return 0;
  for (size_t i = 1; i < n; i++, j->p++) {
    while (j->p < j->end && *j->p == ' ') j->p++;
    if (j->p == j->end || *j->p != tail[i]) return 0;
  }
  while (j->p < j->end && *j->p == ' ') j->p++;
  return 1;
}

int ogl_repeat_match(const struct ogl_repeat *r, struct ogl_span data, struct ogl_repeated *found) {
  struct ogl_json j;
  const char *part = r->bytes;
  if (!r->n || data.n <= r->total) return 0;
  ogl_json_open(&j, data.p, data.n);
  for (int i = 0; i < r->n; i++) {
    if (!take_part(&j, part, r->sizes[i]) || !take_hole(&j, r->kinds[i], found)) return 0;
    part += r->sizes[i];
  }
  size_t last = r->sizes[r->n];
  return (r->loose ? take_brackets(&j, part, last) : take_part(&j, part, last)) && j.p == j.end;
}
