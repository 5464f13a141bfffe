/* SPDX-License-Identifier: MIT
** headers.h - the head of a request, as the list that libcurl wants.
**
** Life: `init`, any number of `add` and `otherwise`, one `list`, then `clear` once libcurl has let go of the list, or
** `reset`, which keeps the memory. A name or value that could break out of its line is refused when it is added.
**
** Memory: one block with the lines, each ended by NUL, and one with the nodes. libcurl only reads the list.
*/
#ifndef OGL_HEADERS_H
#define OGL_HEADERS_H

#include <curl/curl.h>

#include "../core/buf.h"

OGL_BEGIN

enum { OGL_HEADERS_MAX = 1024 * 1024 }; /* bytes of all lines: no server takes more than some ten KiB */

struct ogl_headers {
  struct ogl_buf lines;
  size_t count, room;
  struct curl_slist *nodes; /* `room` of them */
};

enum ogl_headers_result { OGL_HEADERS_OK, OGL_HEADERS_NAME, OGL_HEADERS_VALUE, OGL_HEADERS_MEMORY };

/* Allocates nothing. */
void ogl_headers_init(struct ogl_headers *h);
/* Frees the memory. */
void ogl_headers_clear(struct ogl_headers *h);
/* As after `init`, but for the memory, which it keeps. */
void ogl_headers_reset(struct ogl_headers *h);

/* Adds a line. What frames the body (Content-Length, Transfer-Encoding, Expect, Connection) is left out: the
   transfer sees to it. OGL_HEADERS_NAME: not a token; OGL_HEADERS_VALUE: holds CR, LF, NUL or another control byte;
   OGL_HEADERS_MEMORY: none, or above OGL_HEADERS_MAX. */
enum ogl_headers_result ogl_headers_add(struct ogl_headers *h, struct ogl_span name, struct ogl_span value);

/* Adds a line unless there is one of that name. Without value it keeps libcurl from sending one of its own. */
enum ogl_headers_result ogl_headers_otherwise(struct ogl_headers *h, const char *name, const char *value);

/* Is it a token, as header names and methods are? */
int ogl_headers_token(struct ogl_span text);

/* The list, which lives until `clear`; NULL without memory. */
struct curl_slist *ogl_headers_list(struct ogl_headers *h);

OGL_END

#endif
