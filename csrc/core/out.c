/* SPDX-License-Identifier: MIT
** out.c - see out.h.
*/
#include "out.h"

#include <float.h>

#include "json.h"

/* Within the bounds; 0 where it is no number. */
static double bounded(double v, double most) { return v > most ? most : v < -most ? -most : v == v ? v : 0; }

void ogl_out_count(struct ogl_encoder *e, double v) { ogl_out_integer(e, (int64_t)bounded(v, 9007199254740992.0)); }

void ogl_out_amount(struct ogl_encoder *e, double v) { ogl_json_write_number(&e->out, bounded(v, DBL_MAX)); }

/* Outside of strings, where they are escaped, line ends are blanks. */
static void append_line(struct ogl_buf *b, struct ogl_span json) {
  if (ogl_buf_append(b, json.p, json.n)) return;
  char *p = ogl_buf_bytes(b) + b->n - json.n;
  for (size_t i = 0; i < json.n; i++) p[i] = p[i] == '\n' || p[i] == '\r' ? ' ' : p[i];
}

void ogl_out_json(struct ogl_encoder *e, struct ogl_span json) {
  if (e->is_whole) ogl_out_span(e, json);
  else if (json.n) append_line(&e->out, json);
}

void ogl_out_arguments(struct ogl_buf *b, struct ogl_span arguments) {
  struct ogl_json j;
  ogl_json_open(&j, arguments.p, arguments.n);
  if (ogl_json_peek(&j) == '{' && ogl_json_check(arguments.p, arguments.n) == OGL_OK) {
    append_line(b, arguments);
  } else if (!arguments.n) {
    ogl_buf_text(b, "{}");
  } else {
    ogl_buf_text(b, "{\"input\":");
    ogl_json_write_string(b, arguments.p, arguments.n);
    ogl_buf_text(b, "}");
  }
}

/* The elements of one list. */
static size_t put_elements(struct ogl_encoder *e, struct ogl_json *j, size_t n) {
  struct ogl_span item;
  if (!ogl_json_enter_or_skip(j, '[')) return n;
  while (ogl_json_item(j) > 0 && ogl_json_skip(j, &item) > 0) {
    ogl_out_text(e, n++ ? "," : "[");
    ogl_out_json(e, item);
  }
  return n;
}

size_t ogl_out_logprobs(struct ogl_encoder *e, struct ogl_span pieces, const char *name) {
  const char *end = pieces.p + pieces.n;
  struct ogl_json j;
  struct ogl_span piece, key;
  size_t n = 0;
  for (const char *p = pieces.p; p < end; p = piece.p + piece.n + 1) {
    ogl_json_open(&j, p, (size_t)(end - p));
    if (ogl_json_skip(&j, &piece) < 0) break;
    ogl_json_open(&j, piece.p, piece.n);
    if (!ogl_json_enter_or_skip(&j, '{')) continue;
    while (ogl_json_key(&j, &key) > 0) {
      if (ogl_span_equal(key, name, strlen(name))) n = put_elements(e, &j, n);
      else ogl_json_skip(&j, NULL);
    }
  }
  if (n) ogl_out_text(e, "]");
  return n;
}
