/* SPDX-License-Identifier: MIT
** decoder.c - see decoder.h.
*/
#include "decoder.h"

#include "fault.h"
#include "mem.h"

enum {
  TEXT_BLOCK = 4096
}; /* bytes: the block of a longer joined text is given back, for a process has thousands of streams */

static const struct ogl_problem no_problem;

const struct ogl_problem *ogl_decoder_problem(const struct ogl_decoder *d) {
  return d->problem ? d->problem : &no_problem;
}

static void problem_free(struct ogl_problem *p) {
  if (!p) return;
  ogl_buf_clear(&p->message);
  ogl_buf_clear(&p->type);
  ogl_buf_clear(&p->code);
  ogl_buf_clear(&p->json);
  ogl_free(p);
}

int ogl_decoder_init(struct ogl_decoder *d, const struct ogl_protocol *protocol,
                     const struct ogl_decoder_options *options) {
  memset(d, 0, sizeof *d);
  d->protocol = protocol;
  d->strict = options->strict;
  d->keep = options->keep;
  ogl_framer_init(&d->framer, options->content_type, OGL_SSE_LLM);
  ogl_buf_init(&d->later, OGL_MAX_INPUT, OGL_ERR_FRAME);
  ogl_buf_init(&d->text, OGL_MAX_INPUT, OGL_ERR_FRAME);
  ogl_buf_init(&d->stray, OGL_MAX_BODY, OGL_ERR_FRAME);
  ogl_queue_init(&d->queue);
  ogl_fold_init(&d->fold, options->max_reply ? options->max_reply : OGL_MAX_REPLY);
  d->state = ogl_realloc(NULL, protocol->state_size);
  if (!d->state) return d->err = OGL_ERR_MEMORY;
  memset(d->state, 0, protocol->state_size);
  if (options->reason_required && protocol->require_reason) protocol->require_reason(d->state);
  return 0;
}

void ogl_decoder_clear(struct ogl_decoder *d) {
  if (d->state) d->protocol->clear(d->state);
  ogl_free(d->state);
  d->state = NULL;
  ogl_framer_clear(&d->framer);
  ogl_buf_clear(&d->later);
  ogl_buf_clear(&d->text);
  ogl_buf_clear(&d->stray);
  ogl_queue_clear(&d->queue);
  ogl_fold_clear(&d->fold);
  problem_free(d->problem);
  d->problem = NULL;
  d->err = OGL_ERR_CLOSED;
}

static int fail(struct ogl_decoder *d, int code) {
  if (!d->err) d->err = code;
  return d->err;
}

/* Hands bytes to the framer, which moves those of the last frame. */
static int pass_on(struct ogl_decoder *d, const char *p, size_t n) {
  d->frame.data.n = 0;
  int code = ogl_framer_feed(&d->framer, p, n);
  return code < 0 ? fail(d, code) : OGL_OK;
}

static void read_on(struct ogl_decoder *d);

int ogl_decoder_feed(struct ogl_decoder *d, const char *p, size_t n) {
  if (OGL_UNLIKELY(d->err)) {
    if (!ogl_decoder_wants(d)) return d->err;
    d->err = 0;
    if (pass_on(d, p, n) >= 0) read_on(d);
    else if (d->err != OGL_ERR_MEMORY) d->err = OGL_ERR_PROVIDER, d->finished = d->closed = 1;
    return d->err;
  }
  if (d->terminal || d->finished) return OGL_OK;
  if (OGL_LIKELY(d->queue.next == d->queue.n && !d->later.n)) return pass_on(d, p, n);
  int err = ogl_buf_append(&d->later, p, n);
  return err ? fail(d, err) : OGL_OK;
}

/* Hands over the bytes that arrived while events were still queued. */
static int pass_on_later(struct ogl_decoder *d) {
  struct ogl_span s = ogl_buf_span(&d->later);
  int code = pass_on(d, s.p, s.n);
  ogl_buf_reset(&d->later);
  return code;
}

void ogl_decoder_finish(struct ogl_decoder *d) {
  if (d->finished || (d->err && d->err != OGL_ERR_PROVIDER)) return;
  d->finished = 1;
  ogl_framer_finish(&d->framer);
  if (d->err) read_on(d);
}

/* Makes the problem, which the caller fills in. NULL without memory; then that is the error. */
static struct ogl_problem *problem(struct ogl_decoder *d) {
  if (d->problem) return d->problem;
  struct ogl_problem *p = ogl_realloc(NULL, sizeof *p);
  if (!p) return fail(d, OGL_ERR_MEMORY), NULL;
  ogl_buf_init(&p->message, OGL_MAX_FRAME, OGL_ERR_FRAME);
  ogl_buf_init(&p->type, OGL_MAX_FRAME, OGL_ERR_FRAME);
  ogl_buf_init(&p->code, OGL_MAX_FRAME, OGL_ERR_FRAME);
  ogl_buf_init(&p->json, OGL_MAX_FRAME, OGL_ERR_FRAME);
  return d->problem = p;
}

/* Notes one text of the problem. Leaves a text above the ceiling out; a lack of memory becomes the error. */
static void note(struct ogl_decoder *d, struct ogl_buf *b, struct ogl_span s) {
  if (ogl_buf_append(b, s.p, s.n) == OGL_ERR_MEMORY) fail(d, OGL_ERR_MEMORY);
}

/* The front of what could not be read, for a message. */
static struct ogl_span excerpt(struct ogl_span s) {
  if (s.n <= OGL_RAW_EXCERPT) return s;
  s.n = OGL_RAW_EXCERPT;
  while (s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80) s.n--; /* not inside a character */
  return s;
}

static void warn(struct ogl_decoder *d, const char *code, const char *message, struct ogl_span detail) {
  struct ogl_event *e = ogl_queue_push(&d->queue, OGL_EVENT_WARNING, 0, 0);
  if (!e) return;
  e->a.p = code, e->a.n = strlen(code);
  e->b.p = message, e->b.n = strlen(message);
  e->c = detail;
}

/* Handles a frame that is no JSON: a warning, or an error. OGL_OK, or the error. */
static int on_bad_frame(struct ogl_decoder *d, int code) {
  int whole = d->frame.kind == OGL_FRAME_WHOLE, joined = d->frame.joined != 0;
  if (whole && code == OGL_ERR_INCOMPLETE) return fail(d, code);
  if (whole || joined || d->strict) { /* joined: text of the answer is in it */
    if (problem(d)) note(d, &d->problem->json, excerpt(d->frame.data));
    return fail(d, OGL_ERR_SYNTAX);
  }
  warn(d, "invalid_json", "an event of the answer is not valid JSON and was passed over", excerpt(d->frame.data));
  return d->queue.err ? fail(d, d->queue.err) : OGL_OK;
}

/* Notes whether something of an answer is among the events, and keeps the first frame that was unknown. */
static void look_for_answer(struct ogl_decoder *d) {
  for (size_t i = 0; i < d->queue.n; i++) {
    const struct ogl_event *e = &d->queue.events[i];
    if (e->kind == OGL_EVENT_UNKNOWN && !d->stray.n) ogl_buf_append(&d->stray, e->b.p, e->b.n);
    else if (e->kind != OGL_EVENT_START && e->kind != OGL_EVENT_UNKNOWN && e->kind != OGL_EVENT_USAGE) d->answered = 1;
  }
  if (d->answered) ogl_buf_clear(&d->stray);
}

static void warn_about_text(struct ogl_decoder *d) {
  struct ogl_span none = { "", 0 };
  if (d->frame.repaired)
    warn(d, "invalid_utf8", "bytes of the answer that are not UTF-8 were replaced by U+FFFD", none);
  if (d->frame.joined)
    warn(d, "joined_lines", "a text of the answer was cut at a line separator, and joined again with U+2028", none);
  if (d->queue.lone) warn(d, "lone_surrogate", "half of a surrogate pair in the answer was replaced by U+FFFD", none);
}

/* Whether the frame's JSON is cut, and its rest may come: it is taken back then. */
static int reopens(struct ogl_decoder *d, int code) {
  if (code != OGL_ERR_INCOMPLETE || d->frame.kind != OGL_FRAME_EVENT || d->frame.cut) return 0;
  return ogl_framer_reopen(&d->framer);
}

/* Whether it is an error whose JSON is cut: a protocol would take the fragment for the message. */
static int is_cut_error(struct ogl_decoder *d) {
  struct ogl_span event = d->frame.event, data = d->frame.data;
  return ogl_span_is(event, "error") && reopens(d, ogl_json_check(data.p, data.n));
}

/* Decodes the next frame into the queue: OGL_OK (perhaps without an event), OGL_MORE, or the error. */
static int take_frame(struct ogl_decoder *d) {
  if (OGL_UNLIKELY(d->later.n) && pass_on_later(d) < 0) return d->err;
  int code = ogl_framer_next(&d->framer, &d->frame);
  if (code != OGL_OK) return code < 0 ? fail(d, code) : OGL_MORE;
  ogl_queue_begin(&d->queue, d->frame.data.n);
  if (OGL_UNLIKELY(d->frame.event.n) && is_cut_error(d)) return OGL_OK;
  code = d->protocol->frame(d->state, &d->frame, &d->queue);
  if (OGL_UNLIKELY(d->queue.err)) return fail(d, d->queue.err);
  if (code == OGL_ERR_SYNTAX || code == OGL_ERR_INCOMPLETE) return reopens(d, code) ? OGL_OK : on_bad_frame(d, code);
  if (code < 0) d->pending = code;
  if (code == OGL_OK) d->terminal = 1;
  if (OGL_UNLIKELY(!d->answered)) look_for_answer(d);
  if (OGL_UNLIKELY(d->stray.err == OGL_ERR_MEMORY)) return fail(d, OGL_ERR_MEMORY);
  if (OGL_UNLIKELY(d->frame.repaired | d->frame.joined | d->queue.lone)) warn_about_text(d);
  return OGL_OK;
}

/* Moves the last warning in front of the FINISH events, for a FINISH is the last event of its choice. */
static void move_warning(struct ogl_queue *q) {
  for (size_t i = q->n; i > 1; i--) {
    struct ogl_event warning = q->events[i - 1], before = q->events[i - 2];
    if (before.kind != OGL_EVENT_FINISH && before.kind != OGL_EVENT_ERROR) return;
    q->events[i - 1] = before;
    q->events[i - 2] = warning;
  }
}

/* Turns what the server said in place of an answer into its error. A whole body counts in any case, an event only if a message can be
   found in it. */
static void push_stray(struct ogl_decoder *d) {
  struct ogl_span json = ogl_buf_span(&d->stray);
  ogl_queue_begin(&d->queue, 2 * json.n); /* some words are read twice */
  ogl_fault_push_other(&d->queue, json);
  if (d->framer.framing != OGL_FRAMING_WHOLE && d->queue.n && d->queue.events[0].a.n == json.n) d->queue.n = 0;
}

/* Queues the last events of the reply, once. */
static int close_reply(struct ogl_decoder *d) {
  d->closed = 1;
  d->frame.repaired = d->frame.joined = 0; /* that was told */
  ogl_queue_begin(&d->queue, 0);
  int code = d->protocol->finish(d->state, &d->queue);
  if (code < 0) d->pending = code;
  if (code == OGL_ERR_INCOMPLETE && d->stray.n && !d->queue.n) push_stray(d);
  if (d->queue.lone) warn_about_text(d), move_warning(&d->queue);
  return d->queue.err ? fail(d, d->queue.err) : OGL_OK;
}

/* Decodes what came behind an error, and folds the usage and the finish reasons alone. OGL_MORE, or the error that ended it. */
static int take_late(struct ogl_decoder *d) {
  struct ogl_event e;
  for (;;) {
    while (ogl_queue_pop(&d->queue, &e) == OGL_OK)
      if (e.kind == OGL_EVENT_USAGE || e.kind == OGL_EVENT_FINISH) ogl_fold_add(&d->fold, &e);
    if (d->fold.err || d->pending == OGL_ERR_MEMORY) return d->fold.err ? d->fold.err : d->pending;
    if (d->closed) return OGL_MORE;
    int code = d->terminal ? OGL_MORE : take_frame(d);
    if (code == OGL_MORE && !d->terminal && !d->finished) return OGL_MORE;
    if (code == OGL_MORE) code = close_reply(d);
    if (code < 0) return code;
  }
}

/* Reads on behind an error of the server. The error stays the same; only a lack of memory replaces it. */
static void read_on(struct ogl_decoder *d) {
  d->err = 0;
  int code = take_late(d);
  d->err = code == OGL_ERR_MEMORY ? code : OGL_ERR_PROVIDER;
  if (code < 0) d->finished = d->closed = 1;
}

/* Keeps an ERROR event as the sticky error. */
static int on_error(struct ogl_decoder *d, const struct ogl_event *e) {
  struct ogl_problem *p = problem(d);
  if (!p) return d->err;
  note(d, &p->message, e->a);
  note(d, &p->type, e->b);
  note(d, &p->code, e->c);
  note(d, &p->json, e->d);
  if (d->err) return d->err;
  d->err = OGL_ERR_PROVIDER;
  read_on(d);
  return d->err;
}

/* Folds an event that was popped. OGL_OK where the caller gets it, or the error. */
static int give(struct ogl_decoder *d, struct ogl_event *e) {
  if (OGL_UNLIKELY(e->kind == OGL_EVENT_ERROR)) return on_error(d, e);
  if (d->keep) {
    int code = ogl_fold_add(&d->fold, e);
    if (OGL_UNLIKELY(code < 0)) return fail(d, code);
  }
  return OGL_OK;
}

int ogl_decoder_next(struct ogl_decoder *d, struct ogl_event *e) {
  for (;;) {
    if (OGL_UNLIKELY(d->err)) return d->err;
    if (ogl_queue_pop(&d->queue, e) == OGL_OK) return give(d, e);
    if (OGL_UNLIKELY(d->pending)) return fail(d, d->pending);
    if (OGL_UNLIKELY(d->closed)) return OGL_MORE;
    int code = d->terminal ? OGL_MORE : take_frame(d);
    if (code < 0) return code;
    if (code == OGL_MORE) {
      if (!d->terminal && !d->finished) return OGL_MORE;
      if (close_reply(d) < 0) return d->err;
    }
  }
}

static int is_visible_text(const struct ogl_event *e) { return e->kind == OGL_EVENT_TEXT && e->choice == 0; }

/* Appends the texts of all events that there are. Gives the code that ended them: OGL_MORE, or an error. */
static int join_texts(struct ogl_decoder *d, struct ogl_event *e, unsigned *passed) {
  struct ogl_event next;
  int code;
  while ((code = ogl_decoder_next(d, &next)) == OGL_OK) {
    *passed |= 1u << next.kind;
    if (OGL_UNLIKELY(!is_visible_text(&next))) continue;
    if (!d->text.n) *e = next;
    if (OGL_UNLIKELY(ogl_buf_append(&d->text, next.a.p, next.a.n))) return fail(d, d->text.err);
  }
  return code;
}

static int single_text(struct ogl_decoder *d, struct ogl_event *e, unsigned *passed) {
  int code;
  while ((code = ogl_decoder_next(d, e)) == OGL_OK) {
    *passed |= 1u << e->kind;
    if (OGL_LIKELY(is_visible_text(e))) break;
  }
  return code;
}

int ogl_decoder_text(struct ogl_decoder *d, int joined, struct ogl_event *e, unsigned *passed) {
  if (!joined) return single_text(d, e, passed);
  if (OGL_UNLIKELY(d->text.cap > TEXT_BLOCK)) ogl_buf_clear(&d->text);
  else ogl_buf_reset(&d->text);
  int code = join_texts(d, e, passed);
  if (!d->text.n) return code;
  e->a = ogl_buf_span(&d->text);
  return OGL_OK;
}
