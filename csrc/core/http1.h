/* SPDX-License-Identifier: MIT
** http1.h - answers of HTTP/1.1: bytes in; the head, the body and the end out.
**
** Life: `init` with the method that was asked; for each piece of input `next` until it gives OGL_MORE, and at the end
** of the connection `finish`; `reset` for another answer, which keeps the memory, or `clear`. Any split of the input
** gives the same head, the same bytes and the same end.
**
** A body ends by its length, by its last chunk, or where the connection ends; some answers have none (HEAD, 204, 304, a CONNECT that
** worked, 101). Interim heads (1xx) are skipped; trailers are read and dropped. Where a peer of ours might see another
** end than we do (RFC 9112, 6.3) the answer is malformed - two lengths that differ, a length or chunk size that is no
** number or above 2^62, a transfer coding that is not chunked - or, with a length beside chunks, ends its connection.
**
** Memory: the head (OGL_MAX_HEAD for all lines of an answer, interim heads and trailers included) and one line that is
** not complete. Body bytes are spans into the input. Chunk extensions are dropped, and bounded in proportion to the body.
*/
#ifndef OGL_HTTP1_H
#define OGL_HTTP1_H

#include "buf.h"

OGL_BEGIN

enum ogl_http1_item { OGL_HTTP1_HEAD = OGL_OK + 1, OGL_HTTP1_BODY, OGL_HTTP1_END };

struct ogl_http1 {
  struct ogl_buf part;  /* the front of a line */
  struct ogl_buf lines; /* of the head: "name:value\n" each, names in lower case */
  const char *why;      /* what is malformed */
  uint64_t left;        /* bytes of the body, or of its chunk, that are still to come */
  uint64_t received;    /* bytes of the body that came */
  uint64_t spare;       /* bytes of chunk extensions */
  size_t heads;         /* bytes of all lines of heads and trailers */
  int count;            /* of headers */
  int status;           /* of the head that came last; 0: none yet */
  int minor;            /* of its version */
  int state, err;
  int head_method, connect_method;
  int keep;    /* the connection may carry another answer after this one */
  int sized;   /* it has a length */
  int chunked; /* it comes in chunks */
};

/* Begins an answer to a request with that method. Allocates nothing. */
void ogl_http1_init(struct ogl_http1 *h, struct ogl_span method);
/* As after `init`, but for the memory, which it keeps. */
void ogl_http1_reset(struct ogl_http1 *h, struct ogl_span method);
/* Frees the memory; any number of times. */
void ogl_http1_clear(struct ogl_http1 *h);

/* Takes from the front of *in. OGL_HTTP1_HEAD once, when the final head is complete; OGL_HTTP1_BODY with a span into *in;
   OGL_HTTP1_END from then on, the bytes left in *in belong to no answer; OGL_MORE when *in is used up. Or the sticky
   error: OGL_ERR_MALFORMED, OGL_ERR_HEADER, OGL_ERR_MEMORY. */
int ogl_http1_next(struct ogl_http1 *h, struct ogl_span *in, struct ogl_span *body);

/* The connection has ended: OGL_HTTP1_END, or OGL_ERR_EMPTY (no byte came), OGL_ERR_CUT. */
int ogl_http1_finish(struct ogl_http1 *h);

/* The body's length where the head told it, else -1. */
int64_t ogl_http1_length(const struct ogl_http1 *h);

/* May the connection carry another exchange? Only after the end. */
int ogl_http1_reusable(const struct ogl_http1 *h);

OGL_END

#endif
