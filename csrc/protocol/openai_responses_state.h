/* SPDX-License-Identifier: MIT
** openai_responses_state.h - the state of the decoder, and what its four files ask of one another; each calls those below it.
**
**   openai_responses_decode.c    frames, the events of a stream, errors, the end of the reply
**   openai_responses_response.c  a `response` object: id, model, status, usage, its custom tools
**   openai_responses_item.c      an output item: message, reasoning, call, anything else; its beginning and its end
**   openai_responses_text.c      the texts inside an item, with their citations and logprobs
*/
#ifndef OGL_OPENAI_RESPONSES_STATE_H
#define OGL_OPENAI_RESPONSES_STATE_H

#include "../core/calls.h"
#include "../core/hash.h"
#include "../core/repeat.h"

OGL_BEGIN

/* An item's parts stand behind its place: item 2, part 3 has the index 1002 (1003 in Lua). Items may interleave, so the place
   of a part has to be known before the items in front of it are complete. */
enum { RESPONSES_STRIDE = 1000, RESPONSES_NO_KEY = -1 };

enum responses_list { RESPONSES_CONTENT, RESPONSES_SUMMARY };

enum responses_kind {
  RESPONSES_NEW, /* not known yet: deltas came before the item */
  RESPONSES_MESSAGE,
  RESPONSES_REASONING,
  RESPONSES_CALL,  /* the caller has to run it */
  RESPONSES_OPAQUE /* kept as it came */
};

/* One text of an item, or one part of its content that is no text. */
struct responses_text {
  int kind;                /* OGL_EVENT_TEXT, _REASONING, _REFUSAL, _PART */
  int list;                /* enum responses_list */
  int64_t at;              /* the wire's content_index or summary_index */
  int index;               /* in the reply */
  struct ogl_span item_id; /* of the item, as it is known by now */
  size_t n;                /* bytes given so far, */
  uint64_t hash;           /* and what they are (hash.h): a `done` value completes them if it begins with them */
  uint16_t half;           /* see ogl_queue_piece */
  size_t cited;            /* annotations given */
  int logged;              /* logprobs were given */
  struct ogl_buf logprobs; /* the last ones */
};

struct responses_item {
  int64_t key; /* output_index, or RESPONSES_NO_KEY */
  struct ogl_buf id;
  int kind;
  int place; /* among the items, from 0 */
  int parts; /* indexes taken */
  struct responses_text *texts;
  size_t n, cap;
  int call;             /* row of state.calls; -1: none */
  int custom;           /* a custom_tool_call */
  int done;             /* output_item.done was seen */
  int met;              /* it is an element of the terminal event's output */
  struct ogl_buf type;  /* of an opaque item: the wire's word */
  struct ogl_buf json;  /* of an opaque item that is not done: as it was added */
  struct ogl_buf shell; /* of a message or call: the members that are not in the reply otherwise, as JSON */
};

struct responses_state {
  struct ogl_buf id, model; /* the first that was not empty */
  struct responses_item *items;
  size_t n, cap;
  int next_place;
  size_t parts; /* texts of all items together */
  struct ogl_calls calls;
  struct ogl_usage usage;
  struct ogl_buf custom; /* names of the response's custom tools, a NUL behind each */
  int has_tools;         /* the response told its tools, and they were not none */
  struct ogl_buf status, why;
  int done;      /* the terminal event, or a whole response */
  int is_output; /* the terminal event's output is read: nothing comes behind it */
  int failed;    /* an `error` event was seen */

  /* The short way for a delta that differs from the last one only in its text, padding and number (repeat.h): */
  struct ogl_repeat repeat;
  size_t last_item, last_text; /* the rows of the last text that grew */
};

/* Takes the next index of the item for a part of it. 0, or OGL_ERR_PARTS where the item, or the reply, has too many. */
static inline int ogl_responses_next_index(const struct responses_state *s, struct responses_item *item, int *index) {
  if (item->parts >= RESPONSES_STRIDE || s->parts >= OGL_MAX_PARTS) return OGL_ERR_PARTS;
  *index = item->place * RESPONSES_STRIDE + item->parts++;
  return 0;
}

/* --- openai_responses_response.c --- */

/* The members of a response object: raw values; n = 0 where absent or null. */
struct responses_response {
  struct ogl_json_text id, model, status;
  struct ogl_span output, usage, error, incomplete, tools, object;
};

/* Reads the members, which are valid JSON. */
void ogl_responses_read(struct ogl_span json, struct responses_response *r);
/* Reads the response's own id and model: pushes START if one is new. 0 or a final error. */
int ogl_responses_note(struct responses_state *s, const struct responses_response *r, struct ogl_queue *out);
/* How it ended, and its USAGE, from the terminal event's response; `word` stands for a status that is not there. */
int ogl_responses_note_end(struct responses_state *s, const struct responses_response *r, struct ogl_span word,
                           struct ogl_queue *out);
/* The neutral reason for it. */
const char *ogl_responses_reason(const struct responses_state *s);
/* Whether a custom tool of that name is the caller's. */
int ogl_responses_is_custom(const struct responses_state *s, struct ogl_span name);
/* The raw value of the member that the reader stands at; n = 0 for null. */
struct ogl_span ogl_responses_raw(struct ogl_json *j);

/* --- openai_responses_item.c --- */

/* The item with that output_index, else that id; a new one where there is none. NULL with *err: OGL_ERR_MEMORY,
   OGL_ERR_PARTS. It is valid until the next call. */
struct responses_item *ogl_responses_item(struct responses_state *s, int64_t key, struct ogl_span id, int *err);
/* Reads the item as output_item.added tells it. 0, or a final error: OGL_ERR_MEMORY, OGL_ERR_PARTS, OGL_ERR_REPLY. */
int ogl_responses_begin_item(struct responses_state *s, int64_t key, struct ogl_span json, struct ogl_queue *out);
/* Reads the item as output_item.done tells it, and ends it. 0, or a final error. */
int ogl_responses_end_item(struct responses_state *s, int64_t key, struct ogl_span json, struct ogl_queue *out);
/* All items of an `output` array, complete. */
int ogl_responses_output(struct responses_state *s, struct ogl_span array, struct ogl_queue *out);
/* A piece of a call's arguments, or (`whole`) all of them. */
int ogl_responses_arguments(struct responses_state *s, struct responses_item *item, struct ogl_json_text text,
                            int whole, struct ogl_queue *out);
/* What is still open at the end: calls, and items that were never done. 0, or a final error. */
int ogl_responses_close_items(struct responses_state *s, struct ogl_queue *out);
/* Frees what the item holds. */
void ogl_responses_clear_item(struct responses_item *item);

/* --- openai_responses_text.c --- */

/* The text at that place of the item, opened where it is new. NULL with *err. */
struct responses_text *ogl_responses_text(struct responses_state *s, struct responses_item *item, int kind, int list,
                                          int64_t at, int *err);
/* Pushes a delta. */
void ogl_responses_add_text(struct responses_text *text, struct ogl_json_text delta, struct ogl_queue *out);
/* Pushes the rest of a whole text behind its deltas, if it begins with them. */
void ogl_responses_complete_text(struct responses_text *text, struct ogl_json_text all, struct ogl_queue *out);
/* The end: half of a character will not find the other. */
void ogl_responses_close_text(struct responses_text *text, struct ogl_queue *out);
/* Logprobs of the wire, an array. 0 or OGL_ERR_MEMORY. */
int ogl_responses_logprobs(struct responses_text *text, struct ogl_span array, int whole, struct ogl_queue *out);
/* One annotation. 0 or OGL_ERR_PARTS. */
int ogl_responses_cite(struct responses_state *s, struct responses_item *item, struct responses_text *text,
                       struct ogl_span annotation, struct ogl_queue *out);
/* A content part, complete. */
int ogl_responses_part(struct responses_state *s, struct responses_item *item, int list, int64_t at,
                       struct ogl_span json, struct ogl_queue *out);
/* All of a list of content parts. */
int ogl_responses_parts(struct responses_state *s, struct responses_item *item, int list, struct ogl_span array,
                        struct ogl_queue *out);

OGL_END

#endif
