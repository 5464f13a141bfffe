/* SPDX-License-Identifier: MIT
** anthropic_block.c - content blocks to events. A block starts, grows by deltas and stops; in a whole body it does all of
** that at once. The interface is in anthropic_state.h.
**
**   text                          TEXT as it comes, then its citations
**   thinking                      REASONING as it comes, then PART_END with the signature
**   tool_use                      TOOL_CALL at once, TOOL_ARGUMENTS as they come, TOOL_CALL_END when the block stops; PART_END
**                                 with the JSON of its caller, where that is not the model itself
**   anything else, and thinking   PART when the block stops, with the whole block as JSON: exactly the one that started, but
**   without a readable word       for the members that deltas brought
*/
#include "../core/json_write.h"
#include "../core/rows.h"
#include "anthropic_state.h"
#include "read.h"

/* The members of a block or of a delta that matter: raw values; n = 0 where absent or null. */
struct members {
  struct ogl_span type, text, thinking, signature, id, name, input, caller, citations, citation, partial_json;
};

static void gather(struct ogl_span json, struct members *m) {
  struct ogl_json j;
  struct ogl_span key;
  memset(m, 0, sizeof *m);
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "type")) m->type = ogl_read_raw(&j);
    else if (ogl_span_is(key, "text")) m->text = ogl_read_raw(&j);
    else if (ogl_span_is(key, "thinking")) m->thinking = ogl_read_raw(&j);
    else if (ogl_span_is(key, "partial_json")) m->partial_json = ogl_read_raw(&j);
    else if (ogl_span_is(key, "signature")) m->signature = ogl_read_raw(&j);
    else if (ogl_span_is(key, "id")) m->id = ogl_read_raw(&j);
    else if (ogl_span_is(key, "name")) m->name = ogl_read_raw(&j);
    else if (ogl_span_is(key, "input")) m->input = ogl_read_raw(&j);
    else if (ogl_span_is(key, "caller")) m->caller = ogl_read_raw(&j);
    else if (ogl_span_is(key, "citations")) m->citations = ogl_read_raw(&j);
    else if (ogl_span_is(key, "citation")) m->citation = ogl_read_raw(&j);
    else ogl_json_skip(&j, NULL);
  }
}

/* The value where it is a JSON string, raw; empty for any other. */
static struct ogl_json_text string_of(struct ogl_span raw) {
  struct ogl_json j;
  struct ogl_json_text text = { { "", 0 }, 0 };
  if (!raw.n || *raw.p != '"') return text;
  ogl_json_open(&j, raw.p, raw.n);
  ogl_json_string(&j, &text);
  return text;
}

/* Its text. */
static struct ogl_span text_of(struct ogl_span raw, struct ogl_queue *out) {
  return ogl_queue_text(out, string_of(raw));
}

/* Appends under the ceiling of all that blocks hold. */
static int hold(struct anthropic_state *s, struct ogl_buf *b, struct ogl_span text) {
  if (text.n > OGL_MAX_REPLY - s->held) return OGL_ERR_REPLY;
  s->held += text.n;
  return ogl_buf_append(b, text.p, text.n);
}

/* --- rows ----------------------------------------------------------------------------------------------------- */

static void clear_block(struct anthropic_block *b) {
  ogl_buf_clear(&b->type);
  ogl_buf_clear(&b->json);
  ogl_buf_clear(&b->input);
  ogl_buf_clear(&b->signature);
  ogl_buf_clear(&b->citations);
}

void ogl_anthropic_drop_blocks(struct anthropic_state *s, int all) {
  size_t kept = 0;
  for (size_t i = 0; i < s->n; i++) {
    if (all || s->blocks[i].stopped) clear_block(&s->blocks[i]);
    else s->blocks[kept++] = s->blocks[i];
  }
  s->n = kept;
  if (all) ogl_free(s->blocks);
}

static struct anthropic_block *add_block(struct anthropic_state *s, int64_t key, int kind, int *err) {
  void *rows = ogl_rows_grown(s->blocks, s->n + 1, &s->cap, sizeof *s->blocks, OGL_MAX_PARTS, err);
  if (!rows) return NULL;
  s->blocks = rows;
  struct anthropic_block *b = &s->blocks[s->n++];
  memset(b, 0, sizeof *b);
  b->key = key;
  b->kind = kind;
  b->index = s->next_index++;
  ogl_buf_init(&b->type, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&b->json, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&b->input, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&b->signature, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&b->citations, OGL_MAX_REPLY, OGL_ERR_REPLY);
  s->touched = 1;
  return b;
}

/* The newest block of that index that has not stopped, or NULL. */
static struct anthropic_block *find_block(struct anthropic_state *s, int64_t key) {
  for (size_t i = s->n; i--;)
    if (s->blocks[i].key == key && !s->blocks[i].stopped) return &s->blocks[i];
  return NULL;
}

/* --- pieces --------------------------------------------------------------------------------------------------- */

/* Pushes the raw JSON string as a text of the block. */
static void push_text(struct anthropic_state *s, struct anthropic_block *b, int kind, struct ogl_span raw,
                      struct ogl_queue *out) {
  struct ogl_span text = ogl_queue_piece(out, string_of(raw), &b->half);
  if (b->half) s->touched = 1, b->half_kind = kind;
  struct ogl_event *e = text.n ? ogl_queue_push(out, kind, 0, b->index) : NULL;
  if (!e) return;
  e->a = text;
  if (!b->told) b->told = s->touched = 1;
  s->only_text.p = raw.p + 1; /* between the quotes */
  s->only_text.n = raw.n - 2;
}

static int add_citation(struct anthropic_state *s, struct anthropic_block *b, struct ogl_span raw) {
  struct ogl_span comma = { ",", b->citations.n != 0 };
  if (!raw.n) return 0;
  int err = hold(s, &b->citations, comma);
  return err ? err : hold(s, &b->citations, raw);
}

static int add_citations(struct anthropic_state *s, struct anthropic_block *b, struct ogl_span list) {
  struct ogl_json j;
  struct ogl_span item;
  int err = 0;
  ogl_json_open(&j, list.p, list.n);
  if (!ogl_json_enter_or_skip(&j, '[')) return 0;
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) err = add_citation(s, b, item);
  return err;
}

static int set_signature(struct anthropic_state *s, struct anthropic_block *b, struct ogl_span raw,
                         struct ogl_queue *out) {
  struct ogl_span text = text_of(raw, out);
  s->touched = 1;
  if (!text.n) return 0;
  ogl_buf_reset(&b->signature);
  return hold(s, &b->signature, text);
}

static int open_call(struct anthropic_state *s, struct anthropic_block *b, const struct members *m,
                     struct ogl_queue *out) {
  struct ogl_json_text none = { { "", 0 }, 0 };
  int err = 0;
  struct ogl_call *call = ogl_calls_open(&s->calls, b->key, b->index, &err);
  if (!call) return err;
  b->call = (size_t)(call - s->calls.rows);
  err = ogl_calls_add(&s->calls, call, text_of(m->id, out), text_of(m->name, out), none, 0, out);
  if (!err && !ogl_span_is(m->caller, "{\"type\":\"direct\"}")) err = hold(s, &b->signature, m->caller);
  return err ? err : hold(s, &b->json, m->input);
}

static int add_input(struct anthropic_state *s, struct anthropic_block *b, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_span none = { "", 0 };
  struct ogl_json_text text = string_of(raw);
  s->touched = 1;
  if (b->kind != OGL_EVENT_TOOL_CALL) return hold(s, &b->input, ogl_queue_piece(out, text, &b->half));
  return ogl_calls_add(&s->calls, &s->calls.rows[b->call], none, none, text, 0, out);
}

/* --- opaque blocks -------------------------------------------------------------------------------------------- */

enum { MOST_CHANGES = 16 }; /* members of a delta: a handful, and each is looked for in the whole block */

struct change {
  struct ogl_span key, value;
  int done;
};

/* The members of an object without `type`, which names the kind of a delta. */
static size_t read_changes(struct ogl_span object, struct change *list) {
  struct ogl_json j;
  size_t n = 0;
  ogl_json_open(&j, object.p, object.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (n < MOST_CHANGES && ogl_json_key(&j, &list[n].key) > 0 && ogl_json_skip(&j, &list[n].value) > 0)
    if (!ogl_span_is(list[n].key, "type")) list[n++].done = 0;
  return n;
}

static void put_member(struct ogl_buf *b, struct ogl_span key, struct ogl_span value) {
  ogl_buf_text(b, b->n ? ",\"" : "{\"");
  ogl_buf_append(b, key.p, key.n);
  ogl_buf_text(b, "\":");
  ogl_buf_append(b, value.p, value.n);
}

static struct ogl_span changed(struct change *list, size_t n, struct ogl_span key, struct ogl_span value) {
  for (size_t i = 0; i < n; i++)
    if (ogl_span_equal(key, list[i].key.p, list[i].key.n)) return list[i].done = 1, list[i].value;
  return value;
}

/* The block's JSON with the members of `changes` in place of its own, and behind them those that it has not. The values of all
   others stay byte for byte. */
static int merge(struct anthropic_state *s, struct anthropic_block *b, struct ogl_span changes) {
  struct change list[MOST_CHANGES + 1];
  struct ogl_json j;
  struct ogl_buf merged, old = b->json;
  struct ogl_span key, value, own = ogl_buf_span(&b->json);
  size_t n = read_changes(changes, list);
  ogl_buf_init(&merged, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_json_open(&j, own.p, own.n);
  ogl_json_enter(&j, '{');
  while (ogl_json_key(&j, &key) > 0 && ogl_json_skip(&j, &value) > 0)
    put_member(&merged, key, changed(list, n, key, value));
  for (size_t i = 0; i < n; i++)
    if (!list[i].done) put_member(&merged, list[i].key, list[i].value);
  ogl_buf_text(&merged, merged.n ? "}" : "{}");
  s->held += merged.n; /* a block that is written anew all the time comes to an end */
  if (merged.err || s->held > OGL_MAX_REPLY) {
    int err = merged.err ? merged.err : OGL_ERR_REPLY;
    ogl_buf_clear(&merged);
    return err;
  }
  b->json = merged;
  ogl_buf_clear(&old);
  return 0;
}

/* One member more, whose value is JSON text. */
static int merge_member(struct anthropic_state *s, struct anthropic_block *b, const char *name, struct ogl_span value) {
  struct ogl_buf changes;
  struct ogl_span key = { name, strlen(name) };
  ogl_buf_init(&changes, OGL_MAX_REPLY, OGL_ERR_REPLY);
  put_member(&changes, key, value);
  int err = ogl_buf_byte(&changes, '}');
  if (!err) err = merge(s, b, ogl_buf_span(&changes));
  ogl_buf_clear(&changes);
  return err;
}

/* The pieces of input, if they are a whole value: a block that was cut keeps the one that it began with. */
static int merge_input(struct anthropic_state *s, struct anthropic_block *b) {
  struct ogl_span input = ogl_buf_span(&b->input);
  if (!input.n || ogl_json_check(input.p, input.n) != OGL_OK) return 0;
  return merge_member(s, b, "input", input);
}

static int merge_signature(struct anthropic_state *s, struct anthropic_block *b) {
  struct ogl_buf text;
  struct ogl_span signature = ogl_buf_span(&b->signature);
  ogl_buf_init(&text, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_json_write_string(&text, signature.p, signature.n);
  int err = text.err ? text.err : merge_member(s, b, "signature", ogl_buf_span(&text));
  ogl_buf_clear(&text);
  return err;
}

static void push_part(struct anthropic_block *b, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_PART, 0, b->index);
  if (e) e->a = ogl_buf_span(&b->type), e->b = ogl_buf_span(&b->json);
}

/* --- the end of a block --------------------------------------------------------------------------------------- */

static void push_citations(struct anthropic_state *s, struct anthropic_block *b, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item, all = ogl_buf_span(&b->citations);
  while (all.n) {
    ogl_json_open(&j, all.p, all.n);
    if (ogl_json_skip(&j, &item) < 0) return;
    struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_CITATION, 0, s->next_index++);
    if (e) e->a = item;
    size_t taken = (size_t)(item.p + item.n - all.p);
    all.p += taken, all.n -= taken;
    if (all.n) all.p++, all.n--; /* the comma */
  }
}

static void push_signature(struct anthropic_block *b, const char *kind, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_PART_END, 0, b->index);
  if (e) e->a.p = kind, e->a.n = strlen(kind), e->b = ogl_buf_span(&b->signature);
}

static int end_thinking(struct anthropic_state *s, struct anthropic_block *b, struct ogl_queue *out) {
  if (!b->signature.n) return 0;
  if (!b->told && b->json.n) { /* nothing to read, but something to give back */
    int err = b->later ? merge_signature(s, b) : 0;
    if (!err) push_part(b, out);
    return err;
  }
  push_signature(b, "reasoning", out);
  return 0;
}

static int end_call(struct anthropic_state *s, struct anthropic_block *b, struct ogl_queue *out) {
  struct ogl_span none = { "", 0 }, input = ogl_buf_span(&b->json);
  struct ogl_call *call = &s->calls.rows[b->call];
  int err = 0;
  if (!call->arguments.n && input.n && !ogl_span_is(input, "{}"))
    err = ogl_calls_add(&s->calls, call, none, none, ogl_json_plain(input), 0, out);
  if (err) return err;
  ogl_calls_end_one(call, 0, out);
  if (b->signature.n) push_signature(b, "tool_call", out);
  return 0;
}

/* Pushes U+FFFD for half of a character whose other half never came. */
static int end_half(struct anthropic_state *s, struct anthropic_block *b, struct ogl_queue *out) {
  struct ogl_span rest = ogl_queue_half(out, &b->half);
  if (!rest.n) return 0;
  if (b->kind == OGL_EVENT_PART) return hold(s, &b->input, rest);
  struct ogl_event *e = ogl_queue_push(out, b->half_kind, 0, b->index);
  if (e) e->a = rest, b->told = 1;
  return 0;
}

static int stop(struct anthropic_state *s, struct anthropic_block *b, struct ogl_queue *out) {
  int err = end_half(s, b, out);
  s->touched = b->stopped = 1;
  if (err) return err;
  if (b->kind == OGL_EVENT_REASONING) err = end_thinking(s, b, out);
  else if (b->kind == OGL_EVENT_TOOL_CALL) err = end_call(s, b, out);
  else if (b->kind == OGL_EVENT_PART && (err = merge_input(s, b)) == 0) push_part(b, out);
  push_citations(s, b, out);
  return err;
}

/* --- the interface -------------------------------------------------------------------------------------------- */

/* Pushes a delta of an unknown type as it came, for programs that know it. */
static void push_unknown(struct ogl_span json, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_UNKNOWN, 0, 0);
  if (e) e->a.p = "content_block_delta", e->a.n = strlen(e->a.p), e->b = json;
}

static int kind_of(struct ogl_span type) {
  if (ogl_span_is(type, "\"text\"") || !type.n) return OGL_EVENT_TEXT;
  if (ogl_span_is(type, "\"thinking\"")) return OGL_EVENT_REASONING;
  return ogl_span_is(type, "\"tool_use\"") ? OGL_EVENT_TOOL_CALL : OGL_EVENT_PART;
}

int ogl_anthropic_start_block(struct anthropic_state *s, int64_t key, struct ogl_span json, struct ogl_queue *out) {
  struct members m;
  int err = 0;
  if (!json.n || *json.p != '{') return 0;
  gather(json, &m);
  struct anthropic_block *b = add_block(s, key, kind_of(m.type), &err);
  if (!b) return err;
  if (b->kind == OGL_EVENT_TOOL_CALL) return open_call(s, b, &m, out);
  if (b->kind != OGL_EVENT_TEXT) err = hold(s, &b->type, text_of(m.type, out));
  if (err) return err;
  if (b->kind == OGL_EVENT_PART) return hold(s, &b->json, json);
  push_text(s, b, OGL_EVENT_TEXT, m.text, out);
  push_text(s, b, OGL_EVENT_REASONING, m.thinking, out);
  if (b->kind == OGL_EVENT_REASONING && !b->told) err = hold(s, &b->json, json);
  if (!err) err = add_citations(s, b, m.citations);
  return err ? err : set_signature(s, b, m.signature, out);
}

/* A delta of a block that never began: some servers leave that out for text. NULL where nothing can be made of it. */
static struct anthropic_block *begin_late(struct anthropic_state *s, int64_t key, const struct members *m, int *err) {
  if (m->text.n) return add_block(s, key, OGL_EVENT_TEXT, err);
  return m->thinking.n ? add_block(s, key, OGL_EVENT_REASONING, err) : NULL;
}

int ogl_anthropic_add_delta(struct anthropic_state *s, int64_t key, struct ogl_span json, struct ogl_queue *out) {
  struct members m;
  int err = 0;
  gather(json, &m);
  struct anthropic_block *b = find_block(s, key);
  if (!b) b = begin_late(s, key, &m, &err);
  if (err) return err;
  if (!b || m.partial_json.n || m.signature.n || m.citation.n) s->touched = 1;
  if (!b) push_unknown(json, out);
  else if (m.text.n) push_text(s, b, OGL_EVENT_TEXT, m.text, out);
  else if (m.thinking.n) push_text(s, b, OGL_EVENT_REASONING, m.thinking, out);
  else if (m.partial_json.n) err = add_input(s, b, m.partial_json, out);
  else if (m.signature.n) b->later = 1, err = set_signature(s, b, m.signature, out);
  else if (m.citation.n) err = add_citation(s, b, m.citation);
  else if (b->kind == OGL_EVENT_PART) err = merge(s, b, json);
  else push_unknown(json, out);
  return err;
}

int ogl_anthropic_stop_block(struct anthropic_state *s, int64_t key, struct ogl_queue *out) {
  struct anthropic_block *b = find_block(s, key);
  s->touched = 1;
  return b ? stop(s, b, out) : 0;
}

int ogl_anthropic_stop_blocks(struct anthropic_state *s, struct ogl_queue *out) {
  int err = 0;
  for (size_t i = 0; i < s->n && !err; i++)
    if (!s->blocks[i].stopped) err = stop(s, &s->blocks[i], out);
  return err;
}
