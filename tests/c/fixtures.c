/* SPDX-License-Identifier: MIT
** fixtures.c - recorded answers of real servers, from bytes to the reply, against the outcome that an independent
** program computed (fixtures/expected.jsonl under $OGL_SHARED, in the form of reference/normal_form.md).
**
** Each body is played whole, byte by byte and in random pieces, with its content type and without one, and without
** the protocol's short cuts; the journal has to be the same every time, and the fold has to be the expected reply:
** what is absent there is absent here. Of an answer with a status of 400 and above only the error counts.
*/
#include "../../csrc/core/fault.h"
#include "check.h"
#include "exchange.h"
#include "journal.h"
#include "long_way.h"
#include "pick.h"

/* One line of expected.jsonl. */
/* --- what is expected against what was folded ------------------------------------------------------------------ */

/* All texts of a kind in choice 0, joined. */
static struct ogl_span joined(struct ogl_buf *b, const struct ogl_fold *f, int kind) {
  const struct ogl_answer *a = ogl_fold_answer(f, 0);
  ogl_buf_reset(b);
  for (size_t i = 0; a && i < a->n; i++) {
    struct ogl_span s = ogl_buf_span(&a->parts[i].text);
    if (a->parts[i].kind == kind) ogl_buf_append(b, s.p, s.n);
  }
  return ogl_buf_span(b);
}

static void check_texts(struct exchange *x, const struct ogl_fold *f) {
  struct ogl_buf b;
  ogl_buf_init(&b, OGL_MAX_BODY, OGL_ERR_BODY);
  CHECK_SPAN(joined(&b, f, OGL_EVENT_TEXT), pick_text(&x->scratch, x->expect, "text"));
  CHECK_SPAN(joined(&b, f, OGL_EVENT_REASONING), pick_text(&x->scratch, x->expect, "reasoning"));
  CHECK_SPAN(joined(&b, f, OGL_EVENT_REFUSAL), pick_text(&x->scratch, x->expect, "refusal"));
  ogl_buf_clear(&b);
}

/* The next tool call of the answer from part *i on, or NULL. */
static const struct ogl_part *next_call(const struct ogl_answer *a, size_t *i) {
  while (a && *i < a->n) {
    const struct ogl_part *p = &a->parts[(*i)++];
    if (p->kind == OGL_EVENT_TOOL_CALL) return p;
  }
  return NULL;
}

static void check_call(struct exchange *x, const struct ogl_part *p, struct ogl_span call) {
  CHECK_SPAN(ogl_buf_span(&p->id), pick_text(&x->scratch, call, "id"));
  CHECK_SPAN(ogl_buf_span(&p->name), pick_text(&x->scratch, call, "name"));
  CHECK(pick_same(ogl_buf_span(&p->text), pick_text(&x->scratch, call, "arguments")));
}

static void check_calls(struct exchange *x, const struct ogl_fold *f) {
  const struct ogl_answer *a = ogl_fold_answer(f, 0);
  struct ogl_span calls = pick(x->expect, "tool_calls"), call;
  struct ogl_json j;
  size_t i = 0;
  if (calls.n) {
    for (pick_open(&j, calls); pick_next(&j, &call);) {
      const struct ogl_part *p = next_call(a, &i);
      if (!CHECK(p != NULL)) return;
      check_call(x, p, call);
    }
  }
  CHECK(next_call(a, &i) == NULL);
}

static void check_finish(struct exchange *x, const struct ogl_fold *f) {
  const struct ogl_answer *a = ogl_fold_answer(f, 0);
  struct ogl_span none = { "", 0 };
  CHECK_SPAN(a ? ogl_buf_span(&a->reason) : none, pick_text(&x->scratch, x->expect, "finish_reason"));
  CHECK_SPAN(a ? ogl_buf_span(&a->raw_reason) : none, pick_text(&x->scratch, x->expect, "raw_finish_reason"));
}

static void check_usage(struct exchange *x, const struct ogl_usage *u) {
  static const char *const names[OGL_USAGE_FIELDS] = {
    "input_tokens",       "cached_input_tokens",
    "cache_write_tokens", "output_tokens",
    "reasoning_tokens",   "total_tokens",
    "requests",           "cost",
    "energy_kwh",         "co2_kg",
  };
  struct ogl_span usage = pick(x->expect, "usage");
  for (int i = 0; i < OGL_USAGE_FIELDS; i++) {
    struct ogl_span raw = pick(usage, names[i]);
    struct ogl_number v;
    if (!CHECK_INT(ogl_usage_has(u, i), raw.n > 0) || !raw.n) continue;
    CHECK(ogl_number_read(raw.p, raw.p + raw.n, &v) && v.d == u->v[i]);
  }
}

static void check_error(struct exchange *x, struct ogl_span message, struct ogl_span type, struct ogl_span code) {
  struct ogl_span error = pick(x->expect, "error");
  CHECK_SPAN(message, pick_text(&x->scratch, error, "message"));
  CHECK_SPAN(type, pick_text(&x->scratch, error, "type"));
  CHECK_SPAN(code, pick_text(&x->scratch, error, "code"));
}

static void check_reply(struct exchange *x, const struct ogl_decoder *d) {
  int failed = pick(x->expect, "error").n > 0, complete = pick_is_true(x->expect, "complete");
  int page = d->framer.framing == OGL_FRAMING_WHOLE && d->err == OGL_ERR_SYNTAX; /* a whole body that is no JSON */
  CHECK_INT(d->err, failed ? OGL_ERR_PROVIDER : complete ? 0 : page ? OGL_ERR_SYNTAX : OGL_ERR_INCOMPLETE);
  CHECK_INT(ogl_decoder_ended(d), complete);
  if (failed)
    check_error(x, ogl_buf_span(&ogl_decoder_problem(d)->message), ogl_buf_span(&ogl_decoder_problem(d)->type),
                ogl_buf_span(&ogl_decoder_problem(d)->code));
  check_texts(x, &d->fold);
  check_calls(x, &d->fold);
  check_finish(x, &d->fold);
  check_usage(x, &d->fold.usage);
  int64_t several = pick_integer(x->expect, "n_choices", 0);
  if (several) CHECK_INT(d->fold.n, several);
  else CHECK(d->fold.n <= 1);
}

/* --- playing --------------------------------------------------------------------------------------------------- */

static void play_again(const struct exchange *x, const struct ogl_protocol *protocol, const char *content_type,
                       struct journal_way way, struct ogl_span journal) {
  struct ogl_decoder_options options = { content_type, 0, 1, 0, 0 };
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  journal_run(&log, protocol, &options, ogl_buf_span(&x->body), way);
  CHECK_SPAN(ogl_buf_span(&log), journal);
  ogl_buf_clear(&log);
}

static void play(struct exchange *x) {
  struct journal_way whole = { 0, 0, 0, 0 }, bytes = { 0, 1, 0, 0 };
  struct ogl_decoder_options options = { x->content_type, 0, 1, 0, 0 };
  struct ogl_decoder d;
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_decoder_init(&d, x->protocol, &options);
  journal_play(&log, &d, ogl_buf_span(&x->body), whole);
  check_reply(x, &d);
  play_again(x, x->protocol, x->content_type, bytes, ogl_buf_span(&log));
  play_again(x, x->protocol, NULL, whole, ogl_buf_span(&log));
  play_again(x, long_way(x->protocol), x->content_type, whole, ogl_buf_span(&log));
  for (uint32_t seed = 1; seed <= 4; seed++) {
    struct journal_way random = { 0, seed < 3 ? 40 : 2000, seed % 2, seed * 2654435761u };
    play_again(x, x->protocol, x->content_type, random, ogl_buf_span(&log));
  }
  ogl_decoder_clear(&d);
  ogl_buf_clear(&log);
}

static void read_fault(struct exchange *x) {
  struct ogl_queue q;
  struct ogl_event e;
  memset(&e, 0, sizeof e);
  ogl_queue_init(&q);
  ogl_queue_begin(&q, x->body.n);
  ogl_fault_read(&q, ogl_buf_span(&x->body), &e);
  check_error(x, e.a, e.b, e.c);
  CHECK_INT(q.err, 0);
  ogl_queue_clear(&q);
}

static void check_exchange(struct exchange *x) {
  if (x->status >= 400) read_fault(x);
  else play(x);
}

int main(void) {
  exchange_each(check_exchange);
  return check_end();
}
