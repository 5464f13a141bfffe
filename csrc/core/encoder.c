/* SPDX-License-Identifier: MIT
** encoder.c - see encoder.h.
*/
#include "encoder.h"

#include <string.h>

#include "mem.h"

static int copy(struct ogl_buf *b, struct ogl_span s, size_t max) {
  ogl_buf_init(b, max, OGL_ERR_LINE);
  return s.n ? ogl_buf_append(b, s.p, s.n) : 0;
}

int ogl_encoder_init(struct ogl_encoder *e, const struct ogl_encoding *encoding, int is_whole,
                     const struct ogl_encoder_context *context) {
  memset(e, 0, sizeof *e);
  e->encoding = encoding;
  e->is_whole = is_whole;
  e->context = *context;
  e->now = context->now;
  if (!context->created) e->context.created = context->now / 1000000000;
  ogl_buf_init(&e->out, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_fold_init(&e->fold, context->max_reply ? context->max_reply : OGL_MAX_REPLY);
  if ((e->err = copy(&e->id, context->id, OGL_MAX_LINE)) || (e->err = copy(&e->model, context->model, OGL_MAX_LINE)) ||
      (e->err = copy(&e->echo, context->echo, OGL_MAX_BODY)) ||
      (e->err = copy(&e->remote_model, context->remote_model, OGL_MAX_LINE)) ||
      (e->err = copy(&e->remote_host, context->remote_host, OGL_MAX_LINE)))
    return e->err;
  e->state = ogl_realloc(NULL, encoding->state_size ? encoding->state_size : 1);
  if (!e->state) return e->err = OGL_ERR_MEMORY;
  memset(e->state, 0, encoding->state_size);
  return 0;
}

void ogl_encoder_clear(struct ogl_encoder *e) {
  if (e->state && e->encoding->clear) e->encoding->clear(e->state);
  ogl_free(e->state);
  e->state = NULL;
  ogl_buf_clear(&e->out);
  ogl_buf_clear(&e->id);
  ogl_buf_clear(&e->model);
  ogl_buf_clear(&e->echo);
  ogl_buf_clear(&e->remote_model);
  ogl_buf_clear(&e->remote_host);
  ogl_fold_clear(&e->fold);
  e->err = OGL_ERR_CLOSED;
}

/* Makes the result of a step: OGL_OK, or the first error, which stays. */
static int done(struct ogl_encoder *e, int code) {
  if (code < 0 && !e->err) e->err = code;
  if (e->out.err && !e->err) e->err = e->out.err;
  return e->err ? e->err : OGL_OK;
}

/* Takes the id and the model from the events where the context gave none: the first that come. The id is final once anything is
   written. */
static int settle_names(struct ogl_encoder *e, const struct ogl_event *event) {
  int starts = event->kind == OGL_EVENT_START;
  if (starts && !e->id.n) ogl_buf_append(&e->id, event->a.p, event->a.n);
  if (starts && !e->model.n) ogl_buf_append(&e->model, event->b.p, event->b.n);
  if (!starts && !e->id.n) ogl_buf_text(&e->id, "ogl");
  return e->id.err ? e->id.err : e->model.err;
}

static int put_error(struct ogl_encoder *e, const struct ogl_event *error) {
  e->ended = 1;
  return e->is_whole ? e->encoding->whole_fault(e, error) : e->encoding->fault(e, error);
}

int ogl_encoder_put(struct ogl_encoder *e, const struct ogl_event *event) {
  if (e->err || e->ended) return done(e, 0);
  int code = settle_names(e, event);
  if (code < 0) return done(e, code);
  if (event->kind == OGL_EVENT_ERROR) return done(e, put_error(e, event));
  if (event->kind == OGL_EVENT_USAGE) e->usage = *event->usage;
  if (!e->first && event->kind > OGL_EVENT_START && event->kind < OGL_EVENT_CITATION) e->first = e->now;
  if ((e->is_whole || e->encoding->keeps) && (code = ogl_fold_add(&e->fold, event)) < 0) return done(e, code);
  return done(e, e->is_whole ? 0 : e->encoding->event(e, event));
}

int ogl_encoder_end_frame(struct ogl_encoder *e) {
  if (!e->err && !e->ended && !e->is_whole && e->encoding->end_frame) e->encoding->end_frame(e);
  return done(e, 0);
}

int ogl_encoder_end(struct ogl_encoder *e) {
  if (e->err || e->ended) return done(e, 0);
  if (!e->id.n) ogl_buf_text(&e->id, "ogl");
  e->ended = 1;
  return done(e, e->is_whole ? e->encoding->whole(e) : e->encoding->end(e));
}
