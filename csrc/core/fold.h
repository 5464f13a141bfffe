/* SPDX-License-Identifier: MIT
** fold.h - events in, the reply so far: texts joined, calls completed, usage merged.
**
**   fold ── id, model, usage, warnings, extras
**     └─ choices (in the order of their first event)
**          └─ parts (in the order of their indexes): text, reasoning, refusal, tool call, opaque, citation
**
** Life: `init` with the reply's ceiling (allocates nothing), `add` for each event, reading at any time, `clear`. It makes no
** Lua value and no joined text: the reader walks it when a reply is asked for. Adding costs one append to the part that the
** event before it went to, in the usual case.
*/
#ifndef OGL_FOLD_H
#define OGL_FOLD_H

#include "event.h"

OGL_BEGIN

struct ogl_part {
  int kind;                /* OGL_EVENT_TEXT, _REASONING, _REFUSAL, _TOOL_CALL, _PART or _CITATION */
  int index;               /* as on the events */
  struct ogl_buf text;     /* text, arguments, or JSON */
  struct ogl_buf id, name; /* of a tool call; name is also the kind of an opaque part */
  struct ogl_buf signature;
};

struct ogl_answer { /* one choice */
  int choice;
  struct ogl_part *parts;
  size_t n, cap;
  int finished; /* a FINISH came */
  struct ogl_buf reason, raw_reason;
  struct ogl_buf logprobs; /* the JSON values that came, joined by commas */
};

struct ogl_warning {
  struct ogl_buf code, message, detail;
};

struct ogl_fold {
  struct ogl_buf id, model;
  struct ogl_answer *answers;
  size_t n, cap;
  struct ogl_usage usage; /* known = 0: none came */
  struct ogl_warning *warnings;
  size_t warned, warnings_cap; /* kept, at most OGL_MAX_WARNINGS */
  size_t dropped;              /* warnings beyond that */
  size_t size, max;            /* bytes of text so far, and their ceiling */
  int hot_answer, hot_part;    /* where the last text went; -1: nowhere */
  int err;
};

/* An empty reply. `max`: bytes that all its texts may have together. */
void ogl_fold_init(struct ogl_fold *f, size_t max);
/* Frees everything; the fold is empty then, with the same ceiling. */
void ogl_fold_clear(struct ogl_fold *f);
/* OGL_OK, or the sticky error: OGL_ERR_MEMORY, OGL_ERR_REPLY, OGL_ERR_PARTS. */
int ogl_fold_add(struct ogl_fold *f, const struct ogl_event *e);

/* The answer with that number, or NULL. */
const struct ogl_answer *ogl_fold_answer(const struct ogl_fold *f, int choice);

OGL_END

#endif
