/* SPDX-License-Identifier: MIT
** out.h - what encodings write with: each function appends one piece to the encoder's `out`, and leaves its error there.
*/
#ifndef OGL_OUT_H
#define OGL_OUT_H

#include <string.h>

#include "encoder.h"
#include "json_write.h"

OGL_BEGIN

/* A text that a NUL ends, as it is. */
static inline void ogl_out_text(struct ogl_encoder *e, const char *text) {
  ogl_buf_append(&e->out, text, strlen(text));
}
/* Bytes as they are. */
static inline void ogl_out_span(struct ogl_encoder *e, struct ogl_span s) { ogl_buf_append(&e->out, s.p, s.n); }
/* Decimal digits. */
static inline void ogl_out_integer(struct ogl_encoder *e, int64_t v) { ogl_json_write_integer(&e->out, v); }
/* As a JSON string. */
static inline void ogl_out_string(struct ogl_encoder *e, struct ogl_span s) {
  ogl_json_write_string(&e->out, s.p, s.n);
}

/* A count of a usage. Servers may have sent any number at all, also one that no integer holds, or that is infinite; what is written
   stays within what every client reads exactly (2^53). */
void ogl_out_count(struct ogl_encoder *e, double v);
/* A number that is no count: cost, energy. */
void ogl_out_amount(struct ogl_encoder *e, double v);

/* A value that is JSON already, byte for byte; only in a stream, where a line end would break the frame, line ends between its
   tokens become blanks. */
void ogl_out_json(struct ogl_encoder *e, struct ogl_span json);

/* The arguments of a call, for a protocol that has them as an object: on one line; what is no object stands inside of one, as
   {"input": text}. */
void ogl_out_arguments(struct ogl_buf *b, struct ogl_span arguments);

/* Of pieces of logprobs, joined by commas as the fold keeps them, the lists of one name ("content", "refusal") as one list.
   Gives the number of its elements; writes nothing where it would have none. */
size_t ogl_out_logprobs(struct ogl_encoder *e, struct ogl_span pieces, const char *name);

OGL_END

#endif
