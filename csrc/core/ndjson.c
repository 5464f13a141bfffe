/* SPDX-License-Identifier: MIT
** ndjson.c - see ndjson.h.
*/
#include "ndjson.h"

#include <string.h>

void ogl_ndjson_init(struct ogl_ndjson *s) {
  memset(s, 0, sizeof *s);
  ogl_buf_init(&s->in, OGL_MAX_INPUT, OGL_ERR_FRAME);
}

void ogl_ndjson_clear(struct ogl_ndjson *s) { ogl_buf_clear(&s->in); }

int ogl_ndjson_feed(struct ogl_ndjson *s, const char *p, size_t n) {
  if (s->err) return s->err;
  s->err = ogl_buf_refill(&s->in, s->pos, p, n);
  s->pos = 0;
  return s->err ? s->err : OGL_OK;
}

void ogl_ndjson_finish(struct ogl_ndjson *s) { s->finished = 1; }

static struct ogl_span trim(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) p++;
  while (p < end && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
  struct ogl_span s = { p, (size_t)(end - p) };
  return s;
}

int ogl_ndjson_next(struct ogl_ndjson *s, struct ogl_frame *frame) {
  if (s->err) return s->err;
  for (;;) {
    const char *base = ogl_buf_span(&s->in).p, *end = base + s->in.n, *from = base + s->pos;
    size_t left = (size_t)(end - from);
    const char *eol = left > s->scanned ? memchr(from + s->scanned, '\n', left - s->scanned) : NULL;
    if ((eol ? (size_t)(eol - from) : left) > OGL_MAX_LINE) return s->err = OGL_ERR_LINE;
    s->scanned = eol ? 0 : left;
    if (!eol && (!s->finished || left == 0)) return OGL_MORE;
    s->pos += (eol ? (size_t)(eol - from) + 1 : left);
    s->scanned = 0;
    if (!s->started && left >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0) from += 3;
    s->started = 1;
    struct ogl_span line = trim(from, eol ? eol : end);
    if (line.n == 0) continue;
    memset(frame, 0, sizeof *frame);
    frame->kind = OGL_FRAME_EVENT;
    frame->event.p = "";
    frame->data = line;
    return OGL_OK;
  }
}
