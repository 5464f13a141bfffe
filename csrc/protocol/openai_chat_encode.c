/* SPDX-License-Identifier: MIT
** openai_chat_encode.c - events to Chat Completions, as the official clients of OpenAI read it: chunks, or one body.
**
** A chunk carries one event. Each choice opens with its role; the finish_reason goes out when its FINISH comes, the usage
** in a chunk of its own before `[DONE]`, if the client asked for it. Tool calls are numbered in the order in which they were
** announced; arguments that never came in pieces go out with the call's end.
**
** What came by this protocol for its server alone goes back under its name (openai_chat_kept.c). In a stream that is at the end, where
** texts in reasoning_details would be read a second time: such a list goes into a whole answer only.
**
** Lost: signatures, encrypted reasoning, opaque parts of other protocols; a pause is a stop.
*/
#include <string.h>

#include "../core/json.h"
#include "../core/out.h"
#include "../core/rows.h"
#include "openai_chat_kept.h"
#include "protocols.h"

enum { MOST_CALLS = OGL_MAX_PARTS * OGL_MAX_CHOICES };

struct call { /* announced in a stream */
  int choice, index, number, argued;
};

struct chat_writer {
  struct ogl_buf head; /* a chunk up to its choices: the same for all */
  size_t head_model;   /* length of the model that is in it */
  struct call *calls;
  size_t n, cap;
  unsigned char opened[OGL_MAX_CHOICES / 8]; /* choices whose role was sent, as bits */
  int any;                                   /* a chunk was sent */
};

static void put_null_or(struct ogl_encoder *e, struct ogl_span s) {
  if (s.n) ogl_out_string(e, s);
  else ogl_out_text(e, "null");
}

/* --- words both forms share ------------------------------------------------------------------------------------ */

static struct ogl_span wire_reason(struct ogl_span reason, struct ogl_span raw) {
  static const struct ogl_span stop = { "stop", 4 };
  if (!reason.n || ogl_span_is(reason, "pause")) return stop;
  if (ogl_span_is(reason, "other")) return raw.n ? raw : stop;
  return reason;
}

static void put_usage_field(struct ogl_encoder *e, const char *name, int field, int *any) {
  if (!ogl_usage_has(&e->usage, field)) return;
  ogl_out_text(e, *any ? ",\"" : "\"");
  ogl_out_text(e, name);
  ogl_out_text(e, "\":");
  if (field < OGL_USAGE_COST) ogl_out_count(e, e->usage.v[field]);
  else ogl_out_amount(e, e->usage.v[field]);
  *any = 1;
}

static void put_details(struct ogl_encoder *e, const char *name, const char *field, int which, const char *other,
                        int also) {
  int any = 0;
  if (!ogl_usage_has(&e->usage, which) && (also < 0 || !ogl_usage_has(&e->usage, also))) return;
  ogl_out_text(e, ",\"");
  ogl_out_text(e, name);
  ogl_out_text(e, "\":{");
  put_usage_field(e, field, which, &any);
  if (also >= 0) put_usage_field(e, other, also, &any);
  ogl_out_text(e, "}");
}

/* OpenAI's clients expect the three counts; one that was never told counts as nothing. */
static void put_count(struct ogl_encoder *e, const char *name, int field) {
  ogl_out_text(e, name);
  ogl_out_count(e, ogl_usage_has(&e->usage, field) ? e->usage.v[field] : 0);
}

static void put_usage(struct ogl_encoder *e) {
  struct ogl_usage *u = &e->usage;
  if (!ogl_usage_has(u, OGL_USAGE_TOTAL) && u->known)
    u->v[OGL_USAGE_TOTAL] = u->v[OGL_USAGE_INPUT] + u->v[OGL_USAGE_OUTPUT], u->known |= 1u << OGL_USAGE_TOTAL;
  put_count(e, "{\"prompt_tokens\":", OGL_USAGE_INPUT);
  put_count(e, ",\"completion_tokens\":", OGL_USAGE_OUTPUT);
  put_count(e, ",\"total_tokens\":", OGL_USAGE_TOTAL);
  put_details(e, "prompt_tokens_details", "cached_tokens", OGL_USAGE_CACHED, "cache_write_tokens",
              OGL_USAGE_CACHE_WRITE);
  put_details(e, "completion_tokens_details", "reasoning_tokens", OGL_USAGE_REASONING, NULL, -1);
  int any = 1;
  put_usage_field(e, "cost", OGL_USAGE_COST, &any);
  put_usage_field(e, "requests", OGL_USAGE_REQUESTS, &any);
  put_details(e, "impacts", "kWh", OGL_USAGE_ENERGY, "kgCO2eq", OGL_USAGE_CO2);
  ogl_out_text(e, "}");
}

/* {"error":{"message","type","code"}}, as OpenAI answers. */
static int put_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  ogl_out_text(e, "{\"error\":{\"message\":");
  ogl_out_string(e, error->a);
  ogl_out_text(e, ",\"type\":");
  put_null_or(e, error->b);
  ogl_out_text(e, ",\"code\":");
  put_null_or(e, error->c);
  ogl_out_text(e, ",\"param\":null}}");
  return 0;
}

/* --- the stream -------------------------------------------------------------------------------------------------- */

static void put_name(struct ogl_buf *b, struct ogl_span s) { ogl_json_write_string(b, s.p, s.n); }

static void make_head(struct ogl_encoder *e, struct chat_writer *w) {
  struct ogl_span model = ogl_encoder_model(e);
  ogl_buf_reset(&w->head);
  ogl_buf_text(&w->head, "data: {\"id\":");
  put_name(&w->head, ogl_encoder_id(e));
  ogl_buf_text(&w->head, ",\"object\":\"chat.completion.chunk\",\"created\":");
  ogl_json_write_integer(&w->head, e->context.created);
  ogl_buf_text(&w->head, ",\"model\":");
  put_name(&w->head, model);
  ogl_buf_text(&w->head, ",\"choices\":[");
  w->head_model = model.n + 1;
}

static void put_head(struct ogl_encoder *e) {
  struct chat_writer *w = e->state;
  if (w->head_model != ogl_encoder_model(e).n + 1) {
    if (!w->head.max) ogl_buf_init(&w->head, OGL_MAX_LINE, OGL_ERR_LINE);
    make_head(e, w); /* again when the model came late */
  }
  if (w->head.err && !e->out.err) e->out.err = w->head.err;
  ogl_out_span(e, ogl_buf_span(&w->head));
  w->any = 1;
}

/* A chunk up to the members of its delta; `close_delta` ends it. */
static void open_delta(struct ogl_encoder *e, int choice) {
  struct chat_writer *w = e->state;
  int bit = 1 << (choice & 7), at = choice >> 3;
  put_head(e);
  ogl_out_text(e, "{\"index\":");
  ogl_out_integer(e, choice);
  ogl_out_text(e, ",\"delta\":{");
  if (choice >= OGL_MAX_CHOICES || w->opened[at] & bit) return;
  w->opened[at] |= (unsigned char)bit;
  ogl_out_text(e, "\"role\":\"assistant\",");
}

static void close_delta(struct ogl_encoder *e) { ogl_out_text(e, "},\"finish_reason\":null}]}\n\n"); }

static void put_text(struct ogl_encoder *e, const struct ogl_event *event, const char *name) {
  open_delta(e, event->choice);
  ogl_out_text(e, name);
  ogl_out_string(e, event->a);
  close_delta(e);
}

static void put_raw(struct ogl_encoder *e, const struct ogl_event *event, const char *before, struct ogl_span json,
                    const char *after) {
  open_delta(e, event->choice);
  ogl_out_text(e, before);
  ogl_out_json(e, json);
  ogl_out_text(e, after);
  close_delta(e);
}

static struct call *find_call(struct chat_writer *w, const struct ogl_event *event) {
  for (size_t i = w->n; i--;)
    if (w->calls[i].index == event->index && w->calls[i].choice == event->choice) return &w->calls[i];
  return NULL;
}

static int add_call(struct chat_writer *w, const struct ogl_event *event) {
  int number = 0, err = 0;
  for (size_t i = 0; i < w->n; i++) number += w->calls[i].choice == event->choice;
  void *rows = ogl_rows_grown(w->calls, w->n + 1, &w->cap, sizeof *w->calls, MOST_CALLS, &err);
  if (!rows) return err;
  w->calls = rows;
  struct call *c = &w->calls[w->n++];
  c->choice = event->choice, c->index = event->index, c->number = number, c->argued = 0;
  return 0;
}

/* A call without an id gets one: clients need it to answer. */
static void put_call_id(struct ogl_encoder *e, struct ogl_span id, int choice, int number) {
  if (id.n) {
    ogl_out_string(e, id);
    return;
  }
  ogl_out_text(e, "\"call_");
  ogl_out_integer(e, choice);
  ogl_out_text(e, "_");
  ogl_out_integer(e, number);
  ogl_out_text(e, "\"");
}

static int put_call(struct ogl_encoder *e, const struct ogl_event *event) {
  struct chat_writer *w = e->state;
  int code = add_call(w, event);
  if (code < 0) return code;
  int number = w->calls[w->n - 1].number;
  open_delta(e, event->choice);
  ogl_out_text(e, "\"tool_calls\":[{\"index\":");
  ogl_out_integer(e, number);
  ogl_out_text(e, ",\"id\":");
  put_call_id(e, event->a, event->choice, number);
  ogl_out_text(e, ",\"type\":\"function\",\"function\":{\"name\":");
  ogl_out_string(e, event->b);
  ogl_out_text(e, ",\"arguments\":\"\"}}]");
  close_delta(e);
  return 0;
}

static void put_arguments(struct ogl_encoder *e, const struct ogl_event *event, struct ogl_span text) {
  struct call *c = find_call(e->state, event);
  if (!c || !text.n) return;
  c->argued = 1;
  open_delta(e, event->choice);
  ogl_out_text(e, "\"tool_calls\":[{\"index\":");
  ogl_out_integer(e, c->number);
  ogl_out_text(e, ",\"function\":{\"arguments\":");
  ogl_out_string(e, text);
  ogl_out_text(e, "}}]");
  close_delta(e);
}

static int put_call_end(struct ogl_encoder *e, const struct ogl_event *event) {
  struct call *c = find_call(e->state, event);
  int code = c ? 0 : put_call(e, event); /* never announced: its name came last */
  if (code < 0) return code;
  c = find_call(e->state, event);
  if (c && !c->argued) put_arguments(e, event, event->c);
  return 0;
}

static void put_finish(struct ogl_encoder *e, const struct ogl_event *event) {
  struct ogl_span reason = wire_reason(event->a, event->b);
  open_delta(e, event->choice);
  if (e->out.n && e->out.p[e->out.head + e->out.n - 1] == ',')
    ogl_buf_truncate(&e->out, e->out.n - 1); /* a role and nothing else */
  ogl_out_text(e, "},\"finish_reason\":");
  ogl_out_string(e, reason);
  ogl_out_text(e, "}]}\n\n");
}

static void put_logprobs(struct ogl_encoder *e, const struct ogl_event *event) {
  put_head(e);
  ogl_out_text(e, "{\"index\":");
  ogl_out_integer(e, event->choice);
  ogl_out_text(e, ",\"delta\":{},\"logprobs\":");
  ogl_out_json(e, event->a);
  ogl_out_text(e, ",\"finish_reason\":null}]}\n\n");
}

/* Whether a list of details has text that is visible. */
static int has_text(struct ogl_span list) {
  struct ogl_json j;
  struct ogl_span key, raw;
  int found = 0;
  ogl_json_open(&j, list.p, list.n);
  if (!ogl_json_enter_or_skip(&j, '[')) return 0;
  while (ogl_json_item(&j) > 0) {
    if (!ogl_json_enter_or_skip(&j, '{')) continue;
    while (ogl_json_key(&j, &key) > 0 && ogl_json_skip(&j, &raw) > 0)
      found |= (ogl_span_is(key, "text") || ogl_span_is(key, "summary")) && raw.n > 2 && *raw.p == '"';
  }
  return found;
}

/* The name under which a part of that kind goes back, with what stands around it; NULL: under none. */
static const char *part_name(struct ogl_span kind) {
  static const char *const names[] = { "images", "audio", KEPT_NAMES };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (ogl_span_equal(kind, names[i], strlen(names[i]))) return names[i];
  return NULL;
}

/* Writes a part that came by this protocol under its own name. Counts any other part as lost. */
static void put_part(struct ogl_encoder *e, const struct ogl_event *event) {
  const char *name = part_name(event->a);
  if (!name || (ogl_span_is(event->a, "reasoning_details") && has_text(event->b))) {
    e->lost++;
    return;
  }
  open_delta(e, event->choice);
  ogl_out_text(e, "\"");
  ogl_out_text(e, name);
  ogl_out_text(e, "\":");
  ogl_out_json(e, event->b);
  close_delta(e);
}

/* Whether a call's signature is this protocol's: an object of members that stand beside its own. */
static int is_rest(struct ogl_span signature) {
  struct ogl_json j;
  struct ogl_span key;
  int members = 0;
  if (signature.n < 3 || *signature.p != '{' || signature.p[signature.n - 1] != '}') return 0;
  if (ogl_json_check(signature.p, signature.n) != OGL_OK) return 0;
  ogl_json_open(&j, signature.p, signature.n);
  ogl_json_enter(&j, '{');
  for (; ogl_json_key(&j, &key) > 0 && ogl_json_skip(&j, NULL) > 0; members++)
    if (ogl_span_is(key, "type") || ogl_span_is(key, "id")) return 0; /* a caller of Anthropic, an item of Responses */
  return members > 0;
}

/* Its members, each behind a comma. */
static void put_rest(struct ogl_encoder *e, struct ogl_span signature) {
  struct ogl_span inside = { signature.p + 1, signature.n - 2 };
  ogl_out_text(e, ",");
  ogl_out_json(e, inside);
}

static void put_signature(struct ogl_encoder *e, const struct ogl_event *event) {
  struct call *c = find_call(e->state, event);
  if (!event->b.n) return;
  if (!c || !is_rest(event->b)) {
    e->lost++;
    return;
  }
  open_delta(e, event->choice);
  ogl_out_text(e, "\"tool_calls\":[{\"index\":");
  ogl_out_integer(e, c->number);
  put_rest(e, event->b);
  ogl_out_text(e, "}]");
  close_delta(e);
}

static void put_citation(struct ogl_encoder *e, const struct ogl_event *event) {
  if (event->a.n && *event->a.p == '{') put_raw(e, event, "\"annotations\":[", event->a, "]");
  else e->lost++;
}

static int chat_event(struct ogl_encoder *e, const struct ogl_event *event) {
  switch (event->kind) {
    case OGL_EVENT_TEXT: put_text(e, event, "\"content\":"); return 0;
    case OGL_EVENT_REASONING: put_text(e, event, "\"reasoning_content\":"); return 0;
    case OGL_EVENT_REFUSAL: put_text(e, event, "\"refusal\":"); return 0;
    case OGL_EVENT_TOOL_CALL: return put_call(e, event);
    case OGL_EVENT_TOOL_ARGUMENTS: put_arguments(e, event, event->a); return 0;
    case OGL_EVENT_TOOL_CALL_END: return put_call_end(e, event);
    case OGL_EVENT_LOGPROBS: put_logprobs(e, event); return 0;
    case OGL_EVENT_PART: put_part(e, event); return 0;
    case OGL_EVENT_CITATION: put_citation(e, event); return 0;
    case OGL_EVENT_FINISH: put_finish(e, event); return 0;
    case OGL_EVENT_PART_END: put_signature(e, event); return 0;
    default: return 0; /* START and USAGE are in the encoder; warnings are for people */
  }
}

static int chat_end(struct ogl_encoder *e) {
  static const struct ogl_event empty; /* it says no reason */
  const struct chat_writer *w = e->state;
  if (!w->any) put_finish(e, &empty); /* clients read the first choice without a question */
  if (e->context.include_usage && e->usage.known) {
    put_head(e);
    ogl_out_text(e, "],\"usage\":");
    put_usage(e);
    ogl_out_text(e, "}\n\n");
  }
  ogl_out_text(e, "data: [DONE]\n\n");
  return 0;
}

static int chat_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  ogl_out_text(e, "data: ");
  put_fault(e, error);
  ogl_out_text(e, "\n\n");
  return 0;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

/* Writes all texts of a kind as one string; null without any. */
static void put_joined(struct ogl_encoder *e, const struct ogl_answer *a, int kind) {
  struct ogl_buf joined;
  int any = 0;
  ogl_buf_init(&joined, OGL_MAX_BODY, OGL_ERR_BODY);
  for (size_t i = 0; i < a->n; i++) {
    if (a->parts[i].kind != kind) continue;
    struct ogl_span s = ogl_buf_span(&a->parts[i].text);
    ogl_buf_append(&joined, s.p, s.n);
    any = 1;
  }
  if (any) ogl_out_string(e, ogl_buf_span(&joined));
  else ogl_out_text(e, "null");
  if (joined.err) e->out.err = joined.err;
  ogl_buf_clear(&joined);
}

static int has(const struct ogl_answer *a, int kind) {
  for (size_t i = 0; i < a->n; i++)
    if (a->parts[i].kind == kind) return 1;
  return 0;
}

static void put_whole_calls(struct ogl_encoder *e, const struct ogl_answer *a) {
  int number = 0;
  for (size_t i = 0; i < a->n; i++) {
    const struct ogl_part *p = &a->parts[i];
    if (p->kind != OGL_EVENT_TOOL_CALL) continue;
    ogl_out_text(e, number ? "," : ",\"tool_calls\":[");
    ogl_out_text(e, "{\"id\":");
    put_call_id(e, ogl_buf_span(&p->id), a->choice, number++);
    ogl_out_text(e, ",\"type\":\"function\",\"function\":{\"name\":");
    ogl_out_string(e, ogl_buf_span(&p->name));
    ogl_out_text(e, ",\"arguments\":");
    ogl_out_string(e, ogl_buf_span(&p->text));
    ogl_out_text(e, "}");
    if (is_rest(ogl_buf_span(&p->signature))) put_rest(e, ogl_buf_span(&p->signature));
    ogl_out_text(e, "}");
  }
  if (number) ogl_out_text(e, "]");
}

static int is_listed(const struct ogl_part *p, const char *kind) {
  if (kind) return p->kind == OGL_EVENT_PART && ogl_span_equal(ogl_buf_span(&p->name), kind, strlen(kind));
  return p->kind == OGL_EVENT_CITATION && p->text.n && *ogl_buf_span(&p->text).p == '{';
}

/* The JSON of all citations, as a list. */
static void put_list(struct ogl_encoder *e, const struct ogl_answer *a, const char *before) {
  int any = 0;
  for (size_t i = 0; i < a->n; i++) {
    if (!is_listed(&a->parts[i], NULL)) continue;
    ogl_out_text(e, any++ ? "," : before);
    ogl_out_json(e, ogl_buf_span(&a->parts[i].text));
  }
  if (any) ogl_out_text(e, "]");
}

/* The last part of a kind, as it is. */
static void put_one(struct ogl_encoder *e, const struct ogl_answer *a, const char *kind, const char *before) {
  for (size_t i = a->n; i--;) {
    if (!is_listed(&a->parts[i], kind)) continue;
    ogl_out_text(e, before);
    ogl_out_json(e, ogl_buf_span(&a->parts[i].text));
    return;
  }
}

/* The parts that go back under a name: the last one of each. */
static void put_parts(struct ogl_encoder *e, const struct ogl_answer *a) {
  for (size_t i = 0; i < a->n; i++) {
    const struct ogl_part *p = &a->parts[i];
    const char *name = p->kind == OGL_EVENT_PART ? part_name(ogl_buf_span(&p->name)) : NULL;
    int last = name != NULL;
    for (size_t k = i + 1; k < a->n && last; k++) last = !is_listed(&a->parts[k], name);
    if (!last) continue;
    ogl_out_text(e, ",\"");
    ogl_out_text(e, name);
    ogl_out_text(e, "\":");
    ogl_out_json(e, ogl_buf_span(&p->text));
  }
}

static void put_message(struct ogl_encoder *e, const struct ogl_answer *a) {
  ogl_out_text(e, "{\"role\":\"assistant\",\"content\":");
  put_joined(e, a, OGL_EVENT_TEXT);
  ogl_out_text(e, ",\"refusal\":");
  put_joined(e, a, OGL_EVENT_REFUSAL);
  if (has(a, OGL_EVENT_REASONING)) {
    ogl_out_text(e, ",\"reasoning_content\":");
    put_joined(e, a, OGL_EVENT_REASONING);
  }
  put_whole_calls(e, a);
  put_list(e, a, ",\"annotations\":[");
  put_parts(e, a);
  ogl_out_text(e, "}");
}

static void put_logprobs_list(struct ogl_encoder *e, struct ogl_span pieces, const char *name) {
  if (!ogl_out_logprobs(e, pieces, name)) ogl_out_text(e, "null");
}

static void put_choice(struct ogl_encoder *e, const struct ogl_answer *a) {
  struct ogl_span pieces = ogl_buf_span(&a->logprobs);
  ogl_out_text(e, "{\"index\":");
  ogl_out_integer(e, a->choice);
  ogl_out_text(e, ",\"message\":");
  put_message(e, a);
  ogl_out_text(e, ",\"logprobs\":");
  if (pieces.n) {
    ogl_out_text(e, "{\"content\":");
    put_logprobs_list(e, pieces, "content");
    ogl_out_text(e, ",\"refusal\":");
    put_logprobs_list(e, pieces, "refusal");
    ogl_out_text(e, "}");
  } else {
    ogl_out_text(e, "null");
  }
  ogl_out_text(e, ",\"finish_reason\":");
  ogl_out_string(e, wire_reason(ogl_buf_span(&a->reason), ogl_buf_span(&a->raw_reason)));
  ogl_out_text(e, "}");
}

static int chat_whole(struct ogl_encoder *e) {
  static const struct ogl_answer empty; /* as at the end of a stream */
  ogl_out_text(e, "{\"id\":");
  ogl_out_string(e, ogl_encoder_id(e));
  ogl_out_text(e, ",\"object\":\"chat.completion\",\"created\":");
  ogl_out_integer(e, e->context.created);
  ogl_out_text(e, ",\"model\":");
  ogl_out_string(e, ogl_encoder_model(e));
  ogl_out_text(e, ",\"choices\":[");
  if (!e->fold.n) put_choice(e, &empty);
  for (size_t i = 0; i < e->fold.n; i++) {
    if (i) ogl_out_text(e, ",");
    put_choice(e, &e->fold.answers[i]);
  }
  ogl_out_text(e, "]");
  if (e->usage.known) {
    ogl_out_text(e, ",\"usage\":");
    put_usage(e);
  }
  if (e->fold.n) put_one(e, &e->fold.answers[0], "search_results", ",\"search_results\":");
  ogl_out_text(e, "}");
  return 0;
}

static void chat_clear(void *state) {
  struct chat_writer *w = state;
  ogl_buf_clear(&w->head);
  ogl_free(w->calls);
}

const struct ogl_encoding ogl_openai_chat_encoding = {
  "openai_chat",
  sizeof(struct chat_writer),
  0,
  "text/event-stream",
  chat_event,
  chat_end,
  chat_fault,
  chat_whole,
  put_fault,
  chat_clear,
  NULL,
};
