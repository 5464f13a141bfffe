/* SPDX-License-Identifier: MIT
** openai_chat_state.h - the state of the decoder, and what its files ask of one another; each calls those below it.
**
**   openai_chat_decode.c  frames, the end of the reply
**   openai_chat_choice.c  choices: what they say, and why they ended
**   openai_chat_delta.c   a `delta` or `message`: texts, reasoning, other parts
**   openai_chat_call.c    tool calls
**   openai_chat_kept.c    what only its server can read, and gets back
**   openai_chat_usage.c   the `usage` object
*/
#ifndef OGL_OPENAI_CHAT_STATE_H
#define OGL_OPENAI_CHAT_STATE_H

#include "../core/calls.h"
#include "../core/hash.h"
#include "../core/repeat.h"

OGL_BEGIN

enum { CHAT_NO_KEY = -1, CHAT_FUNCTION_CALL = -2 }; /* keys of calls that have no index on the wire */

/* Texts have three kinds, whose rows these are. */
enum { CHAT_TEXTS = OGL_EVENT_REFUSAL - OGL_EVENT_TEXT + 1 };

/* All texts of a kind that a choice gave: how much, and what. */
struct chat_given {
  size_t n;
  uint64_t hash; /* see hash.h */
  int index;     /* of the newest part */
};

/* A `message` that repeats what deltas gave: how far it was compared. */
struct chat_again {
  size_t n, left;      /* bytes compared, and to compare */
  uint64_t want, hash; /* of what was given, and of the message so far */
};

/* One of the n answers. */
struct chat_choice {
  int number;                /* the wire's index */
  int open_kind, open_index; /* the part that a text of the same kind continues; kind -1: none */
  int open_kept;             /* the row of what is kept of the open part (Mistral's thinking); -1: none */
  int next_index;            /* of the next part */
  uint16_t half;             /* of the open part: see ogl_queue_piece */
  int streamed;              /* a delta came: a message behind it repeats */
  unsigned told;             /* other parts that came, as bits: enum chat_told */
  struct chat_given given[CHAT_TEXTS];
  struct ogl_buf reason; /* the server's own word; the last one sent wins */
  struct ogl_buf native; /* and that of the server behind it, of a failure */
  struct ogl_calls calls;
};

enum chat_told { CHAT_IMAGES = 1, CHAT_AUDIO = 2, CHAT_ANNOTATIONS = 4, CHAT_KEPT = 8 };

struct chat_usage {
  struct ogl_usage sent;  /* the numbers as they came, merged */
  struct ogl_usage known; /* what they mean */
};

/* What only its server can read: see openai_chat_kept.c. */
struct chat_kept {
  int choice, index; /* the part that it is, or belongs to */
  int kind;          /* OGL_EVENT_PART, or _PART_END: of the part that `name` says */
  const char *name;
  int fragments;
  struct ogl_buf json; /* as the first fragment came; at the end all of it */
  struct chat_detail *details;
  size_t n, cap;
};

struct chat_state {
  struct ogl_buf id, model; /* the first that was not empty */
  struct chat_choice *choices;
  size_t n, cap;
  struct chat_kept *kept;
  size_t n_kept, kept_cap;
  struct chat_usage *usage;                 /* NULL: none came */
  struct ogl_buf citations, search_results; /* raw JSON, the last one sent */
  struct ogl_repeat repeat;
  int repeat_kind, repeat_index; /* the event that a repeated frame is, */
  size_t repeat_row;             /* and the row of its choice */
  size_t held;                   /* bytes of tool calls and of what is kept, of all choices together */
  int done;                      /* [DONE] was seen */
  int whole;                     /* the body was one JSON value */
  int failed;                    /* an error was told */
  int reason_required;           /* [DONE] proves nothing */

  /* about the frame at hand */
  int touched;               /* it changed more than a text */
  int texts;                 /* text events pushed */
  struct ogl_span only_text; /* the raw string of the first, */
  size_t only_row;           /* and the row of its choice */
  int is_whole;              /* it is all of the answer: each element of a list is a thing of its own */
  struct ogl_span fault;     /* the error that a choice reports; n = 0: none */
  struct ogl_span usage_in;  /* the usage that choice 0 has */
  int repeats;               /* the message at hand repeats: */
  struct chat_again again[CHAT_TEXTS];
};

/* --- openai_chat_choice.c --- */

/* All elements of `choices`. 0, or a final error: OGL_ERR_MEMORY, OGL_ERR_PARTS, OGL_ERR_REPLY. */
int ogl_chat_read_choices(struct chat_state *s, struct ogl_span raw, struct ogl_queue *out);
/* The choice whose index is 0, or NULL. */
const struct chat_choice *ogl_chat_first(const struct chat_state *s);
/* What waited for the end: halves of characters, and the ends of calls. */
void ogl_chat_close_choice(struct chat_choice *choice, struct ogl_queue *out);
/* Pushes FINISH, with the neutral reason and the server's own. */
void ogl_chat_finish_choice(const struct chat_choice *choice, struct ogl_queue *out);
/* Whether the choice ended because the server failed. */
int ogl_chat_has_failed(const struct chat_choice *choice);
/* Frees what the choice holds. */
void ogl_chat_clear_choice(struct chat_choice *choice);

/* --- openai_chat_delta.c --- */

/* Reads a delta or message, and pushes its events. 0, or a final error. */
int ogl_chat_read_delta(struct chat_state *s, struct chat_choice *choice, struct ogl_span json, struct ogl_queue *out);
/* Pushes the text of a choice that has no message; anything but a string is passed over. */
void ogl_chat_read_text(struct chat_state *s, struct chat_choice *choice, struct ogl_span raw, struct ogl_queue *out);
/* A text of the choice goes out: it may be repeated by a message later. */
static inline void ogl_chat_give(struct chat_choice *choice, struct ogl_event *e, struct ogl_span text) {
  struct chat_given *given = &choice->given[e->kind - OGL_EVENT_TEXT];
  e->a = text;
  given->hash = ogl_hash(given->hash, given->n, text);
  given->n += text.n;
  given->index = e->index;
}

/* Ends the open part of the choice: half of a character in it will not find the other. */
static inline void ogl_chat_close_text(struct chat_choice *choice, struct ogl_queue *out) {
  struct ogl_span rest = ogl_queue_half(out, &choice->half);
  struct ogl_event *e = rest.n ? ogl_queue_push(out, choice->open_kind, choice->number, choice->open_index) : NULL;
  if (e) ogl_chat_give(choice, e, rest);
  choice->open_kind = choice->open_kept = -1;
}

/* --- openai_chat_call.c --- */

/* Reads the list `tool_calls`. 0, or a final error: OGL_ERR_MEMORY, OGL_ERR_PARTS, OGL_ERR_REPLY. */
int ogl_chat_read_calls(struct chat_state *s, struct chat_choice *choice, struct ogl_span list, struct ogl_queue *out);
/* Reads the old `function_call`. Returns as the above. */
int ogl_chat_read_function_call(struct chat_state *s, struct chat_choice *choice, struct ogl_span json,
                                struct ogl_queue *out);

/* --- openai_chat_kept.c --- */

/* The constant that names such a member of a message; NULL for any other member. */
const char *ogl_chat_kept_name(struct ogl_span key);
/* A fragment of such a member. 0, or a final error. */
int ogl_chat_keep_member(struct chat_state *s, struct chat_choice *choice, const char *name, struct ogl_span json);
/* The members of `json` that are not `known` (a list of names that ends with NULL) belong to the part at that index, a "tool_call" or
   "reasoning". The row, or a final error. */
int ogl_chat_keep_rest(struct chat_state *s, const struct chat_choice *choice, int index, const char *part,
                       struct ogl_span json, const char *const *known);
/* Pushes all of it. The state's error. */
int ogl_chat_push_kept(struct chat_state *s, struct ogl_queue *out);
/* Frees what is kept. */
void ogl_chat_clear_kept(struct chat_state *s);

/* --- openai_chat_usage.c --- */

/* Merges a usage object into the numbers `sent` so far, and says in `usage` what they mean; 1 where it held a number. */
int ogl_chat_read_usage(struct ogl_span json, struct ogl_usage *sent, struct ogl_usage *usage);

OGL_END

#endif
