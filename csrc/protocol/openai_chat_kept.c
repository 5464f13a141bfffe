/* SPDX-License-Identifier: MIT
** openai_chat_kept.c - what only its own server can read, and has to get back on the next turn: signed and encrypted reasoning,
** signatures of texts and of calls. The interface is in openai_chat_state.h.
**
**   a member of the message         PART of that name, with its value:          reasoning_details (OpenRouter), …
**   members of a call beside its    PART_END of the call: {"extra_content":…}    Gemini, and gateways to it
**   own, and of a thinking part     PART_END of the reasoning: {"type":…}        Mistral
**
** Each is told once, at the end of the answer, at the place where its first fragment came. What came in one piece stays byte for byte
** as it came. Pieces of a list are joined detail by detail, see `continued`: its texts grow, of any other member the last that
** is not null counts.
*/
#include "openai_chat_kept.h"
#include "../core/rows.h"
#include "openai_chat_state.h"
#include "read.h"

struct field {
  struct ogl_buf key, value; /* raw */
};

/* One element of a list; or the members of an object, which are one too. */
struct chat_detail {
  int64_t index; /* the wire's; -1: none */
  int fragment;  /* the last that it grew by */
  struct field *fields;
  size_t n, cap;
};

/* --- members of a message ------------------------------------------------------------------------------------- */

static const char *const names[] = { KEPT_NAMES };

const char *ogl_chat_kept_name(struct ogl_span key) {
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (ogl_span_equal(key, names[i], strlen(names[i]))) return names[i];
  return NULL;
}

/* Blocks of Anthropic: the signature comes last, and an encrypted block comes in one piece. */
static int are_blocks(const char *name) { return strcmp(name, "thinking_blocks") == 0; }

/* --- rows ----------------------------------------------------------------------------------------------------- */

static void clear_detail(struct chat_detail *d) {
  for (size_t i = 0; i < d->n; i++) {
    ogl_buf_clear(&d->fields[i].key);
    ogl_buf_clear(&d->fields[i].value);
  }
  ogl_free(d->fields);
}

void ogl_chat_clear_kept(struct chat_state *s) {
  for (size_t i = 0; i < s->n_kept; i++) {
    struct chat_kept *k = &s->kept[i];
    for (size_t at = 0; at < k->n; at++) clear_detail(&k->details[at]);
    ogl_free(k->details);
    ogl_buf_clear(&k->json);
  }
  ogl_free(s->kept);
}

enum { MOST_DETAILS = 256, MOST_FIELDS = 64 }; /* each is looked for among all others */

static struct chat_kept *add_kept(struct chat_state *s, int choice, int index, int kind, const char *name, int *err) {
  void *rows = ogl_rows_grown(s->kept, s->n_kept + 1, &s->kept_cap, sizeof *s->kept, OGL_MAX_PARTS, err);
  if (!rows) return NULL;
  s->kept = rows;
  struct chat_kept *k = &s->kept[s->n_kept++];
  memset(k, 0, sizeof *k);
  k->choice = choice;
  k->index = index;
  k->kind = kind;
  k->name = name;
  ogl_buf_init(&k->json, OGL_MAX_REPLY, OGL_ERR_REPLY);
  return k;
}

static struct chat_detail *add_detail(struct chat_kept *k, int64_t index, int *err) {
  void *rows = ogl_rows_grown(k->details, k->n + 1, &k->cap, sizeof *k->details, MOST_DETAILS, err);
  if (!rows) return NULL;
  k->details = rows;
  struct chat_detail *d = &k->details[k->n++];
  memset(d, 0, sizeof *d);
  d->index = index;
  return d;
}

static struct field *find(const struct chat_detail *d, struct ogl_span key) {
  for (size_t i = 0; i < d->n; i++)
    if (ogl_span_equal(key, ogl_buf_span(&d->fields[i].key).p, d->fields[i].key.n)) return &d->fields[i];
  return NULL;
}

static struct ogl_span value_of(const struct chat_detail *d, const char *key) {
  struct ogl_span name = { key, strlen(key) }, none = { "", 0 };
  const struct field *f = find(d, name);
  return f ? ogl_buf_span(&f->value) : none;
}

/* Appends under the ceiling of all that the choices hold. */
static int hold(struct chat_state *s, struct ogl_buf *b, struct ogl_span raw) {
  s->held += raw.n;
  return s->held > OGL_MAX_REPLY ? OGL_ERR_REPLY : ogl_buf_append(b, raw.p, raw.n);
}

/* --- growing -------------------------------------------------------------------------------------------------- */

static int grows(struct ogl_span key) {
  return ogl_span_is(key, "text") || ogl_span_is(key, "summary") || ogl_span_is(key, "data") ||
         ogl_span_is(key, "thinking");
}

static int is_string(struct ogl_span raw) { return raw.n >= 2 && *raw.p == '"'; }

/* The value of a member that comes again: a text grows where it may, else the last that is not null counts. */
static int change(struct chat_state *s, struct field *f, struct ogl_span key, struct ogl_span raw) {
  if (ogl_span_is(raw, "null")) return 0;
  if (grows(key) && is_string(raw) && is_string(ogl_buf_span(&f->value))) {
    ogl_buf_truncate(&f->value, f->value.n - 1);
    raw.p++, raw.n--;
  } else {
    s->held -= f->value.n;
    ogl_buf_reset(&f->value);
  }
  return hold(s, &f->value, raw);
}

static int add_member(struct chat_state *s, struct chat_detail *d, struct ogl_span key, struct ogl_span raw) {
  int err = 0;
  struct field *f = find(d, key);
  if (f) return change(s, f, key, raw);
  void *rows = ogl_rows_grown(d->fields, d->n + 1, &d->cap, sizeof *d->fields, MOST_FIELDS, &err);
  if (!rows) return err;
  d->fields = rows;
  f = &d->fields[d->n++];
  ogl_buf_init(&f->key, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&f->value, OGL_MAX_REPLY, OGL_ERR_REPLY);
  err = hold(s, &f->key, key);
  return err ? err : hold(s, &f->value, raw);
}

static int is_known(struct ogl_span key, const char *const *known) {
  for (; known && *known; known++)
    if (ogl_span_equal(key, *known, strlen(*known))) return 1;
  return 0;
}

static int add_members(struct chat_state *s, struct chat_detail *d, struct ogl_span object, const char *const *known) {
  struct ogl_json j;
  struct ogl_span key, raw;
  int err = 0;
  ogl_json_open(&j, object.p, object.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (!err && ogl_json_key(&j, &key) > 0 && ogl_json_skip(&j, &raw) > 0)
    if (!is_known(key, known)) err = add_member(s, d, key, raw);
  return err;
}

/* --- lists of details ----------------------------------------------------------------------------------------- */

/* What tells a detail from another. */
struct mark {
  struct ogl_span type, id; /* raw; n = 0 where absent or null */
  int64_t index;
  int is_object, says; /* it has a text, a summary or data that is not empty */
};

static struct mark mark_of(struct ogl_span item) {
  struct ogl_json j;
  struct ogl_span key, raw;
  struct ogl_number n;
  struct mark m = { { "", 0 }, { "", 0 }, -1, 0, 0 };
  ogl_json_open(&j, item.p, item.n);
  if (!(m.is_object = ogl_json_enter_or_skip(&j, '{'))) return m;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "index")) {
      if (ogl_json_number_or_skip(&j, &n) && n.is_integer && n.i >= 0) m.index = n.i;
      continue;
    }
    raw = ogl_read_raw(&j);
    if (ogl_span_is(key, "type")) m.type = raw;
    else if (ogl_span_is(key, "id")) m.id = raw;
    else if (grows(key)) m.says |= raw.n > 2;
  }
  return m;
}

/* Whether it has a text of that name that is not empty. */
static int says(const struct chat_detail *d, const char *key) {
  struct ogl_span value = value_of(d, key);
  return value.n > 2 && *value.p == '"';
}

/* Two values that are both there, and differ. */
static int differ(struct ogl_span a, struct ogl_span b) {
  return a.n && b.n && !ogl_span_is(a, "null") && !ogl_span_equal(a, b.p, b.n);
}

/* The detail that a fragment continues, or NULL: of the same index, else the last one where it has the same type. What has another
   type or another id is another detail; so are the elements of one list, and what follows a block that is whole. */
static struct chat_detail *continued(struct chat_kept *k, const struct mark *m) {
  for (size_t i = k->n; i--;) {
    struct chat_detail *d = &k->details[i];
    int same = m->index >= 0 ? d->index == m->index : i + 1 == k->n && d->fragment < k->fragments;
    if (!same) continue;
    if (differ(value_of(d, "type"), m->type) || differ(value_of(d, "id"), m->id)) continue;
    if (m->index < 0 && m->type.n && !value_of(d, "type").n) return NULL;
    if (are_blocks(k->name) && m->says && (says(d, "signature") || says(d, "data"))) return NULL;
    return d;
  }
  return NULL;
}

static int add_fragment(struct chat_state *s, struct chat_kept *k, struct ogl_span list) {
  struct ogl_json j;
  struct ogl_span item;
  int err = 0;
  k->fragments++;
  ogl_json_open(&j, list.p, list.n);
  if (!ogl_json_enter_or_skip(&j, '[')) return 0;
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) {
    struct mark m = mark_of(item);
    struct chat_detail *d = m.is_object ? continued(k, &m) : NULL;
    if (m.is_object && !d) d = add_detail(k, m.index, &err);
    if (!d) continue;
    d->fragment = k->fragments;
    err = add_members(s, d, item, NULL);
  }
  return err;
}

/* --- the interface -------------------------------------------------------------------------------------------- */

static struct chat_kept *find_kept(struct chat_state *s, int choice, int index, int kind, const char *name) {
  for (size_t i = s->n_kept; i--;) {
    struct chat_kept *k = &s->kept[i];
    if (k->choice == choice && k->kind == kind && (kind == OGL_EVENT_PART || k->index == index) &&
        strcmp(k->name, name) == 0)
      return k;
  }
  return NULL;
}

/* The second fragment of a list: the first becomes details too. */
static int split(struct chat_state *s, struct chat_kept *k) {
  k->fragments = 0;
  return add_fragment(s, k, ogl_buf_span(&k->json));
}

static int replace(struct chat_state *s, struct chat_kept *k, struct ogl_span json) {
  k->fragments = 1;
  s->held -= k->json.n;
  ogl_buf_reset(&k->json);
  return hold(s, &k->json, json);
}

int ogl_chat_keep_member(struct chat_state *s, struct chat_choice *choice, const char *name, struct ogl_span json) {
  int err = 0;
  if (json.n <= 2) return 0;                            /* an empty list, object or text */
  if (s->repeats && choice->told & CHAT_KEPT) return 0; /* the deltas gave it */
  if (!s->repeats) choice->told |= CHAT_KEPT;
  s->touched = 1;
  struct chat_kept *k = find_kept(s, choice->number, 0, OGL_EVENT_PART, name);
  if (k && *json.p == '[' && *ogl_buf_span(&k->json).p == '[') {
    if (k->fragments == 1) err = split(s, k);
    return err ? err : add_fragment(s, k, json);
  }
  if (!k) k = add_kept(s, choice->number, choice->next_index++, OGL_EVENT_PART, name, &err);
  return k ? replace(s, k, json) : err;
}

int ogl_chat_keep_rest(struct chat_state *s, const struct chat_choice *choice, int index, const char *part,
                       struct ogl_span json, const char *const *known) {
  int err = 0;
  struct chat_kept *k = find_kept(s, choice->number, index, OGL_EVENT_PART_END, part);
  s->touched = 1;
  if (!k) k = add_kept(s, choice->number, index, OGL_EVENT_PART_END, part, &err);
  if (!k || (!k->n && !add_detail(k, -1, &err))) return err;
  err = add_members(s, &k->details[0], json, known);
  return err ? err : (int)(k - s->kept);
}

static void write_detail(struct ogl_buf *b, const struct chat_detail *d) {
  ogl_buf_byte(b, '{');
  for (size_t i = 0; i < d->n; i++) {
    struct ogl_span key = ogl_buf_span(&d->fields[i].key), value = ogl_buf_span(&d->fields[i].value);
    ogl_buf_text(b, i ? ",\"" : "\"");
    ogl_buf_append(b, key.p, key.n);
    ogl_buf_text(b, "\":");
    ogl_buf_append(b, value.p, value.n);
  }
  ogl_buf_byte(b, '}');
}

/* All of it, in `json`. */
static int write(struct chat_kept *k) {
  if (k->kind == OGL_EVENT_PART && k->fragments <= 1) return 0;
  ogl_buf_reset(&k->json);
  if (k->kind == OGL_EVENT_PART) ogl_buf_byte(&k->json, '[');
  for (size_t i = 0; i < k->n; i++) {
    if (i) ogl_buf_byte(&k->json, ',');
    write_detail(&k->json, &k->details[i]);
  }
  if (k->kind == OGL_EVENT_PART) ogl_buf_byte(&k->json, ']');
  return k->json.err;
}

int ogl_chat_push_kept(struct chat_state *s, struct ogl_queue *out) {
  int err = 0;
  for (size_t i = 0; i < s->n_kept && !err; i++) {
    struct chat_kept *k = &s->kept[i];
    err = write(k);
    struct ogl_event *e = err || k->json.n <= 2 ? NULL : ogl_queue_push(out, k->kind, k->choice, k->index);
    if (!e) continue;
    e->a.p = k->name, e->a.n = strlen(k->name);
    e->b = ogl_buf_span(&k->json);
  }
  return err;
}
