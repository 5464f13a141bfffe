/* SPDX-License-Identifier: MIT
** openai_responses_output.c - the output that is written: items, and the content parts in them. The interface is in
** openai_responses_writer.h.
**
** A row says where a text stands in the fold, and nothing is kept twice. What came by this protocol goes back as it came: an
** item that the decoder kept as a PART byte for byte, and the members of a message or a call that its signature holds.
*/
#include "../core/citation.h"
#include "../core/rows.h"
#include "openai_responses_writer.h"

/* --- rows ------------------------------------------------------------------------------------------------------- */

/* An id that is the same each time the same answer is written. */
static void make_id(struct ogl_encoder *e, struct ogl_buf *b, const char *prefix, size_t number) {
  struct ogl_span id = ogl_encoder_id(e);
  if (id.n > 5 && memcmp(id.p, "resp_", 5) == 0) id.p += 5, id.n -= 5;
  ogl_buf_text(b, prefix);
  ogl_buf_append(b, id.p, id.n);
  ogl_buf_byte(b, '_');
  ogl_json_write_integer(b, (int64_t)number);
}

int ogl_responses_add_item(struct ogl_encoder *e, int shape, int index, struct ogl_span id) {
  static const char *const prefixes[] = { "msg_", "rs_", "fc_", "item_" };
  struct responses_writer *w = e->state;
  int err = 0;
  void *rows = ogl_rows_grown(w->items, w->n_items + 1, &w->items_cap, sizeof *w->items, OGL_MAX_PARTS, &err);
  if (!rows) return err;
  w->items = rows;
  struct output_item *item = &w->items[w->n_items];
  memset(item, 0, sizeof *item);
  item->shape = shape;
  item->index = index;
  item->open = 1;
  item->told = id.n != 0;
  ogl_buf_init(&item->id, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&item->call_id, OGL_MAX_REPLY, OGL_ERR_REPLY);
  if (id.n) ogl_buf_append(&item->id, id.p, id.n);
  else make_id(e, &item->id, prefixes[shape], w->n_items);
  const struct ogl_part *p = shape == OUTPUT_CALL ? ogl_responses_folded(e, OGL_EVENT_TOOL_CALL, index) : NULL;
  struct ogl_span call_id = p && p->id.n ? ogl_buf_span(&p->id) : id;
  if (call_id.n) ogl_buf_append(&item->call_id, call_id.p, call_id.n);
  else if (p) make_id(e, &item->call_id, "call_", w->n_items); /* clients need one to answer */
  w->n_items++;
  return item->id.err ? item->id.err : item->call_id.err ? item->call_id.err : (int)w->n_items - 1;
}

int ogl_responses_find_row(const struct responses_writer *w, int kind, int index) {
  for (size_t i = w->n_rows; i--;) {
    const struct output_row *row = &w->rows[i];
    int wanted = kind >= 0 ? row->kind == kind : row->kind >= OGL_EVENT_TEXT && row->kind <= OGL_EVENT_REFUSAL;
    if (row->index == index && wanted) return (int)i;
  }
  return -1;
}

int ogl_responses_add_row(struct ogl_encoder *e, const struct ogl_event *event, int item) {
  struct responses_writer *w = e->state;
  int err = 0, before = ogl_responses_find_row(w, event->kind, event->index);
  void *rows = ogl_rows_grown(w->rows, w->n_rows + 1, &w->rows_cap, sizeof *w->rows, OGL_MAX_PARTS, &err);
  if (!rows) return err;
  w->rows = rows;
  struct output_row *row = &w->rows[w->n_rows];
  memset(row, 0, sizeof *row);
  row->kind = event->kind;
  row->index = event->index;
  row->item = item;
  row->is_content = event->kind == OGL_EVENT_REASONING && ogl_span_is(event->c, "content");
  row->open = item >= 0;
  row->owner = -1;
  if (item >= 0) row->at = w->items[item].rows++;
  if (before >= 0) row->from = w->rows[before].from + w->rows[before].n;
  if (event->kind == OGL_EVENT_TEXT) w->last_text = (int)w->n_rows + 1;
  return (int)w->n_rows++;
}

int ogl_responses_find_call(const struct responses_writer *w, int index) {
  for (size_t i = w->n_items; i--;)
    if (w->items[i].shape == OUTPUT_CALL && w->items[i].index == index) return (int)i;
  return -1;
}

const struct ogl_part *ogl_responses_folded(const struct ogl_encoder *e, int kind, int index) {
  const struct ogl_answer *a = ogl_fold_answer(&e->fold, 0);
  for (size_t i = a ? a->n : 0; i--;)
    if (a->parts[i].index == index && a->parts[i].kind == kind) return &a->parts[i];
  return NULL;
}

void ogl_responses_clear_output(struct responses_writer *w) {
  for (size_t i = 0; i < w->n_items; i++) {
    ogl_buf_clear(&w->items[i].id);
    ogl_buf_clear(&w->items[i].call_id);
  }
  ogl_free(w->items);
  ogl_free(w->rows);
  ogl_buf_clear(&w->tail);
}

/* --- what came by this protocol --------------------------------------------------------------------------------- */

/* The text of a string member, raw; empty where it has none, or one with escapes. */
static struct ogl_span string_member(struct ogl_span json, const char *name) {
  struct ogl_json j;
  struct ogl_json_text text;
  struct ogl_span key, found = { "", 0 };
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return found;
  while (ogl_json_key(&j, &key) > 0) {
    if (!ogl_span_equal(key, name, strlen(name))) ogl_json_skip(&j, NULL);
    else if (ogl_json_string_or_skip(&j, &text) && !text.escaped) found = text.raw;
  }
  return found;
}

struct ogl_span ogl_responses_own_id(struct ogl_span json) {
  return string_member(json, "id");
}

int ogl_responses_is_custom_call(struct ogl_span shell) {
  return ogl_span_is(string_member(shell, "type"), "custom_tool_call");
}

int ogl_responses_lists(struct ogl_span json, const char *name) {
  struct ogl_json j;
  struct ogl_span key;
  int any = 0;
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (ogl_json_key(&j, &key) > 0) {
    if (!ogl_span_equal(key, name, strlen(name)) || !ogl_json_enter_or_skip(&j, '[')) {
      if (!ogl_span_equal(key, name, strlen(name))) ogl_json_skip(&j, NULL);
      continue;
    }
    while (ogl_json_item(&j) > 0) any = 1, ogl_json_skip(&j, NULL);
  }
  return any;
}

static int ends_with(struct ogl_span s, const char *end) {
  size_t n = strlen(end);
  return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

/* An item of this protocol says its type and has an id; so does a tool's block of Anthropic, whose type ends otherwise. What
   stands in a message has no id, and a name that says where it is. */
enum output_origin ogl_responses_origin(struct ogl_span kind, struct ogl_span json) {
  struct ogl_span type = string_member(json, "type");
  int same = type.n && ogl_span_equal(type, kind.p, kind.n);
  if (same && ogl_span_is(kind, "reasoning")) return OUTPUT_THOUGHT;
  if (same && kind.n > 7 && memcmp(kind.p, "output_", 7) == 0) return OUTPUT_CONTENT;
  if (!same && !ogl_span_is(kind, "item")) return OUTPUT_FOREIGN;
  return ogl_responses_own_id(json).n && !ends_with(kind, "_tool_use") ? OUTPUT_ITEM : OUTPUT_FOREIGN;
}

/* --- content ---------------------------------------------------------------------------------------------------- */

void ogl_responses_put_text(struct ogl_encoder *e, const struct output_row *row) {
  const struct ogl_part *p = ogl_responses_folded(e, row->kind, row->index);
  struct ogl_span s = { "", 0 };
  if (p && row->from + row->n <= p->text.n) s.p = ogl_buf_span(&p->text).p + row->from, s.n = row->n;
  ogl_out_string(e, s);
}

void ogl_responses_put_logprobs(struct ogl_encoder *e, const struct output_row *row) {
  const struct ogl_answer *a = ogl_fold_answer(&e->fold, 0);
  struct ogl_span s = { "", 0 };
  if (a && row->logs_n) s.p = ogl_buf_span(&a->logprobs).p + row->logs_from, s.n = row->logs_n;
  if (s.n && *s.p == ',') s.p++, s.n--;
  if (!ogl_out_logprobs(e, s, "content")) ogl_out_text(e, "[]");
}

/* One of this protocol's own, as it is. */
static int is_annotation(const struct ogl_citation *c) {
  if (ogl_span_is(c->type, "url_citation")) return !c->nested && c->url.raw.n != 0;
  return ogl_span_is(c->type, "file_citation") || ogl_span_is(c->type, "container_file_citation") ||
         ogl_span_is(c->type, "file_path");
}

int ogl_responses_can_cite(struct ogl_span json) {
  struct ogl_citation c;
  return ogl_citation_read(json, &c) || is_annotation(&c);
}

static void put_raw_string(struct ogl_encoder *e, const char *before, struct ogl_json_text text) {
  ogl_out_text(e, before);
  ogl_out_text(e, "\"");
  ogl_out_span(e, text.raw);
  ogl_out_text(e, "\"");
}

void ogl_responses_put_annotation(struct ogl_encoder *e, const struct output_row *row) {
  const struct ogl_part *p = ogl_responses_folded(e, OGL_EVENT_CITATION, row->index);
  struct ogl_citation c;
  struct ogl_span json = { "{}", 2 };
  if (p) json = ogl_buf_span(&p->text);
  ogl_citation_read(json, &c);
  if (is_annotation(&c) || !p) {
    ogl_out_json(e, json);
    return;
  }
  ogl_out_text(e, "{\"type\":\"url_citation\",\"start_index\":"); /* clients ask for the place, told or not */
  ogl_out_integer(e, c.start < 0 ? 0 : c.start);
  ogl_out_text(e, ",\"end_index\":");
  ogl_out_integer(e, c.end < 0 ? 0 : c.end);
  put_raw_string(e, ",\"url\":", c.url);
  put_raw_string(e, ",\"title\":", c.title);
  ogl_out_text(e, "}");
}

static void put_annotations(struct ogl_encoder *e, int owner) {
  const struct responses_writer *w = e->state;
  int any = 0;
  ogl_out_text(e, "[");
  for (size_t i = 0; i < w->n_rows && w->rows[owner].cited; i++) {
    if (w->rows[i].owner != owner) continue;
    if (any++) ogl_out_text(e, ",");
    ogl_responses_put_annotation(e, &w->rows[i]);
  }
  ogl_out_text(e, "]");
}

void ogl_responses_put_part(struct ogl_encoder *e, int number, int fresh) {
  const struct responses_writer *w = e->state;
  struct output_row row = w->rows[number];
  const struct ogl_part *p;
  if (fresh) row.n = row.logs_n = 0;
  switch (row.kind) {
    case OGL_EVENT_TEXT:
      ogl_out_text(e, "{\"type\":\"output_text\",\"annotations\":");
      if (fresh) ogl_out_text(e, "[]");
      else put_annotations(e, number);
      ogl_out_text(e, ",\"logprobs\":");
      ogl_responses_put_logprobs(e, &row);
      ogl_out_text(e, ",\"text\":");
      break;
    case OGL_EVENT_REFUSAL: ogl_out_text(e, "{\"type\":\"refusal\",\"refusal\":"); break;
    case OGL_EVENT_REASONING:
      ogl_out_text(e,
                   row.is_content ? "{\"type\":\"reasoning_text\",\"text\":" : "{\"type\":\"summary_text\",\"text\":");
      break;
    default:
      if ((p = ogl_responses_folded(e, row.kind, row.index))) ogl_out_json(e, ogl_buf_span(&p->text));
      return;
  }
  ogl_responses_put_text(e, &row);
  ogl_out_text(e, "}");
}

/* --- items ------------------------------------------------------------------------------------------------------ */

/* The content parts of an item: all, or of reasoning those of one list. */
static void put_parts(struct ogl_encoder *e, int item, int is_content) {
  const struct responses_writer *w = e->state;
  int any = 0;
  ogl_out_text(e, "[");
  for (size_t i = 0; i < w->n_rows; i++) {
    const struct output_row *row = &w->rows[i];
    if (row->item != item || row->owner >= 0 || row->is_content != is_content) continue;
    if (any++) ogl_out_text(e, ",");
    ogl_responses_put_part(e, (int)i, 0);
  }
  ogl_out_text(e, "]");
}

/* The signature that belongs to the item, of one of its texts or of its call. */
static struct ogl_span signature_of(const struct ogl_encoder *e, int item) {
  const struct responses_writer *w = e->state;
  const struct ogl_part *p = NULL;
  struct ogl_span none = { "", 0 };
  if (w->items[item].shape == OUTPUT_CALL) p = ogl_responses_folded(e, OGL_EVENT_TOOL_CALL, w->items[item].index);
  for (size_t i = 0; i < w->n_rows && !(p && p->signature.n); i++)
    if (w->rows[i].item == item) p = ogl_responses_folded(e, w->rows[i].kind, w->rows[i].index);
  return p ? ogl_buf_span(&p->signature) : none;
}

/* The members that a signature of this protocol has beside those that are written anyway. */
static void put_extras(struct ogl_encoder *e, int item) {
  struct ogl_span signature = signature_of(e, item), key, json;
  struct ogl_json j;
  if (!ogl_responses_is_shell(signature)) return;
  ogl_json_open(&j, signature.p, signature.n);
  ogl_json_enter(&j, '{');
  while (ogl_json_key(&j, &key) > 0 && ogl_json_skip(&j, &json) > 0) {
    if (ogl_span_is(key, "id") || ogl_span_is(key, "type")) continue;
    ogl_out_text(e, ",\"");
    ogl_out_span(e, key);
    ogl_out_text(e, "\":");
    ogl_out_json(e, json);
  }
}

static void put_call(struct ogl_encoder *e, const struct output_item *item, int fresh) {
  const struct ogl_part *p = ogl_responses_folded(e, OGL_EVENT_TOOL_CALL, item->index);
  struct ogl_span none = { "", 0 };
  ogl_out_text(e, item->custom ? ",\"input\":" : ",\"arguments\":");
  ogl_out_string(e, p && !fresh ? ogl_buf_span(&p->text) : none);
  ogl_out_text(e, ",\"call_id\":");
  ogl_out_string(e, ogl_buf_span(&item->call_id));
  ogl_out_text(e, ",\"name\":");
  ogl_out_string(e, p ? ogl_buf_span(&p->name) : none);
}

/* Another protocol's signature goes where this one keeps what only the server can read. */
static void put_thought(struct ogl_encoder *e, int item, int fresh) {
  struct ogl_span signature = signature_of(e, item);
  const struct responses_writer *w = e->state;
  int contents = 0;
  for (size_t i = 0; i < w->n_rows && !fresh; i++) contents += w->rows[i].item == item && w->rows[i].is_content;
  ogl_out_text(e, ",\"summary\":");
  if (fresh) ogl_out_text(e, "[]");
  else put_parts(e, item, 0);
  if (contents) {
    ogl_out_text(e, ",\"content\":");
    put_parts(e, item, 1);
  }
  if (fresh || !signature.n || ogl_responses_is_shell(signature)) return;
  ogl_out_text(e, ",\"encrypted_content\":");
  ogl_out_string(e, signature);
}

void ogl_responses_put_item(struct ogl_encoder *e, int number, int fresh) {
  static const char *const types[] = { "message", "reasoning", "function_call" };
  const struct responses_writer *w = e->state;
  const struct output_item *item = &w->items[number];
  if (item->index >= 0 && item->shape != OUTPUT_CALL) { /* as it came */
    const struct ogl_part *p = ogl_responses_folded(e, OGL_EVENT_PART, item->index);
    if (p) ogl_out_json(e, ogl_buf_span(&p->text));
    return;
  }
  ogl_out_text(e, "{\"id\":");
  ogl_out_string(e, ogl_buf_span(&item->id));
  ogl_out_text(e, ",\"type\":\"");
  ogl_out_text(e, item->custom ? "custom_tool_call" : types[item->shape]);
  ogl_out_text(e, "\"");
  if (item->shape != OUTPUT_REASONING) {
    ogl_out_text(e, fresh              ? ",\"status\":\"in_progress\""
                    : item->incomplete ? ",\"status\":\"incomplete\""
                                       : ",\"status\":\"completed\"");
  }
  if (item->shape == OUTPUT_REASONING) put_thought(e, number, fresh);
  else if (item->shape == OUTPUT_CALL) put_call(e, item, fresh);
  else {
    ogl_out_text(e, ",\"role\":\"assistant\",\"content\":");
    if (fresh) ogl_out_text(e, "[]");
    else put_parts(e, number, 0);
  }
  if (!fresh) put_extras(e, number);
  ogl_out_text(e, "}");
}
