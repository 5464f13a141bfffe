/* SPDX-License-Identifier: MIT
** frame.h - one framer for every body: it looks at the content type and at the first bytes, and becomes an SSE, NDJSON, JSON
** array or whole-body reader.
**
**   content type        first byte that is no blank    becomes
**   text/event-stream   any                            sse (which takes bare JSON too)
**   any other, none     a field of SSE, or a comment   sse: servers mislabel streams
**   any other, none     [ and, behind blanks, {        json array: each element is a frame (Gemini streams so)
**   …ndjson, …jsonl     anything else                  ndjson
**   any other, none     anything else                  whole
**
** Life as in sse.h: init, feed and next in turn, finish, next until OGL_MORE, clear. Whatever it became, bytes that are
** no UTF-8 leave it as U+FFFD, with `repaired` set in the frame: everything behind it may take text for granted.
*/
#ifndef OGL_FRAME_H
#define OGL_FRAME_H

#include "json_array.h"
#include "ndjson.h"
#include "sse.h"

OGL_BEGIN

enum ogl_framing {
  OGL_FRAMING_UNDECIDED,
  OGL_FRAMING_SSE,
  OGL_FRAMING_NDJSON,
  OGL_FRAMING_WHOLE,
  OGL_FRAMING_JSON_ARRAY
};

struct ogl_framer {
  int framing;  /* what it became */
  int hint;     /* the framing that the content type names */
  int sse_mode; /* for the SSE reader; OGL_SSE_WHATWG also fixes the framing */
  int finished, given, err;
  struct ogl_buf first; /* input until it is decided, and the whole body */
  size_t blanks;        /* at its front; not looked at again */
  size_t inner;         /* blanks behind a bracket that stands there */
  struct ogl_buf fixed; /* a repaired frame */
  union {
    struct ogl_sse sse;
    struct ogl_ndjson ndjson;
    struct ogl_json_array array;
  } u;
};

/* The word for a framing; NULL while it is undecided. */
const char *ogl_framing_name(int framing);

/* `content_type` may be NULL. Allocates nothing. */
void ogl_framer_init(struct ogl_framer *f, const char *content_type, int sse_mode);
/* Frees the memory; any number of times. */
void ogl_framer_clear(struct ogl_framer *f);
/* OGL_OK or the sticky error: OGL_ERR_MEMORY, OGL_ERR_FRAME, OGL_ERR_BODY. */
int ogl_framer_feed(struct ogl_framer *f, const char *p, size_t n);
/* OGL_OK with a frame (valid until the next call), OGL_MORE, or the sticky error: also OGL_ERR_LINE. */
int ogl_framer_next(struct ogl_framer *f, struct ogl_frame *frame);
/* No more bytes will come: `next` gives what is left. */
void ogl_framer_finish(struct ogl_framer *f);
/* See sse.h; 0 for all that is no SSE. */
int ogl_framer_reopen(struct ogl_framer *f);

OGL_END

#endif
