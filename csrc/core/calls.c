/* SPDX-License-Identifier: MIT
** calls.c - see calls.h.
*/
#include "calls.h"

#include "rows.h"

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

struct ogl_call *ogl_calls_open(struct ogl_calls *c, int64_t key, int index, int *err) {
  void *rows = ogl_rows_grown(c->rows, c->n + 1, &c->cap, sizeof *c->rows, OGL_MAX_PARTS, err);
  if (!rows) return NULL;
  c->rows = rows;
  struct ogl_call *call = &c->rows[c->n++];
  memset(call, 0, sizeof *call);
  call->key = key;
  call->also = -1;
  call->index = index;
  ogl_buf_init(&call->id, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&call->name, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&call->arguments, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&call->early, OGL_MAX_REPLY, OGL_ERR_REPLY);
  return call;
}

struct ogl_call *ogl_calls_by_key(struct ogl_calls *c, int64_t key) {
  for (size_t i = c->n; i--;)
    if (c->rows[i].key == key || (key >= 0 && c->rows[i].also == key)) return &c->rows[i];
  return NULL;
}

struct ogl_call *ogl_calls_by_id(struct ogl_calls *c, struct ogl_span id) {
  for (size_t i = c->n; i--;)
    if (id.n && ogl_span_equal(ogl_buf_span(&c->rows[i].id), id.p, id.n)) return &c->rows[i];
  return NULL;
}

/* Follows the nesting of brackets through the bytes that no earlier call has looked at. */
static void look(struct ogl_call_look *l, struct ogl_span s) {
  for (; l->at < s.n; l->at++) {
    char c = s.p[l->at];
    int blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (l->closed && !blank) l->closed = -1;
    if (l->escape) l->escape = 0;
    else if (l->in_string) l->escape = c == '\\', l->in_string = c != '"';
    else if (c == '"') l->in_string = 1;
    else if (c == '{' || (c == '[' && l->depth)) l->depth++;
    else if ((c == '}' || c == ']') && --l->depth == 0 && !l->closed)
      l->closed = ogl_json_check(s.p, l->at + 1) == OGL_OK ? 1 : -1;
    if (!l->depth && !l->closed && !blank) l->closed = -1; /* no object */
  }
}

int ogl_calls_is_complete(struct ogl_call *call) {
  look(&call->look, ogl_buf_span(&call->arguments));
  return call->look.closed == 1;
}

static int hold(struct ogl_calls *c, struct ogl_buf *b, struct ogl_span s) {
  if (s.n > OGL_MAX_REPLY - c->size) return OGL_ERR_REPLY;
  c->size += s.n;
  return ogl_buf_append(b, s.p, s.n);
}

static void push_arguments(const struct ogl_call *call, struct ogl_span text, int choice, struct ogl_queue *out) {
  struct ogl_event *e = text.n ? ogl_queue_push(out, OGL_EVENT_TOOL_ARGUMENTS, choice, call->index) : NULL;
  if (e) e->a = text;
}

/* The call becomes known: its name. */
static void announce(struct ogl_call *call, int choice, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_TOOL_CALL, choice, call->index);
  if (!e) return;
  call->announced = 1;
  e->a = ogl_buf_span(&call->id);
  e->b = ogl_buf_span(&call->name);
}

/* Whether the arguments so far are the beginning of `null`, or all of it. */
static int may_be_null(struct ogl_span s) { return s.n <= 4 && memcmp(s.p, "null", s.n) == 0; }

/* Pushes the arguments that have not gone out; the fragment at hand is their end. Those that waited before it are copied first, for
   `arguments` may grow, and move, in this very frame. */
static int give(struct ogl_call *call, struct ogl_span fragment, int choice, struct ogl_queue *out) {
  struct ogl_span all = ogl_buf_span(&call->arguments);
  size_t waiting = all.n - fragment.n - call->given;
  if (!call->announced) announce(call, choice, out);
  if (OGL_UNLIKELY(may_be_null(all))) return 0;
  if (OGL_UNLIKELY(waiting)) {
    int err = ogl_buf_append(&call->early, all.p + call->given, waiting);
    if (err) return err;
    push_arguments(call, ogl_buf_span(&call->early), choice, out);
  }
  push_arguments(call, fragment, choice, out);
  call->given = all.n;
  return 0;
}

int ogl_calls_add(struct ogl_calls *c, struct ogl_call *call, struct ogl_span id, struct ogl_span name,
                  struct ogl_json_text arguments, int choice, struct ogl_queue *out) {
  int err = 0;
  struct ogl_span piece = ogl_queue_piece(out, arguments, &call->half);
  if (!call->id.n) err = hold(c, &call->id, id);
  if (!call->name.n && !err) err = hold(c, &call->name, name);
  if (!err) err = hold(c, &call->arguments, piece);
  if (err) return err;
  return call->announced || call->name.n ? give(call, piece, choice, out) : 0;
}

/* The arguments at the end; blanks alone or `null` count as no arguments. */
static struct ogl_span settled(const struct ogl_call *call) {
  static const struct ogl_span none = { "{}", 2 };
  struct ogl_span all = ogl_buf_span(&call->arguments), s = all;
  while (s.n && strchr(" \n\r\t", *s.p) && *s.p) s.p++, s.n--;
  while (s.n && strchr(" \n\r\t", s.p[s.n - 1]) && s.p[s.n - 1]) s.n--;
  return !s.n || ogl_span_is(s, "null") ? none : all;
}

void ogl_calls_end_one(struct ogl_call *call, int choice, struct ogl_queue *out) {
  if (call->ended) return;
  call->ended = 1;
  if (!call->announced) announce(call, choice, out);
  struct ogl_span rest = ogl_queue_half(out, &call->half);
  if (rest.n && ogl_buf_append(&call->arguments, rest.p, rest.n) < 0) out->err = call->arguments.err;
  struct ogl_span all = ogl_buf_span(&call->arguments), last = settled(call),
                  late = { all.p + call->given, all.n - call->given };
  if (last.p == all.p) push_arguments(call, late, choice, out);
  call->given = all.n;
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_TOOL_CALL_END, choice, call->index);
  if (!e) return;
  e->a = ogl_buf_span(&call->id);
  e->b = ogl_buf_span(&call->name);
  e->c = last;
}

void ogl_calls_end(struct ogl_calls *c, int choice, struct ogl_queue *out) {
  for (size_t i = 0; i < c->n; i++) ogl_calls_end_one(&c->rows[i], choice, out);
}
