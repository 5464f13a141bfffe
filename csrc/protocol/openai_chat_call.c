/* SPDX-License-Identifier: MIT
** openai_chat_call.c - tool calls of a delta or message, which come whole or in fragments. The interface is in
** openai_chat_state.h.
**
** Which call a fragment continues, and which opens another, servers tell in many ways: all calls have the index 0, each fragment has
** another id, or another index, or the name comes again and again. `continued` has the rules.
*/
#include "openai_chat_state.h"
#include "read.h"

/* A fragment of a call. `key`: the wire's index, or CHAT_NO_KEY. */
struct fragment {
  int64_t key;
  struct ogl_span id, name;
  struct ogl_json_text arguments;
};

/* --- reading -------------------------------------------------------------------------------------------------- */

static struct ogl_json_text string_or_json(struct ogl_json *j) {
  struct ogl_json_text text = { { "", 0 }, 0 };
  if (ogl_json_peek(j) != '"') return ogl_json_plain(ogl_read_raw(j));
  ogl_json_string(j, &text);
  return text;
}

/* {"name", "arguments"}, or {"name", "input"} of a custom tool. */
static void read_function(struct ogl_json *j, struct fragment *f, struct ogl_queue *out) {
  struct ogl_span key;
  if (!ogl_json_enter_or_skip(j, '{')) return;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "name")) f->name = ogl_queue_text(out, string_or_json(j));
    else if (ogl_span_is(key, "arguments") || ogl_span_is(key, "input")) f->arguments = string_or_json(j);
    else ogl_json_skip(j, NULL);
  }
}

static const char *const known[] = { "index", "id", "type", "function", "custom", NULL };

/* *more: it has members that are not known here. */
static int read_fragment(struct ogl_span item, struct fragment *f, int *more, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key;
  struct ogl_number n;
  memset(f, 0, sizeof *f);
  f->key = CHAT_NO_KEY;
  *more = 0;
  ogl_json_open(&j, item.p, item.n);
  if (ogl_json_enter(&j, '{') < 0) return 0;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "index"))
      f->key = ogl_json_number_or_skip(&j, &n) && n.is_integer && n.i >= 0 ? n.i : CHAT_NO_KEY;
    else if (ogl_span_is(key, "id")) f->id = ogl_queue_text(out, string_or_json(&j));
    else if (ogl_span_is(key, "function") || ogl_span_is(key, "custom")) read_function(&j, f, out);
    else if (ogl_span_is(key, "type")) ogl_json_skip(&j, NULL);
    else *more |= ogl_read_raw(&j).n != 0;
  }
  return 1;
}

/* --- rules ---------------------------------------------------------------------------------------------------- */

static int has_id(const struct ogl_call *call, struct ogl_span id) {
  return ogl_span_equal(ogl_buf_span(&call->id), id.p, id.n);
}

/* The newest call with that index and that id, or NULL. */
static struct ogl_call *same(struct ogl_calls *calls, const struct fragment *f) {
  for (size_t i = calls->n; i-- && f->id.n;)
    if (calls->rows[i].key == f->key && has_id(&calls->rows[i], f->id)) return &calls->rows[i];
  return NULL;
}

/* Whether a fragment with a name opens a call beside that one, whose index it has: with another id, or, where it has none, once the
   arguments are complete. */
static int opens_beside(struct ogl_call *call, const struct fragment *f) {
  if (f->key == CHAT_FUNCTION_CALL) return 0; /* there is one */
  if (f->id.n && call->id.n) return !has_id(call, f->id);
  return call->name.n && ogl_calls_is_complete(call);
}

/* The call that the fragment continues, or NULL where it opens one. The same index continues, see above; without a name also the
   same id does, at whatever index. Without an index a known id continues, a new id or a name opens, and anything else belongs to
   the last call. */
static struct ogl_call *continued(struct ogl_calls *calls, const struct fragment *f) {
  struct ogl_call *call;
  if (f->key != CHAT_NO_KEY) {
    if ((call = same(calls, f))) return call;
    call = ogl_calls_by_key(calls, f->key);
    if (f->name.n) return call && opens_beside(call, f) ? NULL : call;
    return call ? call : ogl_calls_by_id(calls, f->id);
  }
  call = ogl_calls_by_id(calls, f->id);
  if (call || f->id.n || f->name.n) return call;
  return calls->n ? &calls->rows[calls->n - 1] : NULL;
}

/* --- adding --------------------------------------------------------------------------------------------------- */

/* `item`: the fragment's JSON, if it has members that are not known here. */
static int add_fragment(struct chat_state *s, struct chat_choice *choice, const struct fragment *f, int own,
                        struct ogl_span item, struct ogl_queue *out) {
  int err = 0;
  struct ogl_call *call = own ? NULL : continued(&choice->calls, f);
  s->held += f->id.n + f->name.n + f->arguments.raw.n;
  if (s->held > OGL_MAX_REPLY) return OGL_ERR_REPLY; /* of all choices together */
  s->touched = 1;
  if (!call && !f->id.n && !f->name.n && !f->arguments.raw.n) return 0; /* nothing opens nothing */
  if (!call) {
    ogl_chat_close_text(choice, out);
    call = ogl_calls_open(&choice->calls, f->key, choice->next_index++, &err);
    if (!call) return err;
  }
  if (call->key != f->key) call->also = f->key;
  err = ogl_calls_add(&choice->calls, call, f->id, f->name, f->arguments, choice->number, out);
  if (err || !item.n) return err;
  err = ogl_chat_keep_rest(s, choice, call->index, "tool_call", item, known);
  return err < 0 ? err : 0;
}

int ogl_chat_read_calls(struct chat_state *s, struct chat_choice *choice, struct ogl_span list, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item, none = { "", 0 };
  struct fragment f;
  int err = 0, more;
  if (!list.n || *list.p != '[') return 0;
  if (s->repeats && choice->calls.n) return 0; /* the deltas gave them */
  ogl_json_open(&j, list.p, list.n);
  ogl_json_enter(&j, '[');
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0)
    if (read_fragment(item, &f, &more, out))
      err = add_fragment(s, choice, &f, s->is_whole || s->repeats, more ? item : none, out);
  return err;
}

/* The old form: one call a reply, without an id. Empty name and arguments are no call. */
int ogl_chat_read_function_call(struct chat_state *s, struct chat_choice *choice, struct ogl_span json,
                                struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span none = { "", 0 };
  struct fragment f;
  if (!json.n || *json.p != '{' || (s->repeats && choice->calls.n)) return 0;
  memset(&f, 0, sizeof f);
  f.key = CHAT_FUNCTION_CALL;
  ogl_json_open(&j, json.p, json.n);
  read_function(&j, &f, out);
  return f.name.n || f.arguments.raw.n ? add_fragment(s, choice, &f, 0, none, out) : 0;
}
