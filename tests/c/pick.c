/* SPDX-License-Identifier: MIT
** pick.c - see pick.h.
*/
#include "pick.h"

#include <stdlib.h>

static const struct ogl_span none = { "", 0 };

struct ogl_span pick(struct ogl_span object, const char *key) {
  struct ogl_json j;
  struct ogl_span name, raw;
  ogl_json_open(&j, object.p, object.n);
  if (ogl_json_enter(&j, '{') != OGL_OK) return none;
  while (ogl_json_key(&j, &name) > 0 && ogl_json_skip(&j, &raw) > 0)
    if (ogl_span_equal(name, key, strlen(key))) return raw;
  return none;
}

int64_t pick_integer(struct ogl_span object, const char *key, int64_t otherwise) {
  struct ogl_span raw = pick(object, key);
  struct ogl_number v;
  return raw.n && ogl_number_read(raw.p, raw.p + raw.n, &v) && v.is_integer ? v.i : otherwise;
}

struct ogl_span pick_unescape(struct ogl_buf *b, struct ogl_span raw) {
  struct ogl_json j;
  struct ogl_json_text text;
  int lone = 0;
  ogl_json_open(&j, raw.p, raw.n);
  if (ogl_json_string(&j, &text) != OGL_OK) return none;
  char *room = ogl_buf_room(b, text.raw.n + 1);
  if (!room) abort();
  struct ogl_span s = { room, ogl_json_unescape(text, room, &lone) };
  ogl_buf_grew(b, s.n);
  return s;
}

struct ogl_span pick_text(struct ogl_buf *b, struct ogl_span object, const char *key) {
  return pick_unescape(b, pick(object, key));
}

int pick_is_true(struct ogl_span object, const char *key) { return ogl_span_is(pick(object, key), "true"); }

void pick_open(struct ogl_json *j, struct ogl_span array) {
  ogl_json_open(j, array.p, array.n);
  ogl_json_enter(j, '[');
}

int pick_next(struct ogl_json *j, struct ogl_span *item) { return ogl_json_item(j) > 0 && ogl_json_skip(j, item) > 0; }

/* --- equality -------------------------------------------------------------------------------------------------- */

static int same_value(struct ogl_span a, struct ogl_span b);

static int same_strings(struct ogl_span a, struct ogl_span b) {
  struct ogl_buf x, y;
  ogl_buf_init(&x, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&y, OGL_MAX_BODY, OGL_ERR_BODY);
  struct ogl_span s = pick_unescape(&x, a), t = pick_unescape(&y, b);
  int same = ogl_span_equal(s, t.p, t.n);
  ogl_buf_clear(&x);
  ogl_buf_clear(&y);
  return same;
}

static int same_numbers(struct ogl_span a, struct ogl_span b) {
  struct ogl_number x, y;
  ogl_number_read(a.p, a.p + a.n, &x);
  ogl_number_read(b.p, b.p + b.n, &y);
  return x.is_integer && y.is_integer ? x.i == y.i : x.d == y.d;
}

static int same_arrays(struct ogl_span a, struct ogl_span b) {
  struct ogl_json i, j;
  struct ogl_span x, y;
  int more;
  pick_open(&i, a);
  pick_open(&j, b);
  while ((more = pick_next(&i, &x)) == pick_next(&j, &y))
    if (!more || !same_value(x, y)) return !more;
  return 0;
}

/* The value of the member whose name is the same string as `name` (without its quotes). */
static struct ogl_span named_alike(struct ogl_span object, struct ogl_span name) {
  struct ogl_json j;
  struct ogl_span other, raw, quoted = { name.p - 1, name.n + 2 };
  ogl_json_open(&j, object.p, object.n);
  ogl_json_enter(&j, '{');
  while (ogl_json_key(&j, &other) > 0 && ogl_json_skip(&j, &raw) > 0) {
    struct ogl_span with_quotes = { other.p - 1, other.n + 2 };
    if (same_strings(quoted, with_quotes)) return raw;
  }
  return none;
}

/* Every member of a is in b; their number goes to *n. */
static int within(struct ogl_span a, struct ogl_span b, int *n) {
  struct ogl_json j;
  struct ogl_span name, raw;
  ogl_json_open(&j, a.p, a.n);
  ogl_json_enter(&j, '{');
  for (*n = 0; ogl_json_key(&j, &name) > 0 && ogl_json_skip(&j, &raw) > 0; ++*n) {
    struct ogl_span other = named_alike(b, name);
    if (!other.n || !same_value(raw, other)) return 0;
  }
  return 1;
}

static int same_value(struct ogl_span a, struct ogl_span b) {
  struct ogl_json i, j;
  int n, m;
  ogl_json_open(&i, a.p, a.n);
  ogl_json_open(&j, b.p, b.n);
  int kind = ogl_json_peek(&i);
  if (kind != ogl_json_peek(&j)) return 0;
  ogl_json_skip(&i, &a); /* without the blanks around them */
  ogl_json_skip(&j, &b);
  if (kind == '{') return within(a, b, &n) && within(b, a, &m) && n == m;
  if (kind == '[') return same_arrays(a, b);
  if (kind == '"') return same_strings(a, b);
  return kind == '0' ? same_numbers(a, b) : 1;
}

int pick_same(struct ogl_span a, struct ogl_span b) {
  if (ogl_json_check(a.p, a.n) == OGL_OK && ogl_json_check(b.p, b.n) == OGL_OK) return same_value(a, b);
  return ogl_span_equal(a, b.p, b.n);
}
