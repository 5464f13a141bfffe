/* SPDX-License-Identifier: MIT
** text.c - see text.h.
*/
#include "text.h"

#include "../core/utf8.h"

void ogl_llama_text_init(struct ogl_llama_text *t) {
  memset(t, 0, sizeof *t);
  ogl_buf_init(&t->held, OGL_LLAMA_MAX_HELD, OGL_ERR_MEMORY);
  ogl_buf_init(&t->stops, OGL_LLAMA_MAX_STOPS * OGL_LLAMA_MAX_STOP, OGL_ERR_PARTS);
}

void ogl_llama_text_clear(struct ogl_llama_text *t) {
  ogl_buf_clear(&t->held);
  ogl_buf_clear(&t->stops);
  t->n_stops = 0;
}

int ogl_llama_text_stop(struct ogl_llama_text *t, const char *p, size_t n) {
  if (!n || n > OGL_LLAMA_MAX_STOP || t->n_stops == OGL_LLAMA_MAX_STOPS) return OGL_ERR_PARTS;
  if (ogl_buf_append(&t->stops, p, n)) return t->stops.err;
  t->ends[t->n_stops++] = t->stops.n;
  return 0;
}

static struct ogl_span stop_of(const struct ogl_llama_text *t, size_t i) {
  size_t from = i ? t->ends[i - 1] : 0;
  struct ogl_span s = { ogl_buf_bytes(&t->stops) + from, t->ends[i] - from };
  return s;
}

/* The place of `some` in `all`; all.n where it is not. */
static size_t place_of(struct ogl_span some, struct ogl_span all) {
  for (size_t at = 0; at + some.n <= all.n; at++)
    if (!memcmp(all.p + at, some.p, some.n)) return at;
  return all.n;
}

static size_t first_stop(const struct ogl_llama_text *t, struct ogl_span held) {
  size_t first = held.n;
  for (size_t i = 0; i < t->n_stops; i++) {
    size_t at = place_of(stop_of(t, i), held);
    if (at < first) first = at;
  }
  return first;
}

/* How many bytes at the end are the beginning of a stop string. */
static size_t begun_stop(const struct ogl_llama_text *t, struct ogl_span held) {
  size_t longest = 0;
  for (size_t i = 0; i < t->n_stops; i++) {
    struct ogl_span stop = stop_of(t, i);
    for (size_t n = stop.n - 1 < held.n ? stop.n - 1 : held.n; n > longest; n--)
      if (!memcmp(held.p + held.n - n, stop.p, n)) longest = n;
  }
  return longest;
}

/* How many bytes at the end are a character that is not whole yet. */
static size_t begun_character(struct ogl_span held) {
  for (size_t n = 1; n <= 3 && n <= held.n; n++) {
    const char *p = held.p + held.n - n;
    if (((unsigned char)*p & 0xC0) == 0x80) continue;
    int whole = ogl_utf8_valid(p, n) == n;
    return whole || ogl_utf8_begun(p, n) < n ? 0 : n;
  }
  return 0;
}

size_t ogl_llama_text_feed(struct ogl_llama_text *t, const char *p, size_t n) {
  if (ogl_buf_append(&t->held, p, n)) return 0;
  struct ogl_span held = ogl_buf_span(&t->held);
  size_t stop = first_stop(t, held);
  if (stop < held.n) {
    t->stopped = 1;
    return stop;
  }
  size_t keep = begun_stop(t, held), character = begun_character(held);
  return held.n - (keep > character ? keep : character);
}
