/* SPDX-License-Identifier: MIT
** anthropic_encode.c - events to the Messages API, as Anthropic's clients read it: a stream of blocks, or one message.
**
** A text, a thought or a tool call is a block. A block of text stays open until another part begins, so that its citations
** find it, and one of thought for its signature; a tool call's until its end, since calls may come interleaved, or until
** another block begins and its arguments are a complete object: the official client takes the last block that began for the one
** that ends, and many a source says only at the very end which calls have ended. Blocks are numbered as they begin. The stop
** reason and the usage close the message.
**
** Lost: every choice but the first, logprobs, cost and energy; a refusal is text; opaque parts and citations of other
** protocols.
*/
#include <string.h>

#include "../core/out.h"
#include "../core/rows.h"
#include "protocols.h"

struct block {
  int index, number; /* of the part; of the block on the wire */

  /* Of a tool call: */
  int argued;               /* a piece of the arguments was sent */
  int closed;               /* the block was ended, the call was not yet */
  int depth;                /* of the arguments so far: open brackets, */
  int in_string, in_escape; /* and whether they stop inside a string */
};

struct message_writer {
  int started;
  int next;            /* number of the next block */
  int open;            /* kind of the block of text or thought that is open; -1: none is */
  struct block text;   /* that block */
  struct block *calls; /* tool calls that have not ended */
  size_t n, cap;
  struct ogl_buf reason; /* the stop reason, once it came */
};

/* --- words both forms share ------------------------------------------------------------------------------------ */

static const char *wire_reason(struct ogl_span reason) {
  static const char *const words[][2] = {
    { "stop", "end_turn" },          { "length", "max_tokens" }, { "tool_calls", "tool_use" },
    { "content_filter", "refusal" }, { "pause", "pause_turn" },
  };
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (ogl_span_equal(reason, words[i][0], strlen(words[i][0]))) return words[i][1];
  return NULL;
}

static int set_reason(struct ogl_buf *b, struct ogl_span reason, struct ogl_span raw) {
  const char *word = wire_reason(reason);
  ogl_buf_reset(b);
  if (word) return ogl_buf_text(b, word);
  if (raw.n) return ogl_buf_append(b, raw.p, raw.n);
  return ogl_buf_text(b, "end_turn");
}

static double count(const struct ogl_usage *u, int field) { return ogl_usage_has(u, field) ? u->v[field] : 0; }

static void put_count(struct ogl_encoder *e, const char *name, double v) {
  ogl_out_text(e, name);
  ogl_out_count(e, v > 0 ? v : 0);
}

/* Anthropic counts what was not cached apart from what was. */
/* Here the three parts of the input are summed up: where a server counts more of them than input, the input counts. */
static void put_usage(struct ogl_encoder *e) {
  const struct ogl_usage *u = &e->usage;
  double left = count(u, OGL_USAGE_INPUT), cached = count(u, OGL_USAGE_CACHED),
         written = count(u, OGL_USAGE_CACHE_WRITE);
  if (ogl_usage_has(u, OGL_USAGE_INPUT)) {
    cached = cached < left ? cached : left;
    written = written < left - cached ? written : left - cached;
  }
  put_count(e, "{\"input_tokens\":", left - cached - written);
  if (ogl_usage_has(u, OGL_USAGE_CACHED)) put_count(e, ",\"cache_read_input_tokens\":", cached);
  if (ogl_usage_has(u, OGL_USAGE_CACHE_WRITE)) put_count(e, ",\"cache_creation_input_tokens\":", written);
  put_count(e, ",\"output_tokens\":", count(u, OGL_USAGE_OUTPUT));
  if (ogl_usage_has(u, OGL_USAGE_REASONING)) {
    put_count(e, ",\"output_tokens_details\":{\"thinking_tokens\":", count(u, OGL_USAGE_REASONING));
    ogl_out_text(e, "}");
  }
  ogl_out_text(e, "}");
}

static int put_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  static const struct ogl_span other = { "api_error", 9 };
  ogl_out_text(e, "{\"type\":\"error\",\"error\":{\"type\":");
  ogl_out_string(e, error->b.n ? error->b : other);
  ogl_out_text(e, ",\"message\":");
  ogl_out_string(e, error->a);
  if (error->c.n) {
    ogl_out_text(e, ",\"code\":");
    ogl_out_string(e, error->c);
  }
  ogl_out_text(e, "}}");
  return 0;
}

/* The message up to its content. */
static void put_head(struct ogl_encoder *e) {
  ogl_out_text(e, "{\"id\":");
  ogl_out_string(e, ogl_encoder_id(e));
  ogl_out_text(e, ",\"type\":\"message\",\"role\":\"assistant\",\"model\":");
  ogl_out_string(e, ogl_encoder_model(e));
  ogl_out_text(e, ",\"content\":[");
}

static void put_call_head(struct ogl_encoder *e, struct ogl_span id, struct ogl_span name, int number) {
  ogl_out_text(e, "{\"type\":\"tool_use\",\"id\":");
  if (id.n) {
    ogl_out_string(e, id);
  } else { /* clients need one to answer */
    ogl_out_text(e, "\"toolu_");
    ogl_out_integer(e, number);
    ogl_out_text(e, "\"");
  }
  ogl_out_text(e, ",\"name\":");
  ogl_out_string(e, name);
  ogl_out_text(e, ",\"input\":");
}

/* Whether a part is a block of this protocol, and not another's. */
static int is_block(struct ogl_span kind) {
  static const char *const kinds[] = { "redacted_thinking", "thinking",         "server_tool_use", "mcp_tool_use",
                                       "mcp_tool_result",   "container_upload", "compaction",      "fallback" };
  static const char result[] = "_tool_result";
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (ogl_span_equal(kind, kinds[i], strlen(kinds[i]))) return 1;
  return kind.n > sizeof result && memcmp(kind.p + kind.n - sizeof result + 1, result, sizeof result - 1) == 0;
}

/* Whether a citation is one of this protocol: its type is a location. */
static int is_location(struct ogl_span json) {
  struct ogl_json j;
  struct ogl_json_text type;
  struct ogl_span key;
  static const char end[] = "_location";
  ogl_json_open(&j, json.p, json.n);
  if (!json.n || !ogl_json_enter_or_skip(&j, '{')) return 0;
  while (ogl_json_key(&j, &key) > 0) {
    if (!ogl_span_is(key, "type")) ogl_json_skip(&j, NULL);
    else if (ogl_json_string_or_skip(&j, &type))
      return type.raw.n >= sizeof end && memcmp(type.raw.p + type.raw.n - sizeof end + 1, end, sizeof end - 1) == 0;
  }
  return 0;
}

/* --- the stream: blocks ------------------------------------------------------------------------------------------ */

static void start(struct ogl_encoder *e) {
  struct message_writer *w = e->state;
  if (w->started) return;
  w->started = 1;
  w->open = -1;
  ogl_buf_init(&w->reason, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_out_text(e, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
  put_head(e);
  ogl_out_text(e, "],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
  put_usage(e);
  ogl_out_text(e, "}}\n\n");
}

static void end_block(struct ogl_encoder *e, int number) {
  ogl_out_text(e, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":");
  ogl_out_integer(e, number);
  ogl_out_text(e, "}\n\n");
}

/* Ends the blocks of the calls whose arguments are complete. */
static void close_calls(struct ogl_encoder *e) {
  struct message_writer *w = e->state;
  for (size_t i = 0; i < w->n; i++) {
    struct block *c = &w->calls[i];
    if (c->closed || !c->argued || c->depth > 0 || c->in_string) continue;
    c->closed = 1;
    end_block(e, c->number);
  }
}

/* A block's beginning, up to the block itself; its number. */
static int begin_block(struct ogl_encoder *e) {
  struct message_writer *w = e->state;
  close_calls(e);
  ogl_out_text(e, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":");
  ogl_out_integer(e, w->next);
  ogl_out_text(e, ",\"content_block\":");
  return w->next++;
}

/* A delta up to its value; `}}` and an empty line close it. */
static void begin_delta(struct ogl_encoder *e, int number, const char *delta) {
  ogl_out_text(e, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
  ogl_out_integer(e, number);
  ogl_out_text(e, ",\"delta\":{\"type\":");
  ogl_out_text(e, delta);
}

static void put_delta(struct ogl_encoder *e, int number, const char *delta, struct ogl_span text) {
  begin_delta(e, number, delta);
  ogl_out_string(e, text);
  ogl_out_text(e, "}}\n\n");
}

static void close_text(struct ogl_encoder *e) {
  struct message_writer *w = e->state;
  if (w->open < 0) return;
  w->open = -1;
  end_block(e, w->text.number);
}

/* A block that comes whole. */
static void put_block(struct ogl_encoder *e, struct ogl_span json) {
  close_text(e);
  int number = begin_block(e);
  ogl_out_json(e, json);
  ogl_out_text(e, "}\n\n");
  end_block(e, number);
}

/* --- the stream: events ------------------------------------------------------------------------------------------ */

static void put_text(struct ogl_encoder *e, const struct ogl_event *event, int kind) {
  struct message_writer *w = e->state;
  int is_text = kind == OGL_EVENT_TEXT;
  if (w->open != kind || w->text.index != event->index) {
    close_text(e);
    w->open = kind;
    w->text.index = event->index;
    w->text.number = begin_block(e);
    ogl_out_text(e, is_text ? "{\"type\":\"text\",\"text\":\"\"}}\n\n"
                            : "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n");
  }
  put_delta(e, w->text.number, is_text ? "\"text_delta\",\"text\":" : "\"thinking_delta\",\"thinking\":", event->a);
}

static struct block *find_call(struct message_writer *w, int index) {
  for (size_t i = w->n; i--;)
    if (w->calls[i].index == index) return &w->calls[i];
  return NULL;
}

static int put_call(struct ogl_encoder *e, const struct ogl_event *event) {
  struct message_writer *w = e->state;
  int err = 0;
  void *rows = ogl_rows_grown(w->calls, w->n + 1, &w->cap, sizeof *w->calls, OGL_MAX_PARTS, &err);
  if (!rows) return err;
  w->calls = rows;
  close_text(e);
  struct block *c = &w->calls[w->n++];
  memset(c, 0, sizeof *c);
  c->index = event->index;
  c->number = begin_block(e);
  put_call_head(e, event->a, event->b, c->number);
  ogl_out_text(e, "{}}}\n\n");
  return 0;
}

/* Follows the brackets of the arguments, of which this is a piece. */
static void follow(struct block *c, struct ogl_span text) {
  for (size_t i = 0; i < text.n; i++) {
    char b = text.p[i];
    if (c->in_escape) c->in_escape = 0;
    else if (c->in_string && b == '\\') c->in_escape = 1;
    else if (b == '"') c->in_string = !c->in_string;
    else if (!c->in_string && (b == '{' || b == '[')) c->depth++;
    else if (!c->in_string && (b == '}' || b == ']')) c->depth--;
  }
}

static void put_arguments(struct ogl_encoder *e, struct block *c, struct ogl_span text) {
  if (!c || !text.n) return;
  if (c->closed) { /* something after the object */
    e->lost++;
    return;
  }
  c->argued = 1;
  follow(c, text);
  put_delta(e, c->number, "\"input_json_delta\",\"partial_json\":", text);
}

static int put_call_end(struct ogl_encoder *e, const struct ogl_event *event) {
  struct message_writer *w = e->state;
  struct block *c = find_call(w, event->index);
  if (!c) {
    int code = put_call(e, event); /* never announced: its name came last */
    if (code < 0) return code;
    c = &w->calls[w->n - 1];
  }
  if (!c->argued && !ogl_span_is(event->c, "{}")) put_arguments(e, c, event->c);
  if (!c->closed) end_block(e, c->number);
  *c = w->calls[--w->n];
  return 0;
}

static void put_signature(struct ogl_encoder *e, const struct ogl_event *event) {
  struct message_writer *w = e->state;
  if (!event->b.n) return;
  if (w->open == OGL_EVENT_REASONING && w->text.index == event->index)
    put_delta(e, w->text.number, "\"signature_delta\",\"signature\":", event->b);
  else e->lost++;
}

static void put_citation(struct ogl_encoder *e, const struct ogl_event *event) {
  struct message_writer *w = e->state;
  if (w->open != OGL_EVENT_TEXT || !is_location(event->a)) {
    e->lost++;
    return;
  }
  begin_delta(e, w->text.number, "\"citations_delta\",\"citation\":");
  ogl_out_json(e, event->a);
  ogl_out_text(e, "}}\n\n");
}

static int message_event(struct ogl_encoder *e, const struct ogl_event *event) {
  struct message_writer *w = e->state;
  if (event->choice && event->kind < OGL_EVENT_USAGE) return e->lost++, 0;
  if (event->kind == OGL_EVENT_START) return 0;                /* a later one may know the model */
  if (event->kind == OGL_EVENT_USAGE && !w->started) return 0; /* it stands in message_start */
  start(e);
  switch (event->kind) {
    case OGL_EVENT_TEXT:
    case OGL_EVENT_REFUSAL: put_text(e, event, OGL_EVENT_TEXT); return 0;
    case OGL_EVENT_REASONING: put_text(e, event, OGL_EVENT_REASONING); return 0;
    case OGL_EVENT_TOOL_CALL: return put_call(e, event);
    case OGL_EVENT_TOOL_ARGUMENTS: put_arguments(e, find_call(w, event->index), event->a); return 0;
    case OGL_EVENT_TOOL_CALL_END: return put_call_end(e, event);
    case OGL_EVENT_PART_END: put_signature(e, event); return 0;
    case OGL_EVENT_CITATION: put_citation(e, event); return 0;
    case OGL_EVENT_PART:
      if (is_block(event->a)) put_block(e, event->b);
      else e->lost++;
      return 0;
    case OGL_EVENT_FINISH: return event->choice ? 0 : set_reason(&w->reason, event->a, event->b);
    case OGL_EVENT_LOGPROBS: e->lost++; return 0;
    default: return 0; /* USAGE is in the encoder; warnings are for people */
  }
}

static int message_end(struct ogl_encoder *e) {
  struct message_writer *w = e->state;
  struct ogl_span none = { "", 0 };
  start(e);
  close_text(e);
  while (w->n--)
    if (!w->calls[w->n].closed) end_block(e, w->calls[w->n].number);
  w->n = 0;
  if (!w->reason.n) set_reason(&w->reason, none, none);
  ogl_out_text(e, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":");
  ogl_out_string(e, ogl_buf_span(&w->reason));
  ogl_out_text(e, ",\"stop_sequence\":null},\"usage\":");
  put_usage(e);
  ogl_out_text(e, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
  return w->reason.err;
}

static int message_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  ogl_out_text(e, "event: error\ndata: ");
  put_fault(e, error);
  ogl_out_text(e, "\n\n");
  return 0;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

/* The citations that follow a text, as its list. */
static void put_citations(struct ogl_encoder *e, const struct ogl_answer *a, size_t i) {
  int any = 0;
  for (i++; i < a->n && a->parts[i].kind == OGL_EVENT_CITATION; i++) {
    struct ogl_span json = ogl_buf_span(&a->parts[i].text);
    if (!is_location(json)) {
      e->lost++;
      continue;
    }
    ogl_out_text(e, any++ ? "," : ",\"citations\":[");
    ogl_out_span(e, json);
  }
  if (any) ogl_out_text(e, "]");
}

static void put_thought(struct ogl_encoder *e, const struct ogl_part *p) {
  ogl_out_text(e, "{\"type\":\"thinking\",\"thinking\":");
  ogl_out_string(e, ogl_buf_span(&p->text));
  ogl_out_text(e, ",\"signature\":");
  ogl_out_string(e, ogl_buf_span(&p->signature));
  ogl_out_text(e, "}");
}

static void put_whole_text(struct ogl_encoder *e, const struct ogl_answer *a, size_t i) {
  ogl_out_text(e, "{\"type\":\"text\",\"text\":");
  ogl_out_string(e, ogl_buf_span(&a->parts[i].text));
  put_citations(e, a, i);
  ogl_out_text(e, "}");
}

/* Writes one part as a block; 0 where it becomes none. */
static int put_part(struct ogl_encoder *e, const struct ogl_answer *a, size_t i, const char *comma) {
  const struct ogl_part *p = &a->parts[i];
  struct ogl_span kind = ogl_buf_span(&p->name);
  if (p->kind == OGL_EVENT_CITATION || (p->kind == OGL_EVENT_PART && !is_block(kind))) {
    e->lost += p->kind == OGL_EVENT_PART;
    return 0;
  }
  ogl_out_text(e, comma);
  if (p->kind == OGL_EVENT_REASONING) put_thought(e, p);
  else if (p->kind == OGL_EVENT_PART) ogl_out_span(e, ogl_buf_span(&p->text));
  else if (p->kind == OGL_EVENT_TOOL_CALL) {
    put_call_head(e, ogl_buf_span(&p->id), kind, (int)i);
    ogl_out_arguments(&e->out, ogl_buf_span(&p->text));
    ogl_out_text(e, "}");
  } else {
    put_whole_text(e, a, i);
  }
  return 1;
}

static int message_whole(struct ogl_encoder *e) {
  const struct ogl_answer *a = ogl_fold_answer(&e->fold, 0);
  struct ogl_buf reason;
  struct ogl_span none = { "", 0 };
  int any = 0;
  ogl_buf_init(&reason, OGL_MAX_LINE, OGL_ERR_LINE);
  int code = set_reason(&reason, a ? ogl_buf_span(&a->reason) : none, a ? ogl_buf_span(&a->raw_reason) : none);
  put_head(e);
  for (size_t i = 0; a && i < a->n; i++) any |= put_part(e, a, i, any ? "," : "");
  ogl_out_text(e, "],\"stop_reason\":");
  ogl_out_string(e, ogl_buf_span(&reason));
  ogl_out_text(e, ",\"stop_sequence\":null,\"usage\":");
  put_usage(e);
  ogl_out_text(e, "}");
  ogl_buf_clear(&reason);
  e->lost += e->fold.n > 1;
  return code;
}

static void message_clear(void *state) {
  struct message_writer *w = state;
  ogl_buf_clear(&w->reason);
  ogl_free(w->calls);
}

const struct ogl_encoding ogl_anthropic_encoding = {
  "anthropic",
  sizeof(struct message_writer),
  0,
  "text/event-stream",
  message_event,
  message_end,
  message_fault,
  message_whole,
  put_fault,
  message_clear,
  NULL,
};
