/* SPDX-License-Identifier: MIT
** roundtrip.c - recorded answers of real servers, transcoded to each protocol that can be written, streamed and whole, and
** decoded again: the reply has to be the same, but for what the target cannot carry.
**
** What a target loses is written down in `losses`, and nowhere else: what is not in that table has to arrive.
*/
#include <string.h>

#include "../../csrc/core/transcoder.h"
#include "../../csrc/protocol/registry.h"
#include "check.h"
#include "exchange.h"
#include "pick.h"

enum loss {
  LOSES_REFUSAL = 1,     /* it becomes text */
  LOSES_CHOICES = 2,     /* only the first is carried */
  LOSES_MONEY = 4,       /* cost, requests, energy, co2 */
  LOSES_CACHE_WRITE = 8, /* in usage */
  LOSES_CACHE = 16,      /* in usage: cached tokens too */
  LOSES_REASONING_TOKENS = 32,
  LOSES_STOP = 64,             /* a stop beside calls comes back as tool_calls: the target has one word for both */
  LOSES_LOOSE_ARGUMENTS = 128, /* that are no JSON object: they come back so, or inside of one */
  LOSES_SPARE_REASONING = 256, /* reasoning tokens, where a server counts more of them than output */
  LOSES_PARTS = 512,           /* of its own protocol too, some opaque parts do not come back as they were */
  LOSES_TOTAL = 1024,          /* the target has none: it is the sum of input and output */
  LOSES_SPARE_CACHE = 2048,    /* tokens read from or written to a cache beyond the input */
};

/* A target, what it loses, and the finish reasons that come back as another one. */
static const struct target {
  const char *name;
  int loses;
  const char *reasons[4][2];
} losses[] = {
  { "anthropic",
    LOSES_REFUSAL | LOSES_CHOICES | LOSES_MONEY | LOSES_LOOSE_ARGUMENTS | LOSES_TOTAL | LOSES_SPARE_CACHE,
    { { "error", "other" } } },
  { "gemini",
    LOSES_REFUSAL | LOSES_MONEY | LOSES_CACHE_WRITE | LOSES_STOP | LOSES_LOOSE_ARGUMENTS | LOSES_SPARE_REASONING,
    { { "pause", "stop" } } },
  { "ollama",
    LOSES_REFUSAL | LOSES_CHOICES | LOSES_MONEY | LOSES_CACHE | LOSES_REASONING_TOKENS | LOSES_LOOSE_ARGUMENTS |
        LOSES_STOP | LOSES_TOTAL,
    { { "content_filter", "stop" }, { "pause", "stop" }, { "error", "stop" }, { "other", "stop" } } },
  { "openai_chat", LOSES_STOP | LOSES_PARTS, { { "pause", "stop" } } },
  { "openai_responses", LOSES_CHOICES | LOSES_MONEY | LOSES_STOP, { { "pause", "stop" } } },
};

/* --- comparing two folds --------------------------------------------------------------------------------------- */

static struct ogl_span joined(struct ogl_buf *b, const struct ogl_answer *a, int kind, int other) {
  ogl_buf_reset(b);
  for (size_t i = 0; a && i < a->n; i++) {
    struct ogl_span s = ogl_buf_span(&a->parts[i].text);
    if (a->parts[i].kind == kind || a->parts[i].kind == other) ogl_buf_append(b, s.p, s.n);
  }
  return ogl_buf_span(b);
}

static void same_texts(const struct ogl_answer *a, const struct ogl_answer *b, int kind, int other) {
  struct ogl_buf x, y;
  ogl_buf_init(&x, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&y, OGL_MAX_BODY, OGL_ERR_BODY);
  CHECK_SPAN(joined(&y, b, kind, -1), joined(&x, a, kind, other));
  ogl_buf_clear(&x);
  ogl_buf_clear(&y);
}

static const struct ogl_part *next_call(const struct ogl_answer *a, size_t *i) {
  while (a && *i < a->n) {
    const struct ogl_part *p = &a->parts[(*i)++];
    if (p->kind == OGL_EVENT_TOOL_CALL) return p;
  }
  return NULL;
}

static int is_object(struct ogl_span json) {
  struct ogl_json j;
  ogl_json_open(&j, json.p, json.n);
  return ogl_json_peek(&j) == '{' && ogl_json_check(json.p, json.n) == OGL_OK;
}

static void same_calls(const struct ogl_answer *a, const struct ogl_answer *b, int loses) {
  const struct ogl_part *x, *y;
  size_t i = 0, k = 0;
  do {
    x = next_call(a, &i), y = next_call(b, &k);
    if (!CHECK_INT(y != NULL, x != NULL) || !x) return;
    CHECK_SPAN(ogl_buf_span(&y->name), ogl_buf_span(&x->name));
    struct ogl_span want = ogl_buf_span(&x->text), got = ogl_buf_span(&y->text);
    CHECK(pick_same(want, got) || (loses & LOSES_LOOSE_ARGUMENTS && !is_object(want) && is_object(got)));
    if (x->id.n) CHECK_SPAN(ogl_buf_span(&y->id), ogl_buf_span(&x->id));
  } while (x);
}

/* Byte for byte, but for line ends, which a stream has no place for. */
static int is_same_part(const struct ogl_part *x, const struct ogl_part *y) {
  struct ogl_span want = ogl_buf_span(&x->text), got = ogl_buf_span(&y->text), name = ogl_buf_span(&x->name);
  if (y->kind != OGL_EVENT_PART || want.n != got.n || !ogl_span_equal(ogl_buf_span(&y->name), name.p, name.n)) return 0;
  for (size_t i = 0; i < want.n; i++)
    if (want.p[i] != got.p[i] && !(got.p[i] == ' ' && (want.p[i] == '\n' || want.p[i] == '\r'))) return 0;
  return 1;
}

/* What nobody here can read goes back to its own protocol as it came; in the order in which it was complete. */
static void same_parts(const struct ogl_answer *a, const struct ogl_answer *b) {
  for (size_t i = 0; a && i < a->n; i++) {
    int found = a->parts[i].kind != OGL_EVENT_PART;
    for (size_t k = 0; b && k < b->n && !found; k++) found = is_same_part(&a->parts[i], &b->parts[k]);
    struct ogl_span json = ogl_buf_span(&a->parts[i].text), none = { "", 0 };
    if (!found) CHECK_SPAN(none, json);
  }
}

static void same_reason(const struct ogl_answer *a, const struct ogl_answer *b, const struct target *t) {
  struct ogl_span reason = ogl_buf_span(&a->reason);
  size_t first = 0;
  if (!reason.n) return; /* the target has to say something */
  if (t->loses & LOSES_STOP && ogl_span_is(reason, "stop") && next_call(a, &first))
    reason.p = "tool_calls", reason.n = 10;
  for (int i = 0; i < 4 && t->reasons[i][0]; i++)
    if (reason.n == strlen(t->reasons[i][0]) && memcmp(reason.p, t->reasons[i][0], reason.n) == 0)
      reason.p = t->reasons[i][1], reason.n = strlen(reason.p);
  CHECK_SPAN(ogl_buf_span(&b->reason), reason);
}

static int loses_field(int field, int loses) {
  if (field >= OGL_USAGE_REQUESTS) return loses & LOSES_MONEY;
  if (field == OGL_USAGE_CACHE_WRITE) return loses & (LOSES_CACHE_WRITE | LOSES_CACHE);
  if (field == OGL_USAGE_CACHED) return loses & LOSES_CACHE;
  if (field == OGL_USAGE_TOTAL) return loses & LOSES_TOTAL;
  return field == OGL_USAGE_REASONING ? loses & LOSES_REASONING_TOKENS : 0;
}

static int has_sum(const struct ogl_usage *u) {
  return u->v[OGL_USAGE_TOTAL] == u->v[OGL_USAGE_INPUT] + u->v[OGL_USAGE_OUTPUT];
}

static void same_usage(const struct ogl_usage *a, const struct ogl_usage *b, int loses) {
  if (!a->known) return;
  CHECK(b->v[OGL_USAGE_INPUT] <= a->v[OGL_USAGE_INPUT]);
  if (loses & LOSES_SPARE_CACHE && a->v[OGL_USAGE_CACHED] + a->v[OGL_USAGE_CACHE_WRITE] > a->v[OGL_USAGE_INPUT])
    loses |= LOSES_CACHE;
  if (loses & LOSES_SPARE_REASONING && a->v[OGL_USAGE_REASONING] > a->v[OGL_USAGE_OUTPUT])
    loses |= LOSES_REASONING_TOKENS;
  for (int i = 0; i < OGL_USAGE_FIELDS; i++)
    if (ogl_usage_has(a, i) && !loses_field(i, has_sum(a) ? loses & ~LOSES_TOTAL : loses))
      CHECK(ogl_usage_has(b, i) && a->v[i] == b->v[i]);
}

static void same_answer(const struct ogl_answer *a, const struct ogl_answer *b, const struct target *t) {
  same_texts(a, b, OGL_EVENT_TEXT, t->loses & LOSES_REFUSAL ? OGL_EVENT_REFUSAL : -1);
  same_texts(a, b, OGL_EVENT_REASONING, -1);
  if (!(t->loses & LOSES_REFUSAL)) same_texts(a, b, OGL_EVENT_REFUSAL, -1);
  same_calls(a, b, t->loses);
  same_reason(a, b, t);
  if (!(t->loses & LOSES_PARTS)) same_parts(a, b);
}

static void same_fold(const struct ogl_fold *a, const struct ogl_fold *b, const struct target *t) {
  for (size_t i = 0; i < a->n; i++) {
    const struct ogl_answer *other = ogl_fold_answer(b, a->answers[i].choice);
    if (a->answers[i].choice && t->loses & LOSES_CHOICES) continue;
    if (CHECK(other != NULL)) same_answer(&a->answers[i], other, t);
  }
  same_usage(&a->usage, &b->usage, t->loses);
}

/* --- there and back ---------------------------------------------------------------------------------------------- */

/* Decodes all of it; the code that ended it: OGL_MORE where it is complete. */
static int decode(struct ogl_decoder *d, const struct ogl_protocol *protocol, const char *content_type,
                  struct ogl_span bytes) {
  struct ogl_decoder_options options = { content_type, 0, 1, 0, 0 };
  struct ogl_event e;
  int code;
  ogl_decoder_init(d, protocol, &options);
  ogl_decoder_feed(d, bytes.p, bytes.n);
  ogl_decoder_finish(d);
  while ((code = ogl_decoder_next(d, &e)) == OGL_OK) continue;
  return code;
}

/* The tools of the request, as the first answer that tells them has them: what a gateway would repeat. */
static struct ogl_span echo_of(struct ogl_span body) {
  static const char name[] = "\"tools\":";
  struct ogl_span echo = { "", 0 }, value;
  struct ogl_json j;
  for (size_t i = 0, n = sizeof name - 1; i + n < body.n && !echo.n; i++) {
    if (memcmp(body.p + i, name, n) != 0) continue;
    ogl_json_open(&j, body.p + i + n, body.n - i - n);
    if (ogl_json_skip(&j, &value) < 0) break;
    echo.p = body.p + i;
    echo.n = (size_t)(value.p + value.n - echo.p);
  }
  return echo;
}

/* The body in the target's protocol, fed in pieces. */
static void transcode(struct exchange *x, const struct ogl_encoding *to, int is_whole, size_t step,
                      struct ogl_buf *out) {
  struct ogl_decoder_options options = { x->content_type, 0, 0, 0, 0 };
  struct ogl_encoder_context context = { { "id1", 3 }, { "", 0 }, 1700000000, 1, { "", 0 }, 0, 0, 0,
                                         { "", 0 },    { "", 0 } };
  struct ogl_transcoder t;
  struct ogl_span body = ogl_buf_span(&x->body);
  context.is_generate = (int)(body.n & 1); /* half of them in each form of Ollama's */
  if (x->protocol == &ogl_openai_responses) context.echo = echo_of(body);
  CHECK_INT(ogl_transcoder_init(&t, x->protocol, &options, to, is_whole, &context), 0);
  for (size_t at = 0; at < body.n; at += step) {
    size_t n = body.n - at < step ? body.n - at : step;
    CHECK(ogl_transcoder_feed(&t, body.p + at, n) >= 0);
    struct ogl_span made = ogl_buf_span(&t.encoder.out);
    ogl_buf_append(out, made.p, made.n);
    ogl_buf_reset(&t.encoder.out);
  }
  CHECK(ogl_transcoder_finish(&t) >= 0);
  struct ogl_span made = ogl_buf_span(&t.encoder.out);
  ogl_buf_append(out, made.p, made.n);
  ogl_transcoder_clear(&t);
}

/* Whether the target tells a finish reason of error as an error, as this protocol does: then it comes back as both. */
static int tells_failure(const struct target *t, const struct ogl_decoder *direct) {
  const struct ogl_answer *a = ogl_fold_answer(&direct->fold, 0);
  int own = strcmp(t->name, "openai_responses") == 0 || strcmp(t->name, "openai_chat") == 0;
  return own && a && ogl_span_is(ogl_buf_span(&a->reason), "error");
}

static void compare(struct exchange *x, const struct target *t, const struct ogl_decoder *direct, int code,
                    int is_whole) {
  const struct ogl_encoding *to = ogl_encoding_find(t->name);
  struct ogl_buf out, again;
  struct ogl_decoder d;
  ogl_buf_init(&out, OGL_MAX_INPUT, OGL_ERR_BODY);
  ogl_buf_init(&again, OGL_MAX_INPUT, OGL_ERR_BODY);
  transcode(x, to, is_whole, 1 << 20, &out);
  transcode(x, to, is_whole, 61, &again);
  CHECK_SPAN(ogl_buf_span(&again), ogl_buf_span(&out)); /* however it was cut */
  int back =
      decode(&d, ogl_protocol_find(t->name), is_whole ? "application/json" : to->content_type, ogl_buf_span(&out));
  if (code == OGL_MORE && tells_failure(t, direct)) {
    CHECK_INT(back, OGL_ERR_PROVIDER);
    same_fold(&direct->fold, &d.fold, t);
  } else if (code == OGL_MORE) {
    if (CHECK_INT(back, OGL_MORE)) same_fold(&direct->fold, &d.fold, t);
  } else {
    CHECK_INT(back, OGL_ERR_PROVIDER);
    if (code == OGL_ERR_PROVIDER)
      CHECK_SPAN(ogl_buf_span(&ogl_decoder_problem(&d)->message), ogl_buf_span(&ogl_decoder_problem(direct)->message));
  }
  ogl_decoder_clear(&d);
  ogl_buf_clear(&out);
  ogl_buf_clear(&again);
}

static void check_exchange(struct exchange *x) {
  struct ogl_decoder direct;
  if (x->status >= 400) return;
  int code = decode(&direct, x->protocol, x->content_type, ogl_buf_span(&x->body));
  for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
    for (int is_whole = 0; is_whole < 2; is_whole++) {
      check_case("%.*s to %s, %s", (int)x->id.n, x->id.p, losses[i].name, is_whole ? "whole" : "streamed");
      struct target t = losses[i];
      if (strcmp(t.name, x->protocol->name) != 0) t.loses |= LOSES_PARTS; /* of another protocol */
      compare(x, &t, &direct, code, is_whole);
    }
  }
  ogl_decoder_clear(&direct);
}

int main(void) {
  exchange_each(check_exchange);
  return check_end();
}
