/* SPDX-License-Identifier: MIT
** ndjson.h - lines of JSON: bytes in, one line at a time out.
**
** Lines end with LF (a CR before it is white space to JSON); blank lines and a byte order mark are skipped; a last line
** without an end counts. U+2028 is no line end. A frame is a span into the input, valid until the next call.
*/
#ifndef OGL_NDJSON_H
#define OGL_NDJSON_H

#include "sse.h"

OGL_BEGIN

struct ogl_ndjson {
  struct ogl_buf in;
  size_t pos, scanned; /* start of the current line, and bytes of it that hold no LF */
  int started, finished, err;
};

/* Allocates nothing. */
void ogl_ndjson_init(struct ogl_ndjson *s);
/* Frees the memory; any number of times. */
void ogl_ndjson_clear(struct ogl_ndjson *s);
/* OGL_OK, or the sticky error: OGL_ERR_MEMORY, OGL_ERR_FRAME (more than OGL_MAX_INPUT waits). */
int ogl_ndjson_feed(struct ogl_ndjson *s, const char *p, size_t n);
/* OGL_OK with a frame, OGL_MORE, or the sticky error: also OGL_ERR_LINE. */
int ogl_ndjson_next(struct ogl_ndjson *s, struct ogl_frame *frame);
/* No more bytes will come: `next` gives what is left. */
void ogl_ndjson_finish(struct ogl_ndjson *s);

OGL_END

#endif
