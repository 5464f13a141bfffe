/* SPDX-License-Identifier: MIT
** openai_chat_delta.c - the `delta` of a streamed choice, or the `message` of a whole one, to events.
**
** The members are gathered first, for their order on the wire means nothing; then the events follow in the order of a
** reply: reasoning, text, refusal, other parts, tool calls.
*/
#include "openai_chat_state.h"
#include "read.h"

enum { NO_ROW = -1, MOST_KEPT = 8 };

/* The members of a delta that matter: raw values; n = 0 where absent or null. */
struct delta {
  struct ogl_span content, refusal;
  struct ogl_span reasoning_content, reasoning, reasoning_details;
  struct ogl_span tool_calls, function_call;
  struct ogl_span annotations, audio, images;
  struct {
    const char *name;
    struct ogl_span json;
  } kept[MOST_KEPT]; /* see openai_chat_kept.c */
  int n_kept;
};

static void keep(struct delta *d, const char *name, struct ogl_json *j) {
  struct ogl_span raw = ogl_read_raw(j);
  if (!name || !raw.n || d->n_kept == MOST_KEPT) return;
  if (strcmp(name, "reasoning_details") == 0) d->reasoning_details = raw;
  d->kept[d->n_kept].name = name;
  d->kept[d->n_kept++].json = raw;
}

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
    else if (ogl_span_is(key, "function_call")) d->function_call = ogl_read_raw(&j);
    else if (ogl_span_is(key, "annotations")) d->annotations = ogl_read_raw(&j);
    else if (ogl_span_is(key, "audio")) d->audio = ogl_read_raw(&j);
    else if (ogl_span_is(key, "images")) d->images = ogl_read_raw(&j);
    else keep(d, ogl_chat_kept_name(key), &j);
  }
}

/* --- texts ---------------------------------------------------------------------------------------------------- */

/* The place of a text of that kind: in the open part, or in a new one. */
static int text_index(struct chat_state *s, struct chat_choice *choice, int kind, struct ogl_queue *out) {
  if (choice->open_kind != kind) {
    ogl_chat_close_text(choice, out);
    choice->open_kind = kind;
    choice->open_index = choice->next_index++;
    s->touched = 1;
  }
  return choice->open_index;
}

/* A text that repeats those of its kind: gives its rest, if it begins with them. It belongs to the newest of them. */
static void complete(struct chat_state *s, struct chat_choice *choice, int kind, struct ogl_span text,
                     struct ogl_queue *out) {
  struct chat_again *again = &s->again[kind - OGL_EVENT_TEXT];
  const struct chat_given *given = &choice->given[kind - OGL_EVENT_TEXT];
  struct ogl_span front = { text.p, text.n < again->left ? text.n : again->left };
  again->hash = ogl_hash(again->hash, again->n, front);
  again->n += front.n;
  again->left -= front.n;
  text.p += front.n;
  text.n -= front.n;
  if (!text.n || again->hash != again->want) return;
  if (choice->open_kind == kind) choice->half = 0; /* the text has it whole */
  int index = given->n ? given->index : text_index(s, choice, kind, out);
  struct ogl_event *e = ogl_queue_push(out, kind, choice->number, index);
  if (e) ogl_chat_give(choice, e, text);
}

static void give(struct chat_state *s, struct chat_choice *choice, int kind, struct ogl_json_text text,
                 struct ogl_queue *out) {
  int index = text_index(s, choice, kind, out);
  struct ogl_span piece = ogl_queue_piece(out, text, &choice->half);
  struct ogl_event *e = piece.n ? ogl_queue_push(out, kind, choice->number, index) : NULL;
  if (e) ogl_chat_give(choice, e, piece);
  if (choice->half) s->touched = 1;
}

/* Pushes the JSON string `raw`; 1 where there was text in it. */
static int push_text(struct chat_state *s, struct chat_choice *choice, int kind, struct ogl_span raw,
                     struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_json_text text;
  if (!raw.n || *raw.p != '"') return 0;
  ogl_json_open(&j, raw.p, raw.n);
  if (ogl_json_string(&j, &text) != OGL_OK || text.raw.n == 0) return 0;
  if (s->texts++ == 0) s->only_text = text.raw, s->only_row = (size_t)(choice - s->choices);
  if (s->repeats) complete(s, choice, kind, ogl_queue_text(out, text), out);
  else give(s, choice, kind, text, out);
  return 1;
}

static void push_part(struct chat_state *s, struct chat_choice *choice, const char *kind, struct ogl_span json,
                      struct ogl_queue *out) {
  ogl_chat_close_text(choice, out);
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_PART, choice->number, choice->next_index++);
  s->touched = 1;
  if (!e) return;
  e->a.p = kind;
  e->a.n = strlen(kind);
  e->b = json;
}

/* --- content arrays (Mistral) --------------------------------------------------------------------------------- */

/* A part of a content array: raw values; n = 0 where absent or null. */
struct content {
  struct ogl_span type, text, thinking;
};

static void read_content(struct ogl_span part, struct content *c) {
  struct ogl_json j;
  struct ogl_span key;
  memset(c, 0, sizeof *c);
  ogl_json_open(&j, part.p, part.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "type")) c->type = ogl_read_raw(&j);
    else if (ogl_span_is(key, "text")) c->text = ogl_read_raw(&j);
    else if (ogl_span_is(key, "thinking")) c->thinking = ogl_read_raw(&j);
    else ogl_json_skip(&j, NULL);
  }
}

/* The texts of a thought: a string, or a list of texts. How many there were. */
static int push_thoughts(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  struct content c;
  int n = push_text(s, choice, OGL_EVENT_REASONING, raw, out);
  ogl_json_open(&j, raw.p, raw.n);
  if (!raw.n || !ogl_json_enter_or_skip(&j, '[')) return n;
  while (ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) {
    read_content(item, &c);
    if (*item.p == '"' || c.text.n) n += push_text(s, choice, OGL_EVENT_REASONING, c.text.n ? c.text : item, out);
    else if (!s->repeats) push_part(s, choice, "content", item, out);
  }
  return n;
}

/* A thinking part, or in a stream a fragment of one: what it has beside its texts goes back with them. 0, or a final error. */
static int push_thinking(struct chat_state *s, struct chat_choice *choice, const struct content *c,
                         struct ogl_span part, struct ogl_queue *out) {
  static const char *const known[] = { "thinking", NULL };
  if (s->repeats) return push_thoughts(s, choice, c->thinking, out), 0;
  if (s->is_whole || choice->open_kept == NO_ROW) ogl_chat_close_text(choice, out);
  if (!push_thoughts(s, choice, c->thinking, out) && choice->open_kind != OGL_EVENT_REASONING) {
    if (s->is_whole) push_part(s, choice, "content", part, out); /* there is nothing to read in it */
    return 0;
  }
  if (choice->open_kind != OGL_EVENT_REASONING) return 0;
  int row = ogl_chat_keep_rest(s, choice, choice->open_index, "reasoning", part, known);
  if (row >= 0) choice->open_kept = row;
  return row < 0 ? row : 0;
}

static int push_content_part(struct chat_state *s, struct chat_choice *choice, struct ogl_span part,
                             struct ogl_queue *out) {
  struct content c;
  if (*part.p == '"') return push_text(s, choice, OGL_EVENT_TEXT, part, out), 0;
  if (*part.p != '{') return 0;
  read_content(part, &c);
  if (ogl_span_is(c.type, "\"thinking\"")) return push_thinking(s, choice, &c, part, out);
  if (c.text.n) push_text(s, choice, OGL_EVENT_TEXT, c.text, out);
  else if (!s->repeats) push_part(s, choice, "content", part, out); /* not known: kept as it came */
  return 0;
}

static int push_content(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  int err = 0;
  if (!raw.n || *raw.p != '[') return push_text(s, choice, OGL_EVENT_TEXT, raw, out), 0;
  s->touched = 1;
  ogl_json_open(&j, raw.p, raw.n);
  ogl_json_enter(&j, '[');
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) err = push_content_part(s, choice, item, out);
  return err;
}

/* --- reasoning ------------------------------------------------------------------------------------------------ */

/* The text or the summary of one element of reasoning_details (OpenRouter and gateways). */
static void push_detail(struct chat_state *s, struct chat_choice *choice, struct ogl_span item, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key, text = { "", 0 }, summary = { "", 0 };
  ogl_json_open(&j, item.p, item.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "text")) text = ogl_read_raw(&j);
    else if (ogl_span_is(key, "summary")) summary = ogl_read_raw(&j);
    else ogl_json_skip(&j, NULL);
  }
  if (!push_text(s, choice, OGL_EVENT_REASONING, text, out)) push_text(s, choice, OGL_EVENT_REASONING, summary, out);
}

/* One thought under several names counts once: the first that is not empty. */
static void push_reasoning(struct chat_state *s, struct chat_choice *choice, const struct delta *d,
                           struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  if (choice->open_kept != NO_ROW && (d->reasoning_content.n > 2 || d->reasoning.n > 2))
    ogl_chat_close_text(choice, out);
  if (push_text(s, choice, OGL_EVENT_REASONING, d->reasoning_content, out)) return;
  if (push_text(s, choice, OGL_EVENT_REASONING, d->reasoning, out)) return;
  ogl_json_open(&j, d->reasoning_details.p, d->reasoning_details.n);
  if (!d->reasoning_details.n || !ogl_json_enter_or_skip(&j, '[')) return;
  while (ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) push_detail(s, choice, item, out);
}

/* Keeps the members that only the server can read. Apart from its caller, which runs once a token. */
static int push_kept(struct chat_state *s, struct chat_choice *choice, const struct delta *d) {
  int err = 0;
  for (int i = 0; i < d->n_kept && !err; i++) err = ogl_chat_keep_member(s, choice, d->kept[i].name, d->kept[i].json);
  return err;
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

/* Whether to push a part that is no text: where a message repeats the deltas, the deltas have pushed it. */
static int is_new(const struct chat_state *s, struct chat_choice *choice, enum chat_told what, struct ogl_span raw) {
  if (OGL_LIKELY(raw.n <= 2) || (s->repeats && choice->told & what)) return 0; /* 2: an empty list */
  choice->told |= what;
  return 1;
}

/* Notes the texts that the message is compared with. */
static void begin_repeat(struct chat_state *s, const struct chat_choice *choice) {
  memset(s->again, 0, sizeof s->again);
  for (int i = 0; i < CHAT_TEXTS; i++) {
    s->again[i].left = choice->given[i].n;
    s->again[i].want = choice->given[i].hash;
  }
}

void ogl_chat_read_text(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw, struct ogl_queue *out) {
  push_text(s, choice, OGL_EVENT_TEXT, raw, out);
}

int ogl_chat_read_delta(struct chat_state *s, struct chat_choice *choice, struct ogl_span json, struct ogl_queue *out) {
  struct delta d;
  gather(json, &d);
  if (OGL_UNLIKELY(s->repeats)) begin_repeat(s, choice);
  push_reasoning(s, choice, &d, out);
  int err = d.n_kept ? push_kept(s, choice, &d) : 0;
  if (!err) err = push_content(s, choice, d.content, out);
  if (err) return err;
  push_text(s, choice, OGL_EVENT_REFUSAL, d.refusal, out);
  if (is_new(s, choice, CHAT_IMAGES, d.images)) push_part(s, choice, "images", d.images, out);
  if (is_new(s, choice, CHAT_AUDIO, d.audio)) push_part(s, choice, "audio", d.audio, out);
  if (is_new(s, choice, CHAT_ANNOTATIONS, d.annotations)) push_annotations(s, choice, d.annotations, out);
  err = ogl_chat_read_calls(s, choice, d.tool_calls, out);
  return err ? err : ogl_chat_read_function_call(s, choice, d.function_call, out);
}
