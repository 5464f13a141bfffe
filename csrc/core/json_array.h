/* SPDX-License-Identifier: MIT
** json_array.h - the elements of one JSON array: bytes in, one element at a time out, while the array is still open.
**
** Life as in sse.h: `init`, `feed` and `next` in turn, `finish`, `next` until OGL_MORE, `clear`. Any split of the input gives
** the same frames. Only brackets, commas and strings are told apart here: whether an element is JSON is for its reader to
** say, so that one broken element costs itself alone. The end of input ends the last element, complete or not. What stands
** behind the closing bracket is given like one more element (an error that a server adds there is not lost).
**
** Memory: the input that is not yet given (OGL_MAX_INPUT, one element OGL_MAX_FRAME). A frame is a span into the input, valid
** until the next call.
*/
#ifndef OGL_JSON_ARRAY_H
#define OGL_JSON_ARRAY_H

#include "sse.h"

OGL_BEGIN

struct ogl_json_array {
  struct ogl_buf in;
  size_t pos;                /* the first byte that is not given, nor passed over */
  size_t scanned;            /* bytes of the current element that were looked at */
  int inside;                /* an element has begun at `pos` */
  int nest, string, escape;  /* where in it the next byte stands */
  int opened, finished, err; /* opened: the array's own bracket was seen */
};

/* Allocates nothing. */
void ogl_json_array_init(struct ogl_json_array *s);
/* Frees the memory; any number of times. */
void ogl_json_array_clear(struct ogl_json_array *s);
/* OGL_OK, or the sticky error: OGL_ERR_MEMORY, OGL_ERR_FRAME (more than OGL_MAX_INPUT waits). */
int ogl_json_array_feed(struct ogl_json_array *s, const char *p, size_t n);
/* OGL_OK with a frame, OGL_MORE, or the sticky error: also OGL_ERR_FRAME for one element above OGL_MAX_FRAME. */
int ogl_json_array_next(struct ogl_json_array *s, struct ogl_frame *frame);
/* No more bytes will come: `next` gives what is left. */
void ogl_json_array_finish(struct ogl_json_array *s);

OGL_END

#endif
