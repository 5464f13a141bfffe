/* SPDX-License-Identifier: MIT
** calls.c - see calls.h.
*/
#include "calls.h"

#include "mem.h"

static void clear_call(struct ogl_call *call) {
  ogl_buf_clear(&call->id);
  ogl_buf_clear(&call->name);
  ogl_buf_clear(&call->arguments);
  ogl_buf_clear(&call->early);
}

void ogl_calls_clear(struct ogl_calls *c) {
  for (size_t i = 0; i < c->n; i++) clear_call(&c->rows[i]);
  ogl_free(c->rows);
  memset(c, 0, sizeof *c);
}

static int grow(struct ogl_calls *c) {
  size_t cap = c->cap ? c->cap * 2 : 4;
  if (cap > OGL_MAX_PARTS) return OGL_ERR_PARTS;
  struct ogl_call *rows = ogl_realloc(c->rows, cap * sizeof *rows);
  if (!rows) return OGL_ERR_MEMORY;
  c->rows = rows;
  c->cap = cap;
  return 0;
}

struct ogl_call *ogl_calls_open(struct ogl_calls *c, int64_t key, int index, int *err) {
  if (c->n == c->cap && (*err = grow(c)) < 0) return NULL;
  struct ogl_call *call = &c->rows[c->n++];
  memset(call, 0, sizeof *call);
  call->key = key;
  call->index = index;
  ogl_buf_init(&call->id, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&call->name, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&call->arguments, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&call->early, OGL_MAX_REPLY, OGL_ERR_REPLY);
  return call;
}

struct ogl_call *ogl_calls_by_key(struct ogl_calls *c, int64_t key) {
  for (size_t i = c->n; i--;)
    if (c->rows[i].key == key) return &c->rows[i];
  return NULL;
}

struct ogl_call *ogl_calls_by_id(struct ogl_calls *c, struct ogl_span id) {
  for (size_t i = c->n; i--;)
    if (id.n && ogl_span_equal(ogl_buf_span(&c->rows[i].id), id.p, id.n)) return &c->rows[i];
  return NULL;
}

static int hold(struct ogl_calls *c, struct ogl_buf *b, struct ogl_span s) {
  if (s.n > OGL_MAX_REPLY - c->size) return OGL_ERR_REPLY;
  c->size += s.n;
  return ogl_buf_append(b, s.p, s.n);
}

static void push_arguments(struct ogl_call *call, struct ogl_span text, int choice, struct ogl_queue *out) {
  struct ogl_event *e = text.n ? ogl_queue_push(out, OGL_EVENT_TOOL_ARGUMENTS, choice, call->index) : NULL;
  if (e) e->a = text;
}

/* The call becomes known: its name, and the arguments that came before it. */
static void announce(struct ogl_call *call, struct ogl_span arguments, int choice, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_TOOL_CALL, choice, call->index);
  if (!e) return;
  call->announced = 1;
  e->a = ogl_buf_span(&call->id);
  e->b = ogl_buf_span(&call->name);
  push_arguments(call, arguments, choice, out);
}

/* The name came after arguments. They are given from a copy: `arguments` may grow, and move, in this very frame. */
static int announce_late(struct ogl_call *call, struct ogl_span fragment, int choice, struct ogl_queue *out) {
  struct ogl_span all = ogl_buf_span(&call->arguments);
  int err = ogl_buf_append(&call->early, all.p, all.n - fragment.n);
  if (err) return err;
  announce(call, ogl_buf_span(&call->early), choice, out);
  push_arguments(call, fragment, choice, out);
  return 0;
}

int ogl_calls_add(struct ogl_calls *c, struct ogl_call *call, struct ogl_span id, struct ogl_span name,
                  struct ogl_span arguments, int choice, struct ogl_queue *out) {
  int err = 0;
  if (!call->id.n) err = hold(c, &call->id, id);
  if (!call->name.n && !err) err = hold(c, &call->name, name);
  if (!err) err = hold(c, &call->arguments, arguments);
  if (err) return err;
  if (call->announced) push_arguments(call, arguments, choice, out);
  else if (call->name.n) return announce_late(call, arguments, choice, out);
  return 0;
}

void ogl_calls_end_one(struct ogl_call *call, int choice, struct ogl_queue *out) {
  if (call->ended) return;
  call->ended = 1;
  if (!call->announced) announce(call, ogl_buf_span(&call->arguments), choice, out);
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_TOOL_CALL_END, choice, call->index);
  if (!e) return;
  e->a = ogl_buf_span(&call->id);
  e->b = ogl_buf_span(&call->name);
  e->c = ogl_buf_span(&call->arguments);
  if (!e->c.n) e->c.p = "{}", e->c.n = 2;
}

void ogl_calls_end(struct ogl_calls *c, int choice, struct ogl_queue *out) {
  for (size_t i = 0; i < c->n; i++) ogl_calls_end_one(&c->rows[i], choice, out);
}
