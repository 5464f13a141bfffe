/* SPDX-License-Identifier: MIT
** gemini_state.h - the state of the decoder, and what its files ask of one another.
**
**   gemini_decode.c  chunks, candidates, finish reasons, the end of the reply
**   gemini_part.c    the parts of a candidate's content: texts, function calls, and all that is kept as it came
**   gemini_args.c    the arguments of a function call that come member by member
**   gemini_usage.c   usageMetadata
*/
#ifndef OGL_GEMINI_STATE_H
#define OGL_GEMINI_STATE_H

#include "../core/calls.h"
#include "../core/repeat.h"

OGL_BEGIN

/* Arguments under way: a tree whose rows name each other by number; row 0 is the whole. 0: no such row. */
struct gemini_arg {
  int first, last, next; /* children, in the order of the members or of the elements; the next of the same parent */
  int is_list, is_text;  /* of its children; of its value */
  int64_t place;         /* in the list that it is an element of */
  uint16_t half;         /* of the text: see ogl_queue_piece */
  struct ogl_buf name;   /* as a member */
  struct ogl_buf value;  /* JSON, or a text that grows */
};

struct gemini_args {
  struct gemini_arg *rows;
  size_t n, cap;
  size_t size; /* bytes held */
};

/* Frees the tree. */
void ogl_gemini_args_clear(struct gemini_args *a);
/* Adds one element of partialArgs: at its jsonPath a string grows, and any other value is set. A path that cannot be read adds
   nothing. 0, OGL_ERR_MEMORY, OGL_ERR_PARTS, OGL_ERR_REPLY. */
int ogl_gemini_args_add(struct gemini_args *a, struct ogl_span json, struct ogl_queue *out);
/* Appends all of it as one JSON object; nothing where there is nothing. The buffer's error. */
int ogl_gemini_args_write(struct gemini_args *a, struct ogl_buf *out, struct ogl_queue *q);

/* One of the answers. */
struct gemini_candidate {
  int number;                /* the wire's index */
  int open_kind, open_index; /* the part that a text of the same kind continues; kind -1: none */
  int next_index;            /* of the next part */
  uint16_t half;             /* of the open part: see ogl_queue_piece */
  int call;                  /* row of the call whose arguments are under way, or -1 */
  struct gemini_args args;
  struct ogl_buf reason;                 /* the server's own word; the last one sent wins */
  struct ogl_buf grounding, url_context; /* raw JSON, the last one sent */
  struct ogl_calls calls;
};

struct gemini_state {
  struct ogl_buf id, model; /* the first that was not empty */
  struct gemini_candidate *candidates;
  size_t n, cap;
  struct ogl_buf block_reason; /* the prompt was refused */
  struct ogl_usage sent;       /* see gemini_usage.c */
  struct ogl_usage usage;
  size_t held; /* bytes of calls and of arguments under way, ever: a limit, no account */
  int opened;  /* the buffers are ready */
  int whole;   /* the body was one answer */

  /* The short way for an answer that differs from the last one only in its text and its counts (repeat.h): */
  struct ogl_repeat repeat;
  int repeat_kind, repeat_index;              /* of the event that it makes, */
  size_t repeat_row;                          /* and the row of its candidate */
  int texts, calls;                           /* in this frame */
  struct ogl_span only_text;                  /* the raw string of the first, */
  size_t only_row;                            /* and the row of its candidate */
  struct ogl_span counts[OGL_REPEAT_NUMBERS]; /* the raw numbers that grow: see ogl_gemini_counts */
};

/* Each reads raw JSON and pushes the events that come of it. 0, or a final error: OGL_ERR_MEMORY, OGL_ERR_PARTS,
   OGL_ERR_REPLY. */
int ogl_gemini_read_part(struct gemini_state *s, struct gemini_candidate *c, struct ogl_span json,
                         struct ogl_queue *out);
/* The open part ends: half of a character in it will not find the other. */
void ogl_gemini_close_text(struct gemini_candidate *c, struct ogl_queue *out);
/* Ends the call whose arguments are under way, if there is one. */
int ogl_gemini_end_call(struct gemini_candidate *c, struct ogl_queue *out);

/* Merges usageMetadata into the numbers that were sent so far, and says in s->usage what they mean; 1 where a number is new. Keeps
   in s->counts where the numbers stand that grow from answer to answer. */
int ogl_gemini_read_usage(struct gemini_state *s, struct ogl_span json);
/* The same for those numbers alone, of which an answer has as many as s->repeat has holes for. */
int ogl_gemini_count(struct gemini_state *s, const int64_t *numbers);

OGL_END

#endif
