/* SPDX-License-Identifier: MIT
** json_array.c - see json_array.h. Between two elements `pass_over` finds the next one's first byte; inside one `scan` finds
** its last, and goes on where it stopped when more input comes.
*/
#include "json_array.h"

#include <string.h>

#include "scan.h"

void ogl_json_array_init(struct ogl_json_array *s) {
  memset(s, 0, sizeof *s);
  ogl_buf_init(&s->in, OGL_MAX_INPUT, OGL_ERR_FRAME);
}

void ogl_json_array_clear(struct ogl_json_array *s) { ogl_buf_clear(&s->in); }

int ogl_json_array_feed(struct ogl_json_array *s, const char *p, size_t n) {
  if (s->err) return s->err;
  s->err = ogl_buf_refill(&s->in, s->pos, p, n);
  s->pos = 0;
  return s->err ? s->err : OGL_OK;
}

void ogl_json_array_finish(struct ogl_json_array *s) { s->finished = 1; }

static int is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/* What may stand between two elements: blanks, commas, closing brackets, and before the first one a byte order mark and the
   array's own bracket. */
static int is_between(struct ogl_json_array *s, char c) {
  if (is_blank(c) || c == ',' || c == ']') return 1;
  if (s->opened) return 0;
  s->opened = c == '[';
  return s->opened || memchr("\xef\xbb\xbf", c, 3) != NULL;
}

/* Moves on to the first byte of the next element; 0 where it has not come. */
static int pass_over(struct ogl_json_array *s) {
  const char *p = ogl_buf_span(&s->in).p;
  while (s->pos < s->in.n && is_between(s, p[s->pos])) s->pos++;
  if (s->pos == s->in.n) return 0;
  s->inside = 1;
  s->scanned = 0;
  s->nest = s->string = s->escape = 0;
  return 1;
}

/* Passes one byte inside a string, or the quote that ends it; gives the byte behind. */
static const char *in_string(struct ogl_json_array *s, const char *p, const char *end) {
  if (s->escape) return s->escape = 0, p + 1;
  p = ogl_scan_string(p, end);
  if (p == end) return p;
  s->string = *p != '"';
  s->escape = *p == '\\';
  return p + 1;
}

/* Gives the byte behind the element, looking from p on; NULL where its end has not come. */
static const char *scan(struct ogl_json_array *s, const char *p, const char *end) {
  while (p < end) {
    if (s->string) {
      p = in_string(s, p, end);
      continue;
    }
    switch (*p) {
      case '"': s->string = 1; break;
      case '{':
      case '[': s->nest++; break;
      case ',':
        if (!s->nest) return p;
        break;
      case ']':
        if (!s->nest) return p; /* the array's own */
        /* fallthrough */
      case '}':
        if (--s->nest <= 0) return p + 1;
        break;
      default: break;
    }
    p++;
  }
  return NULL;
}

int ogl_json_array_next(struct ogl_json_array *s, struct ogl_frame *frame) {
  if (s->err) return s->err;
  if (!s->inside && !pass_over(s)) return OGL_MORE;
  const char *from = ogl_buf_span(&s->in).p + s->pos, *end = ogl_buf_span(&s->in).p + s->in.n;
  const char *behind = scan(s, from + s->scanned, end);
  s->scanned = (size_t)((behind ? behind : end) - from);
  if (s->scanned > OGL_MAX_FRAME) return s->err = OGL_ERR_FRAME;
  if (!behind && !s->finished) return OGL_MORE;
  memset(frame, 0, sizeof *frame);
  frame->kind = OGL_FRAME_EVENT;
  frame->event.p = "";
  frame->data.p = from;
  frame->data.n = s->scanned;
  s->pos += s->scanned;
  s->inside = 0;
  return OGL_OK;
}
