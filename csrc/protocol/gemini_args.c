/* SPDX-License-Identifier: MIT
** gemini_args.c - the arguments of a function call that come member by member:
**
**   {"jsonPath": "$.steps[0].text", "stringValue": "Pre", "willContinue": true}
**   {"jsonPath": "$.steps[0].text", "stringValue": "heat"}
**   {"jsonPath": "$.price", "numberValue": 0.5}
**
** They may come in any order, so that the JSON text exists only once the last one has come. The tree is written without
** recursion, its depth is that of the longest path (OGL_MAX_DEPTH). The interface is in gemini_state.h.
*/
#include "../core/json_write.h"
#include "../core/rows.h"
#include "gemini_state.h"

enum {
  MOST_ROWS = 16384,
  MOST_PLACES = OGL_MAX_PARTS
}; /* values of one call; an index on the wire is not an address */

void ogl_gemini_args_clear(struct gemini_args *a) {
  for (size_t i = 0; i < a->n; i++) {
    ogl_buf_clear(&a->rows[i].name);
    ogl_buf_clear(&a->rows[i].value);
  }
  ogl_free(a->rows);
  memset(a, 0, sizeof *a);
}

/* --- the tree ------------------------------------------------------------------------------------------------- */

/* One step of a path: a member's name, or a place in a list (name.n = 0, place >= 0). */
struct step {
  struct ogl_span name;
  int64_t place; /* -1: a name */
};

static int hold(struct gemini_args *a, struct ogl_buf *b, struct ogl_span s) {
  if (s.n > OGL_MAX_REPLY - a->size) return OGL_ERR_REPLY;
  a->size += s.n;
  return ogl_buf_append(b, s.p, s.n);
}

/* A new row; its number, or the error. */
static int add_row(struct gemini_args *a) {
  int err = 0;
  void *rows = ogl_rows_grown(a->rows, a->n + 1, &a->cap, sizeof *a->rows, MOST_ROWS, &err);
  if (!rows) return err;
  a->rows = rows;
  struct gemini_arg *row = &a->rows[a->n];
  memset(row, 0, sizeof *row);
  ogl_buf_init(&row->name, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&row->value, OGL_MAX_REPLY, OGL_ERR_REPLY);
  return (int)a->n++;
}

static int is_row(const struct gemini_arg *row, const struct step *step) {
  if (step->place >= 0) return row->place == step->place;
  return ogl_span_equal(ogl_buf_span(&row->name), step->name.p, step->name.n);
}

/* Links the row behind `before` (0: as the first) under its parent. */
static void link_row(struct gemini_args *a, int parent, int before, int row) {
  struct gemini_arg *p = &a->rows[parent];
  a->rows[row].next = before ? a->rows[before].next : p->first;
  if (before) a->rows[before].next = row;
  else p->first = row;
  if (!a->rows[row].next) p->last = row;
}

/* The child that the step names, made where it is not there; its number, or the error. The last one is looked at first: paths
   come in the order of the text, nearly always. */
static int child(struct gemini_args *a, int parent, const struct step *step) {
  struct gemini_arg *p = &a->rows[parent];
  int list = step->place >= 0, before = p->last;
  if (!p->first) p->is_list = list;
  if (p->is_list != list) return 0; /* a list has no members: the path makes no sense */
  if (before && is_row(&a->rows[before], step)) return before;
  if (before && (!list || a->rows[before].place > step->place)) {
    before = 0;
    for (int i = p->first; i; i = a->rows[i].next) {
      if (is_row(&a->rows[i], step)) return i;
      if (list && a->rows[i].place > step->place) break;
      before = i;
    }
  }
  int row = add_row(a);
  if (row < 0) return row;
  int err = hold(a, &a->rows[row].name, step->name);
  a->rows[row].place = step->place;
  link_row(a, parent, before, row);
  return err ? err : row;
}

/* --- paths ---------------------------------------------------------------------------------------------------- */

/* ['name'] or ["name"]; p stands behind the quote. The byte behind the bracket, or NULL. */
static const char *quoted_step(const char *p, const char *end, struct step *step) {
  const char *close = memchr(p, p[-1], (size_t)(end - p));
  if (!close || end - close < 2 || close[1] != ']') return NULL;
  step->name.p = p;
  step->name.n = (size_t)(close - p);
  return close + 2;
}

/* [12]; p stands behind the bracket. */
static const char *place_step(const char *p, const char *end, struct step *step) {
  step->place = 0;
  for (; p < end && *p >= '0' && *p <= '9' && step->place < MOST_PLACES; p++)
    step->place = step->place * 10 + (*p - '0');
  return p < end && *p == ']' && p[-1] != '[' && step->place < MOST_PLACES ? p + 1 : NULL;
}

/* The next step of a path; the byte behind it, or NULL where it cannot be read. */
static const char *next_step(const char *p, const char *end, struct step *step) {
  step->place = -1;
  step->name.p = "", step->name.n = 0;
  if (*p == '[') {
    if (++p == end) return NULL;
    return *p == '\'' || *p == '"' ? quoted_step(p + 1, end, step) : place_step(p, end, step);
  }
  if (*p++ != '.') return NULL;
  step->name.p = p;
  while (p < end && *p != '.' && *p != '[') p++;
  step->name.n = (size_t)(p - step->name.p);
  return step->name.n ? p : NULL;
}

/* Whether all of the path can be read: half of one adds nothing. */
static int readable(struct ogl_span path) {
  const char *p = path.p, *end = path.p + path.n;
  struct step step;
  int depth = 0;
  if (p == end || *p++ != '$') return 0;
  while (p && p < end) p = ++depth < OGL_MAX_DEPTH ? next_step(p, end, &step) : NULL;
  return p != NULL;
}

/* The row that the path leads to: its number, 0 where it leads nowhere, or the error. */
static int find(struct gemini_args *a, struct ogl_span path) {
  const char *p = path.p + 1, *end = path.p + path.n;
  struct step step;
  int row = 0;
  if (!readable(path) || (!a->n && (row = add_row(a)) < 0)) return row;
  while (p < end) {
    p = next_step(p, end, &step);
    row = child(a, row, &step);
    if (row <= 0) return row;
  }
  return row;
}

/* --- values --------------------------------------------------------------------------------------------------- */

/* One element of partialArgs. */
struct piece {
  struct ogl_span path, value; /* value: raw JSON of anything but a string */
  struct ogl_json_text text;
  int is_text;
};

static void read_piece(struct ogl_span json, struct piece *piece, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_json_text text;
  struct ogl_span key;
  memset(piece, 0, sizeof *piece);
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "jsonPath")) {
      if (ogl_json_string_or_skip(&j, &text)) piece->path = ogl_queue_text(out, text);
    } else if (ogl_span_is(key, "stringValue")) {
      piece->is_text = ogl_json_string_or_skip(&j, &piece->text);
    } else if (ogl_span_is(key, "nullValue")) { /* "NULL_VALUE", by the rules of protocol buffers */
      ogl_json_skip(&j, NULL);
      piece->value.p = "null", piece->value.n = 4;
    } else if (ogl_span_is(key, "willContinue")) {
      ogl_json_skip(&j, NULL);
    } else {
      ogl_json_skip(&j, &piece->value);
    }
  }
}

int ogl_gemini_args_add(struct gemini_args *a, struct ogl_span json, struct ogl_queue *out) {
  struct piece piece;
  read_piece(json, &piece, out);
  if (!piece.path.n || (!piece.is_text && !piece.value.n)) return 0;
  int row = find(a, piece.path);
  if (row <= 0) return row;
  struct gemini_arg *arg = &a->rows[row];
  if (!arg->is_text || !piece.is_text) ogl_buf_reset(&arg->value), arg->half = 0;
  arg->is_text = piece.is_text;
  return hold(a, &arg->value, piece.is_text ? ogl_queue_piece(out, piece.text, &arg->half) : piece.value);
}

/* --- writing -------------------------------------------------------------------------------------------------- */

static void write_value(struct gemini_arg *row, struct ogl_buf *out, struct ogl_queue *q) {
  struct ogl_span rest = ogl_queue_half(q, &row->half);
  ogl_buf_append(&row->value, rest.p, rest.n);
  struct ogl_span value = ogl_buf_span(&row->value);
  if (row->is_text) ogl_json_write_string(out, value.p, value.n);
  else if (value.n) ogl_buf_append(out, value.p, value.n);
  else ogl_buf_text(out, "null");
}

/* What stands before a child: the elements that a list was not given, or the member's name. */
static void write_place(const struct gemini_arg *parent, const struct gemini_arg *row, int64_t *next,
                        struct ogl_buf *out) {
  if (*next) ogl_buf_byte(out, ',');
  if (!parent->is_list) {
    ogl_json_write_string(out, ogl_buf_span(&row->name).p, row->name.n);
    ogl_buf_byte(out, ':');
  } else {
    for (; *next < row->place; ++*next) ogl_buf_text(out, "null,");
  }
  ++*next;
}

/* Where the writing stands on one level: the row whose children it writes, the next of them, and how many were written. */
struct level {
  int row, child;
  int64_t next;
};

static void enter(const struct gemini_args *a, struct level *level, int row, struct ogl_buf *out) {
  level->row = row;
  level->child = a->rows[row].first;
  level->next = 0;
  ogl_buf_byte(out, a->rows[row].is_list ? '[' : '{');
}

int ogl_gemini_args_write(struct gemini_args *a, struct ogl_buf *out, struct ogl_queue *q) {
  struct level levels[OGL_MAX_DEPTH + 1];
  int depth = 0;
  if (!a->n || !a->rows[0].first) return out->err;
  enter(a, &levels[0], 0, out);
  while (depth >= 0 && !out->err) {
    struct level *at = &levels[depth];
    const struct gemini_arg *parent = &a->rows[at->row];
    if (!at->child) {
      ogl_buf_byte(out, parent->is_list ? ']' : '}');
      depth--;
      continue;
    }
    int row = at->child;
    write_place(parent, &a->rows[row], &at->next, out);
    at->child = a->rows[row].next;
    if (a->rows[row].first) enter(a, &levels[++depth], row, out);
    else write_value(&a->rows[row], out, q);
  }
  return out->err;
}
