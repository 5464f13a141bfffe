/* SPDX-License-Identifier: MIT
** openai_responses_item.c - the items of a response's output.
**
**   added ── settle ── (deltas) ── done ── settle, complete, keep
**
** The output of the terminal event has all items once more: it ends those that never were done, fills those that were left empty, and
** adds those of a type that was not streamed at all.
**
** `settle` finds an item's kind as soon as its type is known. Done, a message and a call leave a PART_END whose signature is
** the item without its texts (id, phase, caller, …), a reasoning item and everything that is not known a PART with all of it:
** so the item can go back on the next turn as it came.
*/
#include "../core/rows.h"
#include "openai_responses_state.h"

/* --- rows ----------------------------------------------------------------------------------------------------- */

void ogl_responses_clear_item(struct responses_item *item) {
  for (size_t i = 0; i < item->n; i++) ogl_buf_clear(&item->texts[i].logprobs);
  ogl_free(item->texts);
  ogl_buf_clear(&item->id);
  ogl_buf_clear(&item->type);
  ogl_buf_clear(&item->json);
  ogl_buf_clear(&item->shell);
}

/* A new item, at a place that is free where `fresh`, else at that of its number. */
static struct responses_item *add_item(struct responses_state *s, int64_t key, int fresh, int *err) {
  void *rows = ogl_rows_grown(s->items, s->n + 1, &s->cap, sizeof *s->items, OGL_MAX_PARTS, err);
  if (!rows) return NULL;
  s->items = rows;
  struct responses_item *item = &s->items[s->n++];
  memset(item, 0, sizeof *item);
  item->key = key;
  item->call = -1;
  item->place = key >= 0 && !fresh ? (int)key : s->next_place;
  if (item->place >= s->next_place) s->next_place = item->place + 1;
  ogl_buf_init(&item->id, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&item->type, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&item->json, OGL_MAX_FRAME, OGL_ERR_FRAME);
  ogl_buf_init(&item->shell, OGL_MAX_FRAME, OGL_ERR_FRAME);
  return item;
}

static int same_id(const struct responses_item *item, struct ogl_span id) {
  return id.n && ogl_span_equal(ogl_buf_span(&item->id), id.p, id.n);
}

static struct responses_item *find(struct responses_state *s, int64_t key, struct ogl_span id) {
  for (size_t i = s->n; key >= 0 && i--;)
    if (s->items[i].key == key) return &s->items[i];
  for (size_t i = s->n; i--;)
    if (same_id(&s->items[i], id) && (key < 0 || s->items[i].key < 0)) return &s->items[i];
  return key < 0 && !id.n && s->n ? &s->items[s->n - 1] : NULL;
}

struct responses_item *ogl_responses_item(struct responses_state *s, int64_t key, struct ogl_span id, int *err) {
  if (key >= OGL_MAX_PARTS) key = RESPONSES_NO_KEY; /* an index on the wire is not an address */
  struct responses_item *item = find(s, key, id);
  if (!item) item = add_item(s, key, 0, err);
  if (item && !item->id.n && (*err = ogl_buf_append(&item->id, id.p, id.n)) < 0) return NULL;
  return item;
}

/* --- reading -------------------------------------------------------------------------------------------------- */

/* The members of an item that matter; raw values, n = 0 where absent or null. */
struct members {
  struct ogl_span id, type, call_id, name; /* their texts */
  struct ogl_span arguments, content, summary;
};

static struct ogl_span text_value(struct ogl_json *j, struct ogl_queue *out) {
  struct ogl_json_text text;
  struct ogl_span none = { "", 0 };
  return ogl_json_string_or_skip(j, &text) ? ogl_queue_text(out, text) : none;
}

static void read_members(struct ogl_span json, struct members *m, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key;
  memset(m, 0, sizeof *m);
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "id")) m->id = text_value(&j, out);
    else if (ogl_span_is(key, "type")) m->type = text_value(&j, out);
    else if (ogl_span_is(key, "call_id")) m->call_id = text_value(&j, out);
    else if (ogl_span_is(key, "name")) m->name = text_value(&j, out);
    else if (ogl_span_is(key, "arguments") || ogl_span_is(key, "input")) m->arguments = ogl_responses_raw(&j);
    else if (ogl_span_is(key, "content")) m->content = ogl_responses_raw(&j);
    else if (ogl_span_is(key, "summary")) m->summary = ogl_responses_raw(&j);
    else ogl_json_skip(&j, NULL);
  }
}

static int is_told_elsewhere(struct ogl_span key) {
  return ogl_span_is(key, "content") || ogl_span_is(key, "arguments") || ogl_span_is(key, "input") ||
         ogl_span_is(key, "name") || ogl_span_is(key, "call_id") || ogl_span_is(key, "status") ||
         ogl_span_is(key, "role");
}

/* The item without its texts, each member as it came. */
static int keep_shell(struct responses_item *item, struct ogl_span json) {
  struct ogl_json j;
  struct ogl_span key, raw;
  ogl_buf_reset(&item->shell);
  ogl_json_open(&j, json.p, json.n);
  ogl_json_enter(&j, '{');
  while (ogl_json_key(&j, &key) > 0 && ogl_json_skip(&j, &raw) > 0) {
    if (is_told_elsewhere(key)) continue;
    ogl_buf_text(&item->shell, item->shell.n ? ",\"" : "{\"");
    ogl_buf_append(&item->shell, key.p, key.n);
    ogl_buf_text(&item->shell, "\":");
    ogl_buf_append(&item->shell, raw.p, raw.n);
  }
  return item->shell.n ? ogl_buf_byte(&item->shell, '}') : item->shell.err;
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

/* The item's call, opened if need be; NULL with *err. */
static struct ogl_call *call_of(struct responses_state *s, struct responses_item *item, int *err) {
  int index;
  if (item->call >= 0) return &s->calls.rows[item->call];
  if ((*err = ogl_responses_next_index(s, item, &index)) < 0) return NULL;
  struct ogl_call *call = ogl_calls_open(&s->calls, RESPONSES_NO_KEY, index, err);
  if (call) item->call = (int)(call - s->calls.rows);
  return call;
}

static void tell_item(struct ogl_event *e, const struct responses_item *item) {
  e->d = ogl_buf_span(&item->id);
  if (item->custom) e->c.p = "custom", e->c.n = 6;
}

static int add_to_call(struct responses_state *s, struct responses_item *item, struct ogl_span id, struct ogl_span name,
                       struct ogl_json_text arguments, struct ogl_queue *out) {
  int err = 0;
  struct ogl_call *call = call_of(s, item, &err);
  if (!call || call->ended) return err;
  size_t before = out->n;
  err = ogl_calls_add(&s->calls, call, id, name, arguments, 0, out);
  for (size_t i = before; i < out->n; i++)
    if (out->events[i].kind == OGL_EVENT_TOOL_CALL) tell_item(&out->events[i], item);
  return err;
}

/* The rest of `all` behind the arguments so far; empty if `all` does not begin with them. */
static struct ogl_span rest_of(struct ogl_span given, struct ogl_span all) {
  struct ogl_span none = { "", 0 };
  if (all.n <= given.n || !ogl_span_equal(given, all.p, given.n)) return none;
  all.p += given.n;
  all.n -= given.n;
  return all;
}

static int complete_arguments(struct responses_state *s, struct responses_item *item, struct ogl_span all,
                              struct ogl_queue *out) {
  struct ogl_span none = { "", 0 };
  int err = 0;
  struct ogl_call *call = call_of(s, item, &err);
  if (!call) return err;
  struct ogl_span rest = rest_of(ogl_buf_span(&call->arguments), all);
  if (rest.n) call->half = 0; /* the value has it whole */
  return add_to_call(s, item, none, none, ogl_json_plain(rest), out);
}

int ogl_responses_arguments(struct responses_state *s, struct responses_item *item, struct ogl_json_text text,
                            int whole, struct ogl_queue *out) {
  struct ogl_span none = { "", 0 };
  if (item->kind != RESPONSES_NEW && item->kind != RESPONSES_CALL) return 0; /* of a tool that the server runs */
  if (whole) return complete_arguments(s, item, ogl_queue_text(out, text), out);
  return add_to_call(s, item, none, none, text, out);
}

/* The id of a call is its call_id, else the item's. */
static int end_call(struct responses_state *s, struct responses_item *item, struct ogl_queue *out) {
  struct ogl_span none = { "", 0 };
  int err = 0;
  if (item->call < 0) return 0;
  struct ogl_call *call = &s->calls.rows[item->call];
  if (!call->id.n) err = add_to_call(s, item, ogl_buf_span(&item->id), none, ogl_json_plain(none), out);
  if (!err) ogl_calls_end_one(call, 0, out);
  return err;
}

/* --- added, done ---------------------------------------------------------------------------------------------- */

static int kind_of(const struct responses_state *s, const struct members *m) {
  struct ogl_span type = m->type;
  if (!type.n) return RESPONSES_NEW;
  if (ogl_span_is(type, "message")) return RESPONSES_MESSAGE;
  if (ogl_span_is(type, "reasoning")) return RESPONSES_REASONING;
  if (ogl_span_is(type, "function_call")) return RESPONSES_CALL;
  if (ogl_span_is(type, "custom_tool_call") && ogl_responses_is_custom(s, m->name)) return RESPONSES_CALL;
  return RESPONSES_OPAQUE;
}

/* Finds the item's kind, unless it is known. 0, or a final error. */
static int fill(struct responses_state *s, struct responses_item *item, const struct members *m,
                struct ogl_queue *out) {
  struct ogl_json_text none = { { "", 0 }, 0 };
  int err = 0;
  item->custom |= ogl_span_is(m->type, "custom_tool_call");
  if (item->kind == RESPONSES_NEW) item->kind = item->call >= 0 ? RESPONSES_CALL : kind_of(s, m);
  if (!item->id.n) err = ogl_buf_append(&item->id, m->id.p, m->id.n);
  if (item->kind == RESPONSES_CALL && !err) err = add_to_call(s, item, m->call_id, m->name, none, out);
  if (err || item->kind != RESPONSES_OPAQUE || item->type.n) return err;
  return ogl_buf_append(&item->type, m->type.p, m->type.n);
}

/* Finds the item and its kind. NULL with *err. */
static struct responses_item *settle(struct responses_state *s, int64_t key, const struct members *m, int added,
                                     struct ogl_queue *out, int *err) {
  struct ogl_span id = m->id;
  struct responses_item *item = NULL;
  if (key >= 0 || id.n || (!added && s->n && !s->items[s->n - 1].done)) item = ogl_responses_item(s, key, id, err);
  else item = add_item(s, RESPONSES_NO_KEY, 1, err); /* it has no name at all */
  if (item && added && item->done && !same_id(item, id))
    item = add_item(s, key, 1, err); /* a number that is used again */
  if (item) *err = fill(s, item, m, out);
  return *err ? NULL : item;
}

int ogl_responses_begin_item(struct responses_state *s, int64_t key, struct ogl_span json, struct ogl_queue *out) {
  struct members m;
  int err = 0;
  read_members(json, &m, out);
  struct responses_item *item = settle(s, key, &m, 1, out, &err);
  if (!item || item->kind != RESPONSES_OPAQUE || item->done) return err;
  ogl_buf_reset(&item->json);
  return ogl_buf_append(&item->json, json.p, json.n);
}

static int push_part(struct responses_state *s, struct responses_item *item, struct ogl_span kind, struct ogl_span json,
                     struct ogl_queue *out) {
  int index;
  int err = ogl_responses_next_index(s, item, &index);
  struct ogl_event *e = err ? NULL : ogl_queue_push(out, OGL_EVENT_PART, 0, index);
  if (e) e->a = kind, e->b = json;
  return err;
}

/* The end of the part `index`, with the item's other members. */
static int push_end(struct responses_item *item, int index, const struct members *m, struct ogl_span json,
                    struct ogl_queue *out) {
  int err = keep_shell(item, json);
  struct ogl_event *e = err ? NULL : ogl_queue_push(out, OGL_EVENT_PART_END, 0, index);
  if (e) e->a = m->type, e->b = ogl_buf_span(&item->shell);
  return err;
}

static int end_message(struct responses_state *s, struct responses_item *item, const struct members *m,
                       struct ogl_span json, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_json_text text;
  int err = 0;
  ogl_json_open(&j, m->content.p, m->content.n);
  if (ogl_json_peek(&j) == '"') { /* some servers send the text alone */
    ogl_json_string(&j, &text);
    struct responses_text *row = ogl_responses_text(s, item, OGL_EVENT_TEXT, RESPONSES_CONTENT, 0, &err);
    if (row) ogl_responses_complete_text(row, text, out);
  } else {
    err = ogl_responses_parts(s, item, RESPONSES_CONTENT, m->content, out);
  }
  for (size_t i = 0; i < item->n && !err && !item->done; i++)
    if (item->texts[i].n) return push_end(item, item->texts[i].index, m, json, out);
  return err;
}

static int end_reasoning(struct responses_state *s, struct responses_item *item, const struct members *m,
                         struct ogl_span json, struct ogl_queue *out) {
  struct ogl_span kind = { "reasoning", 9 };
  int err = ogl_responses_parts(s, item, RESPONSES_SUMMARY, m->summary, out);
  if (!err) err = ogl_responses_parts(s, item, RESPONSES_CONTENT, m->content, out);
  return err || item->done ? err : push_part(s, item, kind, json, out);
}

static int end_function(struct responses_state *s, struct responses_item *item, const struct members *m,
                        struct ogl_span json, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_json_text text;
  struct ogl_span all = m->arguments;
  ogl_json_open(&j, all.p, all.n);
  if (ogl_json_peek(&j) == '"' && ogl_json_string(&j, &text) == OGL_OK) all = ogl_queue_text(out, text);
  int err = complete_arguments(s, item, all, out);
  int filled = item->call >= 0 && s->calls.rows[item->call].arguments.n; /* else the terminal event may have them */
  if (!err && (filled || s->is_output)) err = end_call(s, item, out);
  if (err || item->done) return err;
  return push_end(item, s->calls.rows[item->call].index, m, json, out);
}

static void close_texts(struct responses_item *item, struct ogl_queue *out) {
  for (size_t i = 0; i < item->n; i++) ogl_responses_close_text(&item->texts[i], out);
}

static int end_item(struct responses_state *s, struct responses_item *item, const struct members *m,
                    struct ogl_span json, struct ogl_queue *out) {
  struct ogl_span kind = { "item", 4 };
  int err = 0;
  if (item->kind == RESPONSES_MESSAGE) err = end_message(s, item, m, json, out);
  else if (item->kind == RESPONSES_REASONING) err = end_reasoning(s, item, m, json, out);
  else if (item->kind == RESPONSES_CALL) err = end_function(s, item, m, json, out);
  else if (!item->done) err = push_part(s, item, item->type.n ? ogl_buf_span(&item->type) : kind, json, out);
  item->done = 1;
  return err;
}

int ogl_responses_end_item(struct responses_state *s, int64_t key, struct ogl_span json, struct ogl_queue *out) {
  struct members m;
  int err = 0;
  read_members(json, &m, out);
  struct responses_item *item = settle(s, key, &m, 0, out, &err);
  return item ? end_item(s, item, &m, json, out) : err;
}

/* --- the output of the terminal event ------------------------------------------------------------------------- */

/* Decides the kind of an item whose deltas came without its beginning. */
static int streamed_kind(const struct responses_item *item) {
  if (item->kind != RESPONSES_NEW) return item->kind;
  if (item->call >= 0) return RESPONSES_CALL;
  if (!item->n) return RESPONSES_NEW;
  return item->texts[0].kind == OGL_EVENT_REASONING ? RESPONSES_REASONING : RESPONSES_MESSAGE;
}

/* An element of the output, and its kind. */
struct element {
  struct members m;
  int kind;
  int64_t place;
};

static int same_type(const struct responses_item *item, const struct element *e) {
  if (streamed_kind(item) != e->kind) return 0;
  return e->kind != RESPONSES_OPAQUE || !item->type.n ||
         ogl_span_equal(ogl_buf_span(&item->type), e->m.type.p, e->m.type.n);
}

/* The streamed item that the element is: by its id, else by its place, else the first of its type that no other element is;
   NULL. *of_type: how many of its type were streamed, of the first n items. */
static struct responses_item *streamed(struct responses_state *s, size_t n, const struct element *e, size_t *of_type) {
  struct responses_item *by_place = NULL, *by_type = NULL;
  *of_type = 0;
  for (size_t i = 0; i < n; i++) {
    struct responses_item *item = &s->items[i];
    if (!same_type(item, e)) continue;
    ++*of_type;
    if (item->met) continue;
    if (same_id(item, e->m.id)) return item;
    if (item->key == e->place) by_place = item;
    else if (!by_type) by_type = item;
  }
  return by_place ? by_place : by_type;
}

/* One that was streamed is completed; one of a type that was not streamed is added. The first n items were streamed. */
static int on_element(struct responses_state *s, size_t n, int64_t place, struct ogl_span json, struct ogl_queue *out) {
  struct element e;
  size_t of_type;
  int err = 0;
  e.place = place;
  read_members(json, &e.m, out);
  e.kind = kind_of(s, &e.m);
  struct responses_item *item = streamed(s, n, &e, &of_type);
  if (!item && of_type) return 0;
  if (!item) item = add_item(s, place, find(s, place, e.m.id) != NULL, &err);
  if (!item) return err;
  item->met = 1;
  err = fill(s, item, &e.m, out);
  return err ? err : end_item(s, item, &e.m, json, out);
}

int ogl_responses_output(struct responses_state *s, struct ogl_span array, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span json;
  int64_t place = 0;
  size_t n = s->n;
  int err = 0;
  s->is_output = 1;
  ogl_json_open(&j, array.p, array.n);
  if (!array.n || !ogl_json_enter_or_skip(&j, '[')) return 0;
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &json) > 0)
    err = place < OGL_MAX_PARTS ? on_element(s, n, place++, json, out) : OGL_ERR_PARTS;
  return err;
}

int ogl_responses_close_items(struct responses_state *s, struct ogl_queue *out) {
  int err = 0;
  for (size_t i = 0; i < s->n && !err; i++) {
    struct responses_item *item = &s->items[i];
    close_texts(item, out);
    err = end_call(s, item, out);
    if (!err && item->kind == RESPONSES_OPAQUE && !item->done && item->json.n)
      err = push_part(s, item, ogl_buf_span(&item->type), ogl_buf_span(&item->json), out);
  }
  return err;
}
