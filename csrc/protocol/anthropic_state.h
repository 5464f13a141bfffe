/* SPDX-License-Identifier: MIT
** anthropic_state.h - the state of the decoder, and what its two files ask of one another.
**
**   anthropic_decode.c  frames, the message around the blocks, usage, the end of the reply
**   anthropic_block.c   content blocks: text, thinking, tool calls, and all that is kept as it came
*/
#ifndef OGL_ANTHROPIC_STATE_H
#define OGL_ANTHROPIC_STATE_H

#include "../core/calls.h"
#include "../core/repeat.h"

OGL_BEGIN

/* A content block that has begun and not stopped. Its row stays for the frame in which it stops: events point into it. */
struct anthropic_block {
  int64_t key; /* the wire's index; -1: none */
  int kind;    /* OGL_EVENT_TEXT, _REASONING, _TOOL_CALL or _PART */
  int index;   /* the part's place in the reply */
  int told;    /* a text of it was pushed */
  int later;   /* its signature came by a delta: it does not stand in `json` */
  int stopped;
  uint16_t half;        /* see ogl_queue_piece; */
  int half_kind;        /* and the kind of the text that it is half of */
  size_t call;          /* row of a tool call */
  struct ogl_buf type;  /* the wire's name for it: the kind of an opaque part */
  struct ogl_buf json;  /* an opaque block as it is so far; of a tool call the input that it began with */
  struct ogl_buf input; /* pieces of an opaque block's input */
  struct ogl_buf signature;
  struct ogl_buf citations; /* raw JSON values, joined by commas: they follow the text that they are about */
};

struct anthropic_state {
  struct ogl_buf id, model;       /* of the first message_start that had them */
  struct ogl_buf reason;          /* the server's own word; the last one sent wins */
  struct anthropic_block *blocks; /* in the order of their beginning */
  size_t n, cap;
  struct ogl_calls calls;
  struct ogl_usage sent;  /* the numbers as they came, merged */
  struct ogl_usage usage; /* what they mean */
  struct ogl_repeat repeat;
  int repeat_kind, repeat_index; /* the event that a repeated frame is */
  int next_index;                /* of the next part */
  size_t held;                   /* bytes of blocks, ever: a limit, no account */
  int opened;                    /* the buffers are ready */
  int stopped;                   /* message_stop was seen */
  int other;                     /* a message_start with another id was seen */
  int whole;                     /* the body was one message */

  /* about the frame at hand */
  int touched;               /* it changed more than a text */
  struct ogl_span only_text; /* the raw string of its text */
};

/* This and the next three push the events that come of a frame; `json` is raw, `key` the index of the wire (-1: none). 0, or a final
   error: OGL_ERR_MEMORY, OGL_ERR_PARTS, OGL_ERR_REPLY. Reads content_block_start. */
int ogl_anthropic_start_block(struct anthropic_state *s, int64_t key, struct ogl_span json, struct ogl_queue *out);
/* Reads content_block_delta. */
int ogl_anthropic_add_delta(struct anthropic_state *s, int64_t key, struct ogl_span json, struct ogl_queue *out);
/* Reads content_block_stop. */
int ogl_anthropic_stop_block(struct anthropic_state *s, int64_t key, struct ogl_queue *out);
/* Stops every block that has not stopped. */
int ogl_anthropic_stop_blocks(struct anthropic_state *s, struct ogl_queue *out);
/* Frees the rows of blocks that have stopped in an earlier frame; all rows where `all`. */
void ogl_anthropic_drop_blocks(struct anthropic_state *s, int all);

OGL_END

#endif
