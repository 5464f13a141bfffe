/* SPDX-License-Identifier: MIT
** json_finder.c - see json_finder.h. `feed` gives what is left of a piece to the function of the present state, which says how far it came.
*/
#include "json_finder.h"

enum state {
  START,      /* a value is expected */
  WORDS,      /* anything */
  FENCE_LINE, /* behind the backticks that open a fence, up to the end of the line */
  CANDIDATE,  /* in what may be the value */
  SCALAR_END, /* behind what is the value if nothing else comes */
  DONE        /* nothing can win any more */
};

/* What an ended value is worth: it gives way to one that is worth more. */
enum rank { NONE, UNSURE, SURE, EXPECTED };

void ogl_json_finder_init(struct ogl_json_finder *f, size_t max) {
  memset(f, 0, sizeof *f);
  f->max = max;
  ogl_json_partial_init(&f->value);
}

void ogl_json_finder_clear(struct ogl_json_finder *f) { ogl_json_partial_clear(&f->value); }

/* --- candidates --------------------------------------------------------------------------------------------------- */

static int is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static int is_bracket(char c) { return c == '{' || c == '['; }

/* Whether a scalar may begin so. */
static int begins_scalar(char c) {
  return c == '"' || c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n';
}

static int may_win(const struct ogl_json_finder *f, int expected) { return f->rank < (expected ? EXPECTED : SURE); }

static void reset(struct ogl_json_finder *f) {
  struct ogl_json_step step = { OGL_JSON_RESET, 0, { "", 0 }, { "", 0 } };
  if (ogl_json_steps_add(&f->value.steps, &step)) f->err = f->value.steps.bytes.err;
}

static void begin(struct ogl_json_finder *f, int expected, char c) {
  f->expected = expected;
  f->scalar = !is_bracket(c);
  f->sure = f->ticks = f->tag_n = 0;
  f->state = CANDIDATE;
  if (f->rank || !expected || (f->scalar && c != '"')) ogl_json_steps_hide(&f->value.steps);
  if (f->rank) reset(f);
  ogl_json_partial_begin(&f->value);
}

/* The candidate is the value from now on. */
static void give(struct ogl_json_finder *f) {
  ogl_json_steps_reveal(&f->value.steps);
  f->rank = NONE;
  f->complete = 0;
}

/* The candidate has ended, and is the value. */
static void settle(struct ogl_json_finder *f, int rank) {
  give(f);
  f->rank = rank;
  f->complete = 1;
  f->state = rank == EXPECTED ? DONE : WORDS;
}

/* The candidate was words. */
static void drop(struct ogl_json_finder *f) {
  if (f->value.steps.hiding) ogl_json_steps_drop(&f->value.steps);
  else reset(f);
  ogl_json_partial_begin(&f->value);
  f->state = WORDS;
}

static void candidate_ended(struct ogl_json_finder *f) {
  int rank = f->expected && (f->sure || f->in_fence) ? EXPECTED : f->sure ? SURE : UNSURE;
  if (f->scalar) f->state = SCALAR_END;
  else if (rank > f->rank) settle(f, rank);
  else drop(f);
}

/* Whether an error inside of a candidate shows that it was words. */
static int is_of_words(int code) { return code == OGL_ERR_SYNTAX || code == OGL_ERR_UTF8; }

static const char *in_candidate(struct ogl_json_finder *f, const char *p, const char *end) {
  struct ogl_json_partial *j = &f->value;
  p = ogl_json_partial_read(j, p, end);
  if (!f->sure && (j->texts || (j->commas && f->expected))) {
    f->sure = 1;
    give(f);
  }
  if (j->status == OGL_OK) candidate_ended(f);
  else if (!f->sure && is_of_words(j->status)) drop(f);
  else if (j->status < 0) f->err = j->status;
  return p;
}

/* Behind a scalar: blanks, and in a fence the backticks that close it. */
static const char *behind_scalar(struct ogl_json_finder *f, const char *p) {
  if (is_blank(*p)) return p + 1;
  if (f->in_fence && *p == '`') settle(f, EXPECTED);
  else drop(f);
  return p;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static int is_tag(const struct ogl_json_finder *f, const char *name) {
  size_t n = strlen(name);
  return n == (size_t)f->tag_n && memcmp(f->tag, name, n) == 0;
}

/* There is no value. */
static void forget(struct ogl_json_finder *f) {
  if (f->rank) reset(f);
  f->rank = NONE;
  f->complete = 0;
}

/* A tag has come: thoughts begin, or a value is expected behind them, and what was found before was a part of them. */
static void take_tag(struct ogl_json_finder *f) {
  static const char *const opening[] = { "<think", "<thinking", "<reasoning" };
  static const char *const closing[] = { "</think", "</thinking", "</reasoning" };
  for (size_t i = 0; i < sizeof opening / sizeof opening[0]; i++) {
    int closes = is_tag(f, closing[i]);
    if (!closes && !is_tag(f, opening[i])) continue;
    f->thinking = !closes;
    f->in_fence = 0;
    f->state = closes ? START : WORDS;
    if (closes) forget(f);
  }
}

static void watch_tag(struct ogl_json_finder *f, char c) {
  if (c == '<') f->tag_n = 0;
  else if (!f->tag_n) return;
  if (c == '>') take_tag(f);
  if (c == '>' || f->tag_n == sizeof f->tag) f->tag_n = 0;
  else f->tag[f->tag_n++] = c;
}

/* Three backticks open a fence or close it. */
static void watch_fence(struct ogl_json_finder *f, char c) {
  f->ticks = c == '`' ? f->ticks + 1 : 0;
  if (f->ticks < 3) return;
  f->ticks = 0;
  f->in_fence = !f->in_fence;
  f->state = f->in_fence ? FENCE_LINE : WORDS;
}

static const char *in_words(struct ogl_json_finder *f, const char *p) {
  if (!f->thinking && is_bracket(*p) && may_win(f, 0)) return begin(f, 0, *p), p;
  if (f->state == FENCE_LINE && *p == '\n') return f->state = START, p + 1;
  if (!f->thinking) watch_fence(f, *p);
  watch_tag(f, *p);
  return p + 1;
}

static const char *at_start(struct ogl_json_finder *f, const char *p) {
  if (is_blank(*p)) return p + 1;
  if (may_win(f, 1) && (is_bracket(*p) || begins_scalar(*p))) begin(f, 1, *p);
  else f->state = WORDS;
  return p;
}

/* --- the text ------------------------------------------------------------------------------------------------------ */

static const char *step(struct ogl_json_finder *f, const char *p, const char *end) {
  switch (f->state) {
    case START: return at_start(f, p);
    case CANDIDATE: return in_candidate(f, p, end);
    case SCALAR_END: return behind_scalar(f, p);
    case DONE: return end;
    default: return in_words(f, p);
  }
}

int ogl_json_finder_feed(struct ogl_json_finder *f, const char *p, size_t n) {
  if (f->err) return f->err;
  if (f->finished) return OGL_ERR_CLOSED;
  size_t room = f->max - f->fed, taken = n < room ? n : room;
  const char *at = p, *end = taken ? p + taken : p;
  while (at < end && !f->err) {
    int before = f->state;
    at = step(f, at, end);
    if (f->err || (f->state == WORDS && before != WORDS)) f->err_at = f->fed + (size_t)(at - p);
  }
  f->fed += taken;
  if (!f->err && taken < n) f->err = OGL_ERR_REPLY, f->err_at = f->fed;
  return f->err ? f->err : OGL_OK;
}

/* A candidate that the end of the text cuts, or that ends there. */
static void end_candidate(struct ogl_json_finder *f) {
  struct ogl_json_partial *j = &f->value;
  ogl_json_partial_end(j);
  if (j->status == OGL_OK) candidate_ended(f);
  else if (j->status == OGL_ERR_MEMORY) f->err = OGL_ERR_MEMORY;
  else if (f->rank) drop(f);
  else f->err = OGL_ERR_INCOMPLETE;
}

int ogl_json_finder_finish(struct ogl_json_finder *f) {
  if (f->err || f->finished) return f->err ? f->err : OGL_OK;
  f->finished = 1;
  if (f->state == CANDIDATE) end_candidate(f);
  if (f->state == SCALAR_END && !f->err) settle(f, EXPECTED);
  if (!f->complete && !f->err) f->err = f->thinking || f->state == START ? OGL_ERR_INCOMPLETE : OGL_ERR_SYNTAX;
  if (f->err && f->err != OGL_ERR_SYNTAX) f->err_at = f->fed;
  return f->err ? f->err : OGL_OK;
}
