/* SPDX-License-Identifier: MIT
** openai_chat_decode.h - what the three files of this decoder share.
**
**   openai_chat_decode.c  frames, choices, finish reasons, the end of the reply
**   openai_chat_delta.c   a `delta` or `message`: texts, reasoning, tool calls, other parts
**   openai_chat_usage.c   the `usage` object
*/
#ifndef OGL_OPENAI_CHAT_DECODE_H
#define OGL_OPENAI_CHAT_DECODE_H

#include "../core/calls.h"
#include "../core/repeat.h"

OGL_BEGIN

/* One of the n answers. */
struct chat_choice {
  int number;                /* the wire's index */
  int open_kind, open_index; /* the part that a text of the same kind continues; kind -1: none */
  int next_index;            /* of the next part */
  struct ogl_buf reason;     /* the server's own word; the last one sent wins */
  struct ogl_calls calls;
};

struct chat_usage {
  struct ogl_usage sent;  /* the numbers as they came, merged */
  struct ogl_usage known; /* what they mean */
};

struct chat_state {
  struct ogl_buf id, model; /* the first that was not empty */
  struct chat_choice *choices;
  size_t n, cap;
  struct chat_usage *usage;                 /* NULL: none came */
  struct ogl_buf citations, search_results; /* raw JSON, the last one sent */
  struct ogl_repeat repeat;
  int repeat_kind, repeat_choice, repeat_index; /* the event that a repeated frame is */
  size_t held;                                  /* bytes of tool calls, of all choices together */
  int done;                                     /* [DONE] was seen */
  int whole;                                    /* the body was one JSON value */

  /* about the frame at hand */
  int touched;               /* it changed more than a text */
  int texts;                 /* text events pushed */
  struct ogl_span only_text; /* the raw string of the first */
};

/* Reads a delta or message, and pushes its events. 0, or a final error: OGL_ERR_MEMORY, OGL_ERR_PARTS, OGL_ERR_REPLY. */
int ogl_chat_read_delta(struct chat_state *s, struct chat_choice *choice, struct ogl_span json, struct ogl_queue *out);

/* Merges a usage object into the numbers `sent` so far, and says in `usage` what they mean; 1 where it held a number. */
int ogl_chat_read_usage(struct ogl_span json, struct ogl_usage *sent, struct ogl_usage *usage);

OGL_END

#endif
