/* SPDX-License-Identifier: MIT
** read.h - what decoders read the members of an answer with.
*/
#ifndef OGL_READ_H
#define OGL_READ_H

#include "../core/event.h"
#include "../core/json.h"
#include "../core/usage.h"

OGL_BEGIN

/* A value as it stands in the text; null: empty. */
static inline struct ogl_span ogl_read_raw(struct ogl_json *j) {
  struct ogl_span raw = { "", 0 };
  int null = ogl_json_peek(j) == 'n';
  ogl_json_skip(j, &raw);
  if (null) raw.n = 0;
  return raw;
}

/* The same; null, false and "" mean that it is not there. */
static inline struct ogl_span ogl_read_given(struct ogl_json *j) {
  struct ogl_span raw = { "", 0 };
  int c = ogl_json_peek(j);
  ogl_json_skip(j, &raw);
  if (c == 'n' || c == 'f' || ogl_span_is(raw, "\"\"")) raw.n = 0;
  return raw;
}

/* Reads a number of the usage into its field; passes any other value over. */
void ogl_read_usage(struct ogl_json *j, struct ogl_usage *u, int field);

/* The cost: a number, or an object that has its sum as total_cost (Perplexity). */
void ogl_read_cost(struct ogl_json *j, struct ogl_usage *u);

/* Keeps the first id and the first model of an answer, and pushes START when one of them is new. 0, or OGL_ERR_MEMORY, … */
int ogl_read_start(struct ogl_buf *id, struct ogl_json_text sent_id, struct ogl_buf *model,
                   struct ogl_json_text sent_model, struct ogl_queue *out);

OGL_END

#endif
