/* SPDX-License-Identifier: MIT
** openai_responses_writer.h - the state of the encoder, and what its four files ask of one another.
**
**   openai_responses_encode.c  events to the events of a stream; its beginning, its end, errors
**   openai_responses_event.c   one event of the stream
**   openai_responses_output.c  the output under way, as rows, and the JSON of its items
**   openai_responses_answer.c  the response around them: status, usage, what it repeats of the request
*/
#ifndef OGL_OPENAI_RESPONSES_WRITER_H
#define OGL_OPENAI_RESPONSES_WRITER_H

#include "../core/out.h"

OGL_BEGIN

enum output_shape { OUTPUT_MESSAGE, OUTPUT_REASONING, OUTPUT_CALL, OUTPUT_OPAQUE };

/* An item of the output; its number is its output_index. */
struct output_item {
  int shape;
  int index;      /* of the part that is the call, or that is all of the item as it came; -1: none */
  int rows;       /* content parts so far */
  int open;       /* output_item.done was not sent */
  int told;       /* the id is the one that the source has for it: then the source also says when it ends */
  int sealed;     /* reasoning that has its signature */
  int incomplete; /* it was open when the reply broke off */
  int argued;     /* of a call: arguments were sent */
  int custom;     /* of a call: its arguments are free text */
  struct ogl_buf id, call_id;
};

/* A content part of an item, or an annotation of one. */
struct output_row {
  int kind;       /* of the event that it is made of */
  int index;      /* of the part of the fold */
  int item;       /* -1: an annotation that waits for a text */
  int at;         /* content_index, summary_index or annotation_index */
  int is_content; /* of reasoning: it is no summary */
  int owner;      /* of an annotation: the row of the text */
  int open, cited;
  size_t from, n;           /* bytes of the part: a text that goes on behind another item is two rows */
  size_t logs_from, logs_n; /* bytes of the answer's logprobs */
};

struct responses_writer {
  struct output_item *items;
  size_t n_items, items_cap;
  struct output_row *rows;
  size_t n_rows, rows_cap;
  int last_text; /* row + 1 of the last output_text; 0: none */
  int started;   /* response.created was sent */
  int quiet;     /* the whole form: rows are made, and nothing is sent */
  int64_t sequence;
  size_t logs_given;   /* bytes of the answer's logprobs that rows have */
  struct ogl_buf tail; /* the members of the response that are the same each time */
};

/* --- openai_responses_event.c --- */

/* The words of a row: the names of its events, what counts its place, and the member that holds all of a text. */
struct row_words {
  const char *delta, *done, *added, *complete, *place, *member;
};

/* The words of a row, by its kind. */
const struct row_words *ogl_responses_words(const struct output_row *row);

/* This and the next two write an event up to its own members; `end_event` ends it. 0 if nothing is sent, in the whole form. Here: up
   to its number. */
int ogl_responses_begin_event(struct ogl_encoder *e, const char *name);
/* The same, of an item: with its id and its output_index. */
int ogl_responses_begin_inside(struct ogl_encoder *e, const char *name, int item);
/* The same, of a row: with its item, and its place in it. */
int ogl_responses_begin_row(struct ogl_encoder *e, const char *name, const struct output_row *row);
/* The end of an event. */
void ogl_responses_end_event(struct ogl_encoder *e);

/* --- openai_responses_output.c --- */

/* Makes an item of that shape, of the part `index` (-1: of none); its number, or an error: OGL_ERR_MEMORY, OGL_ERR_PARTS,
   OGL_ERR_REPLY. `id`: as the source has it, or empty. */
int ogl_responses_add_item(struct ogl_encoder *e, int shape, int index, struct ogl_span id);
/* Makes the row of a text or of a citation; its number, or an error: OGL_ERR_MEMORY, OGL_ERR_PARTS. `item`: -1 where it waits for one. */
int ogl_responses_add_row(struct ogl_encoder *e, const struct ogl_event *event, int item);
/* The part of the fold with that kind and index, or NULL. */
const struct ogl_part *ogl_responses_folded(const struct ogl_encoder *e, int kind, int index);
/* The call of that index; its number, or -1. */
int ogl_responses_find_call(const struct responses_writer *w, int index);
/* The newest row of that kind (-1: any text) and index; its number, or -1. */
int ogl_responses_find_row(const struct responses_writer *w, int kind, int index);
/* Whether it is an item, or a content part, of this very protocol. */
enum output_origin { OUTPUT_FOREIGN, OUTPUT_ITEM, OUTPUT_CONTENT, OUTPUT_THOUGHT };
/* Which of these a PART is, by its kind and its JSON. */
enum output_origin ogl_responses_origin(struct ogl_span kind, struct ogl_span json);
/* The id in an item's JSON; empty where it has none that can be used as it is. */
struct ogl_span ogl_responses_own_id(struct ogl_span json);
/* Whether a signature is that of a custom tool's call. */
int ogl_responses_is_custom_call(struct ogl_span shell);
/* Whether the item's JSON has a list of that name with elements in it. */
int ogl_responses_lists(struct ogl_span json, const char *name);
/* A signature that holds an item's other members, as the decoder makes it. */
static inline int ogl_responses_is_shell(struct ogl_span signature) { return signature.n && *signature.p == '{'; }
/* Whether an annotation can be made of a citation. */
int ogl_responses_can_cite(struct ogl_span json);

/* The text of a row as a JSON string. */
void ogl_responses_put_text(struct ogl_encoder *e, const struct output_row *row);
/* The logprobs of a row, a list. */
void ogl_responses_put_logprobs(struct ogl_encoder *e, const struct output_row *row);
/* The annotation of a row. */
void ogl_responses_put_annotation(struct ogl_encoder *e, const struct output_row *row);
/* A row as a content part; `fresh`: as it is before anything is in it. */
void ogl_responses_put_part(struct ogl_encoder *e, int row, int fresh);
/* An item; `fresh` as above. */
void ogl_responses_put_item(struct ogl_encoder *e, int item, int fresh);
/* Frees items, rows and the tail. */
void ogl_responses_clear_output(struct responses_writer *w);

/* --- openai_responses_answer.c --- */

enum answer_status { ANSWER_IN_PROGRESS, ANSWER_COMPLETED, ANSWER_INCOMPLETE, ANSWER_FAILED };

/* How the answer has ended, by the finish reason that was folded. */
enum answer_status ogl_responses_status(const struct ogl_encoder *e);
/* The error of an answer whose finish reason alone tells that it failed. */
struct ogl_event ogl_responses_failure(const struct ogl_encoder *e);
/* The response; `error` is NULL, or why it failed. */
void ogl_responses_put_answer(struct ogl_encoder *e, enum answer_status status, const struct ogl_event *error);
/* {"type","code","message","param"}, as it is in the body of an answer that failed, and in an error event. */
void ogl_responses_put_error(struct ogl_encoder *e, const struct ogl_event *error);

/* An event about the whole response: see ogl_responses_put_answer. */
void ogl_responses_put_answer_event(struct ogl_encoder *e, const char *name, enum answer_status status,
                                    const struct ogl_event *error);
/* An event about an item. */
void ogl_responses_put_item_event(struct ogl_encoder *e, const char *name, int item, int fresh);
/* An event about a content part. */
void ogl_responses_put_part_event(struct ogl_encoder *e, const char *name, int row, int fresh);

OGL_END

#endif
