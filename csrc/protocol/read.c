/* SPDX-License-Identifier: MIT
** read.c - see read.h.
*/
#include "read.h"

void ogl_read_usage(struct ogl_json *j, struct ogl_usage *u, int field) {
  struct ogl_number v;
  if (ogl_json_number_or_skip(j, &v)) ogl_usage_set(u, field, v.d);
}

void ogl_read_cost(struct ogl_json *j, struct ogl_usage *u) {
  struct ogl_span key;
  if (ogl_json_peek(j) != '{') {
    ogl_read_usage(j, u, OGL_USAGE_COST);
    return;
  }
  ogl_json_enter(j, '{');
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "total_cost")) ogl_read_usage(j, u, OGL_USAGE_COST);
    else ogl_json_skip(j, NULL);
  }
}

static int keep_first(struct ogl_buf *b, struct ogl_json_text text, struct ogl_queue *out, int *changed) {
  if (OGL_LIKELY(b->n) || text.raw.n == 0) return 0;
  struct ogl_span s = ogl_queue_text(out, text);
  *changed = 1;
  return ogl_buf_append(b, s.p, s.n);
}

int ogl_read_start(struct ogl_buf *id, struct ogl_json_text sent_id, struct ogl_buf *model,
                   struct ogl_json_text sent_model, struct ogl_queue *out) {
  int changed = 0;
  int err = keep_first(id, sent_id, out, &changed);
  if (!err) err = keep_first(model, sent_model, out, &changed);
  if (err || OGL_LIKELY(!changed)) return err;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_START, 0, 0);
  if (e) e->a = ogl_buf_span(id), e->b = ogl_buf_span(model);
  return 0;
}
