/* SPDX-License-Identifier: MIT
** sse.h - Server-Sent Events: bytes in, one frame at a time out.
**
** Life: `init`, then `feed` and `next` in turn; after the last byte `finish`, and `next` until it gives OGL_MORE; `clear`.
** Any split of the input gives the same frames. Lines end with LF, CRLF or CR; a byte order mark at the start is skipped.
**
** Two modes:
**   OGL_SSE_WHATWG  the HTML standard, section 9.2.6, to the letter.
**   OGL_SSE_LLM     the same, and what LLM servers do beside it:
**     - an event that the end of input cuts off before its blank line is given all the same;
**     - a JSON object or array outside any field, on one line or on several, is a frame of kind OGL_FRAME_BARE
**       (OpenGateLLM <= 0.9.0, Gemini: how they report an error in mid-stream);
**     - a line `error: …` is a frame of kind OGL_FRAME_ERROR (llama.cpp);
**     - lines without a field that continue the JSON of a data line belong to it (OpenGateLLM relays pretty-printed errors so);
**     - `reopen` takes an event back whose JSON is cut: what follows without a field is the rest of it. OpenGateLLM up to 0.8 cuts
**       lines also at U+2028, U+2029 and U+0085, drops them, and puts a blank line behind each piece. Pieces of a JSON string
**       are joined by U+2028, all others by a line end.
**
** Memory: the input that is not yet given (OGL_MAX_INPUT, one line OGL_MAX_LINE) and the data of one event (OGL_MAX_FRAME).
** An event of one data line, by far the most frequent, is a span into the input. A frame is valid until the next call.
*/
#ifndef OGL_SSE_H
#define OGL_SSE_H

#include "buf.h"

OGL_BEGIN

enum ogl_sse_mode { OGL_SSE_LLM, OGL_SSE_WHATWG };

enum ogl_frame_kind {
  OGL_FRAME_EVENT, /* an event, a line of NDJSON, an element of an array */
  OGL_FRAME_BARE,  /* JSON outside any SSE field */
  OGL_FRAME_ERROR, /* the value of an `error:` line */
  OGL_FRAME_WHOLE  /* a whole body */
};

struct ogl_frame {
  int kind;
  struct ogl_span event; /* SSE event type; empty where none was given */
  struct ogl_span data;
  int ascii;    /* it is known to hold nothing else */
  int repaired; /* bytes that were no UTF-8 became U+FFFD in it */
  int joined;   /* pieces of a JSON string that were joined in it */
  int cut;      /* it was reopened, and nothing came that completes it */
};

struct ogl_sse {
  struct ogl_buf in;   /* input that is not given yet; offsets below count from its first byte */
  size_t pos;          /* where the current line begins */
  size_t scanned;      /* bytes from there on that hold no line end */
  size_t only, only_n; /* the first data line of the event, while it is not copied to `data` */
  int high;            /* a byte above 0x7f was seen since the last frame */
  int lines;           /* data lines of the current event */
  int copied;          /* they are in `data` */
  struct ogl_buf data;
  struct ogl_buf event;  /* type of the current event */
  struct ogl_buf id;     /* last id: it lives on from event to event */
  struct ogl_buf new_id; /* of the current event: the blank line makes it the last one */
  struct ogl_buf bare;   /* JSON outside any field, so far */
  int bare_open;         /* its nesting; 0: none */
  int bare_string, bare_escape;
  int cut;       /* the event's JSON is open, and followed by the same three */
  int joined;    /* pieces of strings in it */
  int64_t retry; /* last reconnection time, ms; -1: none */
  int mode, started, after_cr, finished, given, named, err; /* named: new_id holds an id */
};

/* Allocates nothing. `mode`: OGL_SSE_LLM or OGL_SSE_WHATWG. */
void ogl_sse_init(struct ogl_sse *s, int mode);
/* Frees the memory; any number of times. */
void ogl_sse_clear(struct ogl_sse *s);
/* OGL_OK, or the sticky error: OGL_ERR_MEMORY, OGL_ERR_FRAME (more than OGL_MAX_INPUT waits). */
int ogl_sse_feed(struct ogl_sse *s, const char *p, size_t n);
/* OGL_OK with a frame, OGL_MORE, or the sticky error: OGL_ERR_MEMORY, OGL_ERR_LINE, OGL_ERR_FRAME. */
int ogl_sse_next(struct ogl_sse *s, struct ogl_frame *frame);
/* No more bytes will come: `next` gives what is left. */
void ogl_sse_finish(struct ogl_sse *s);
/* Takes the event back that was given last, if its data is JSON that is open: 1, and `next` gives it again when it is complete, or
   with `cut` set when nothing completes it. */
int ogl_sse_reopen(struct ogl_sse *s);

OGL_END

#endif
