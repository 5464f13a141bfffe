/* SPDX-License-Identifier: MIT
** journal.c - see journal.h.
*/
#include "journal.h"

#include <stdint.h>
#include <stdlib.h>

#include "../../csrc/core/json_write.h"

static void text(struct ogl_buf *log, const char *name, struct ogl_span s) {
  ogl_buf_byte(log, ' ');
  ogl_buf_text(log, name);
  ogl_json_write_string(log, s.p, s.n);
}

static void raw(struct ogl_buf *log, struct ogl_span s) {
  ogl_buf_byte(log, ' ');
  ogl_buf_append(log, s.p, s.n);
}

static void number(struct ogl_buf *log, const char *name, double v) {
  ogl_buf_byte(log, ' ');
  ogl_buf_text(log, name);
  ogl_json_write_number(log, v);
}

/* Name, place in the reply, and the choice where it is not the first; both count from 1, as in Lua. */
static void head(struct ogl_buf *log, const char *name, const struct ogl_event *e, int placed) {
  ogl_buf_text(log, name);
  if (placed) number(log, "", e->index + 1);
  if (e->choice) number(log, "choice=", e->choice + 1);
}

static void usage(struct ogl_buf *log, const struct ogl_usage *u) {
  static const char *const names[OGL_USAGE_FIELDS] = {
    "input=", "cached=", "cache_write=", "output=", "reasoning=", "total=", "requests=", "cost=", "kwh=", "co2=",
  };
  for (int i = 0; i < OGL_USAGE_FIELDS; i++)
    if (ogl_usage_has(u, i)) number(log, names[i], u->v[i]);
}

void journal_event(struct ogl_buf *log, const struct ogl_event *e) {
  static const char *const names[OGL_EVENT_KINDS] = {
    "start",    "text",     "reasoning", "refusal", "tool_call", "tool_arguments", "tool_call_end", "part",
    "part_end", "citation", "logprobs",  "usage",   "finish",    "warning",        "unknown",       "error",
  };
  int placed = e->kind >= OGL_EVENT_TEXT && e->kind <= OGL_EVENT_CITATION;
  head(log, names[e->kind], e, placed);
  switch (e->kind) {
    case OGL_EVENT_START: text(log, "id=", e->a), text(log, "model=", e->b); break;
    case OGL_EVENT_TEXT:
    case OGL_EVENT_REASONING:
    case OGL_EVENT_REFUSAL:
    case OGL_EVENT_TOOL_ARGUMENTS: text(log, "", e->a); break;
    case OGL_EVENT_TOOL_CALL: text(log, "id=", e->a), text(log, "name=", e->b); break;
    case OGL_EVENT_TOOL_CALL_END:
      text(log, "id=", e->a), text(log, "name=", e->b), text(log, "arguments=", e->c);
      break;
    case OGL_EVENT_PART:
    case OGL_EVENT_PART_END: raw(log, e->a), raw(log, e->b); break;
    case OGL_EVENT_CITATION:
    case OGL_EVENT_LOGPROBS: raw(log, e->a); break;
    case OGL_EVENT_USAGE: usage(log, e->usage); break;
    case OGL_EVENT_FINISH: raw(log, e->a.n ? e->a : (struct ogl_span){ "-", 1 }), text(log, "raw=", e->b); break;
    case OGL_EVENT_WARNING: raw(log, e->a), text(log, "", e->c); break;
    case OGL_EVENT_UNKNOWN: text(log, "", e->a), raw(log, e->b); break;
    default: abort(); /* an ERROR never leaves the decoder as an event */
  }
  ogl_buf_byte(log, '\n');
}

void journal_end(struct ogl_buf *log, const struct ogl_decoder *d, int code) {
  const struct ogl_problem *p = ogl_decoder_problem(d);
  if (code == OGL_MORE) ogl_buf_text(log, "end");
  else if (code == OGL_ERR_INCOMPLETE) ogl_buf_text(log, "incomplete");
  else ogl_buf_text(log, "error "), ogl_buf_text(log, ogl_code_name(code));
  if (code == OGL_ERR_PROVIDER) text(log, "", ogl_buf_span(&p->message));
  if (p->type.n) text(log, "type=", ogl_buf_span(&p->type));
  if (p->code.n) text(log, "code=", ogl_buf_span(&p->code));
  ogl_buf_byte(log, '\n');
}

int journal_drain(struct ogl_buf *log, struct ogl_decoder *d, size_t most) {
  struct ogl_event e;
  int code = OGL_OK;
  while (most-- && (code = ogl_decoder_next(d, &e)) == OGL_OK) journal_event(log, &e);
  return code;
}

/* Feeds a copy in a block of its own size, which is gone afterwards: whatever still points into it is found out. */
static void feed_copy(struct ogl_decoder *d, const char *p, size_t n) {
  char *copy = malloc(n ? n : 1);
  if (!copy) abort();
  if (n) memcpy(copy, p, n);
  ogl_decoder_feed(d, copy, n);
  free(copy);
}

/* Marsaglia's xorshift: the same sizes for the same seed, on every machine. */
static uint32_t next_random(uint32_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed;
}

static size_t piece(struct journal_way *way, size_t left) {
  size_t n = way->first ? way->first : way->step;
  way->first = 0;
  if (way->seed && n) n = 1 + next_random(&way->seed) % n;
  return n == 0 || n > left ? left : n;
}

void journal_play(struct ogl_buf *log, struct ogl_decoder *d, struct ogl_span bytes, struct journal_way way) {
  for (size_t at = 0, n; at < bytes.n; at += n) {
    n = piece(&way, bytes.n - at);
    feed_copy(d, bytes.p + at, n);
    journal_drain(log, d, way.lazy ? 1 : SIZE_MAX);
  }
  ogl_decoder_finish(d);
  journal_end(log, d, journal_drain(log, d, SIZE_MAX));
}

void journal_run(struct ogl_buf *log, const struct ogl_protocol *protocol, const struct ogl_decoder_options *options,
                 struct ogl_span bytes, struct journal_way way) {
  struct ogl_decoder d;
  ogl_decoder_init(&d, protocol, options);
  journal_play(log, &d, bytes, way);
  ogl_decoder_clear(&d);
}
