/* SPDX-License-Identifier: MIT
** openai_chat_delta.c - the `delta` of a streamed choice, or the `message` of a whole one, to events.
**
** The members are gathered first, for their order on the wire means nothing; then the events follow in the order of a
** reply: reasoning, text, refusal, other parts, tool calls.
*/
#include "openai_chat_decode.h"
#include "read.h"

/* The members of a delta that matter: raw values; n = 0 where absent or null. */
struct delta {
  struct ogl_span content, refusal;
  struct ogl_span reasoning_content, reasoning, reasoning_details;
  struct ogl_span tool_calls, function_call;
  struct ogl_span annotations, audio, images;
};

enum { FUNCTION_CALL = -2, NO_KEY = -1 }; /* keys of calls that have no index on the wire */

static void gather(struct ogl_span json, struct delta *d) {
  struct ogl_json j;
  struct ogl_span key;
  memset(d, 0, sizeof *d);
  ogl_json_open(&j, json.p, json.n);
  ogl_json_enter(&j, '{');
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "content")) d->content = ogl_read_raw(&j);
    else if (ogl_span_is(key, "reasoning_content")) d->reasoning_content = ogl_read_raw(&j);
    else if (ogl_span_is(key, "reasoning")) d->reasoning = ogl_read_raw(&j);
    else if (ogl_span_is(key, "tool_calls")) d->tool_calls = ogl_read_raw(&j);
    else if (ogl_span_is(key, "refusal")) d->refusal = ogl_read_raw(&j);
    else if (ogl_span_is(key, "reasoning_details")) d->reasoning_details = ogl_read_raw(&j);
    else if (ogl_span_is(key, "function_call")) d->function_call = ogl_read_raw(&j);
    else if (ogl_span_is(key, "annotations")) d->annotations = ogl_read_raw(&j);
    else if (ogl_span_is(key, "audio")) d->audio = ogl_read_raw(&j);
    else if (ogl_span_is(key, "images")) d->images = ogl_read_raw(&j);
    else ogl_json_skip(&j, NULL);
  }
}

/* --- texts ---------------------------------------------------------------------------------------------------- */

/* The place of a text of that kind: in the open part, or in a new one. */
static int text_index(struct chat_state *s, struct chat_choice *choice, int kind) {
  if (choice->open_kind != kind) {
    choice->open_kind = kind;
    choice->open_index = choice->next_index++;
    s->touched = 1;
  }
  return choice->open_index;
}

/* Pushes the JSON string `raw`; 1 where there was text in it. */
static int push_text(struct chat_state *s, struct chat_choice *choice, int kind, struct ogl_span raw,
                     struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_json_text text;
  if (!raw.n || *raw.p != '"') return 0;
  ogl_json_open(&j, raw.p, raw.n);
  if (ogl_json_string(&j, &text) != OGL_OK || text.raw.n == 0) return 0;
  struct ogl_event *e = ogl_queue_push(out, kind, choice->number, text_index(s, choice, kind));
  if (!e) return 0;
  e->a = ogl_queue_text(out, text);
  if (s->texts++ == 0) s->only_text = text.raw;
  return 1;
}

static void push_part(struct chat_state *s, struct chat_choice *choice, const char *kind, struct ogl_span json,
                      struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_PART, choice->number, choice->next_index++);
  s->touched = 1;
  choice->open_kind = NO_KEY;
  if (!e) return;
  e->a.p = kind;
  e->a.n = strlen(kind);
  e->b = json;
}

/* One part of a content array (Mistral), or of its `thinking` array. */
static void push_content_part(struct chat_state *s, struct chat_choice *choice, struct ogl_span part, int kind,
                              struct ogl_queue *out) {
  struct ogl_json j, inner;
  struct ogl_span key, type = { "", 0 }, text = { "", 0 }, thinking = { "", 0 }, item;
  ogl_json_open(&j, part.p, part.n);
  if (ogl_json_peek(&j) == '"') {
    push_text(s, choice, kind, part, out);
    return;
  }
  if (ogl_json_enter(&j, '{') < 0) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "type")) type = ogl_read_raw(&j);
    else if (ogl_span_is(key, "text")) text = ogl_read_raw(&j);
    else if (ogl_span_is(key, "thinking")) thinking = ogl_read_raw(&j);
    else ogl_json_skip(&j, NULL);
  }
  if (ogl_span_is(type, "\"thinking\"")) {
    ogl_json_open(&inner, thinking.p, thinking.n);
    if (ogl_json_peek(&inner) == '"') push_text(s, choice, OGL_EVENT_REASONING, thinking, out);
    else if (kind == OGL_EVENT_TEXT && ogl_json_peek(&inner) == '[' && ogl_json_enter(&inner, '[') > 0)
      while (ogl_json_item(&inner) > 0 && ogl_json_skip(&inner, &item) > 0)
        push_content_part(s, choice, item, OGL_EVENT_REASONING, out);
  } else if (text.n) {
    push_text(s, choice, kind, text, out);
  } else {
    push_part(s, choice, "content", part, out); /* not known: kept as it came */
  }
}

static void push_content(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  if (!raw.n || *raw.p != '[') {
    push_text(s, choice, OGL_EVENT_TEXT, raw, out);
    return;
  }
  s->touched = 1;
  ogl_json_open(&j, raw.p, raw.n);
  ogl_json_enter(&j, '[');
  while (ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) push_content_part(s, choice, item, OGL_EVENT_TEXT, out);
}

/* --- reasoning ------------------------------------------------------------------------------------------------ */

/* One element of reasoning_details (OpenRouter and gateways): its text or summary where that is wanted; what cannot be read
   but must go back on the next turn (encrypted, signed) is a part. */
static void push_detail(struct chat_state *s, struct chat_choice *choice, struct ogl_span item, int wanted,
                        struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key, text = { "", 0 }, summary = { "", 0 }, data = { "", 0 }, signature = { "", 0 };
  ogl_json_open(&j, item.p, item.n);
  if (ogl_json_enter(&j, '{') < 0) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "text")) text = ogl_read_raw(&j);
    else if (ogl_span_is(key, "summary")) summary = ogl_read_raw(&j);
    else if (ogl_span_is(key, "data")) data = ogl_read_raw(&j);
    else if (ogl_span_is(key, "signature")) signature = ogl_read_raw(&j);
    else ogl_json_skip(&j, NULL);
  }
  if (wanted && !push_text(s, choice, OGL_EVENT_REASONING, text, out))
    push_text(s, choice, OGL_EVENT_REASONING, summary, out);
  if (data.n || signature.n) push_part(s, choice, "reasoning_details", item, out);
}

/* One thought under several names counts once: the first that is not empty. */
static void push_reasoning(struct chat_state *s, struct chat_choice *choice, const struct delta *d,
                           struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  int told = push_text(s, choice, OGL_EVENT_REASONING, d->reasoning_content, out) ||
             push_text(s, choice, OGL_EVENT_REASONING, d->reasoning, out);
  ogl_json_open(&j, d->reasoning_details.p, d->reasoning_details.n);
  if (!ogl_json_enter_or_skip(&j, '[')) return;
  while (ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) push_detail(s, choice, item, !told, out);
}

/* --- tool calls ----------------------------------------------------------------------------------------------- */

/* A fragment of a call. `key`: the wire's index, or NO_KEY. */
struct fragment {
  int64_t key;
  struct ogl_span id, name, arguments;
};

static struct ogl_span string_or_json(struct ogl_json *j, struct ogl_queue *out) {
  struct ogl_json_text text;
  if (ogl_json_peek(j) != '"') return ogl_read_raw(j);
  struct ogl_span none = { "", 0 };
  return ogl_json_string(j, &text) == OGL_OK ? ogl_queue_text(out, text) : none;
}

/* {"name", "arguments"}, or {"name", "input"} of a custom tool. */
static void read_function(struct ogl_json *j, struct fragment *f, struct ogl_queue *out) {
  struct ogl_span key;
  if (!ogl_json_enter_or_skip(j, '{')) return;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "name")) f->name = string_or_json(j, out);
    else if (ogl_span_is(key, "arguments") || ogl_span_is(key, "input")) f->arguments = string_or_json(j, out);
    else ogl_json_skip(j, NULL);
  }
}

static int read_fragment(struct ogl_span item, struct fragment *f, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key;
  struct ogl_number n;
  memset(f, 0, sizeof *f);
  f->key = NO_KEY;
  ogl_json_open(&j, item.p, item.n);
  if (ogl_json_enter(&j, '{') < 0) return 0;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "index")) f->key = ogl_json_number_or_skip(&j, &n) && n.is_integer && n.i >= 0 ? n.i : NO_KEY;
    else if (ogl_span_is(key, "id")) f->id = string_or_json(&j, out);
    else if (ogl_span_is(key, "function") || ogl_span_is(key, "custom")) read_function(&j, f, out);
    else ogl_json_skip(&j, NULL);
  }
  return 1;
}

/* The call that the fragment continues, or NULL where it opens one. The same index continues, unless it brings another id;
   without an index a known id continues, a new id or a name opens, and anything else belongs to the last call. */
static struct ogl_call *continued(struct ogl_calls *calls, const struct fragment *f) {
  struct ogl_call *call;
  if (f->key != NO_KEY) {
    call = ogl_calls_by_key(calls, f->key);
    int other = call && f->id.n && call->id.n && !ogl_span_equal(ogl_buf_span(&call->id), f->id.p, f->id.n);
    return other ? NULL : call;
  }
  call = ogl_calls_by_id(calls, f->id);
  if (call || f->id.n || f->name.n) return call;
  return calls->n ? &calls->rows[calls->n - 1] : NULL;
}

static int add_fragment(struct chat_state *s, struct chat_choice *choice, const struct fragment *f,
                        struct ogl_queue *out) {
  int err = 0;
  struct ogl_call *call = continued(&choice->calls, f);
  s->held += f->id.n + f->name.n + f->arguments.n;
  if (s->held > OGL_MAX_REPLY) return OGL_ERR_REPLY; /* of all choices together */
  s->touched = 1;
  if (!call && !f->id.n && !f->name.n && !f->arguments.n) return 0; /* nothing opens nothing */
  if (!call) {
    call = ogl_calls_open(&choice->calls, f->key, choice->next_index++, &err);
    choice->open_kind = NO_KEY;
    if (!call) return err;
  }
  return ogl_calls_add(&choice->calls, call, f->id, f->name, f->arguments, choice->number, out);
}

static int push_tool_calls(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw,
                           struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  struct fragment f;
  int err = 0;
  if (!raw.n || *raw.p != '[') return 0;
  ogl_json_open(&j, raw.p, raw.n);
  ogl_json_enter(&j, '[');
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0)
    if (read_fragment(item, &f, out)) err = add_fragment(s, choice, &f, out);
  return err;
}

/* The old form: one call a reply, without an id. Empty name and arguments are no call. */
static int push_function_call(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw,
                              struct ogl_queue *out) {
  struct ogl_json j;
  struct fragment f;
  if (!raw.n || *raw.p != '{') return 0;
  memset(&f, 0, sizeof f);
  f.key = FUNCTION_CALL;
  ogl_json_open(&j, raw.p, raw.n);
  read_function(&j, &f, out);
  return f.name.n || f.arguments.n ? add_fragment(s, choice, &f, out) : 0;
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

static void push_annotations(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw,
                             struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  ogl_json_open(&j, raw.p, raw.n);
  if (!ogl_json_enter_or_skip(&j, '[')) return;
  while (ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) {
    struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_CITATION, choice->number, choice->next_index++);
    s->touched = 1;
    if (e) e->a = item;
  }
}

int ogl_chat_read_delta(struct chat_state *s, struct chat_choice *choice, struct ogl_span json, struct ogl_queue *out) {
  struct delta d;
  gather(json, &d);
  push_reasoning(s, choice, &d, out);
  push_content(s, choice, d.content, out);
  push_text(s, choice, OGL_EVENT_REFUSAL, d.refusal, out);
  if (d.images.n > 2) push_part(s, choice, "images", d.images, out); /* 2: an empty array */
  if (d.audio.n > 2) push_part(s, choice, "audio", d.audio, out);
  push_annotations(s, choice, d.annotations, out);
  int err = push_tool_calls(s, choice, d.tool_calls, out);
  return err ? err : push_function_call(s, choice, d.function_call, out);
}
