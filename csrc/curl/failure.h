/* SPDX-License-Identifier: MIT
** failure.h - why an exchange failed, in the terms of our errors: kind, code, a sentence, and what it means for a
** retry.
**
** Life: zero-filled (no failure); its `message` is given to libcurl as the error buffer; then one of `set` and
** `from_curl`. The first failure stays. Nothing secret is in it: no header, no body, no user or password of a URL.
*/
#ifndef OGL_FAILURE_H
#define OGL_FAILURE_H

#include <curl/curl.h>

#include "../core/ogl.h"

OGL_BEGIN

/* The names of kinds are those of the Lua errors. */
enum ogl_failure_kind {
  OGL_FAILURE_NONE,
  OGL_FAILURE_NETWORK,
  OGL_FAILURE_TLS,
  OGL_FAILURE_TIMEOUT,
  OGL_FAILURE_LIMIT,
  OGL_FAILURE_INVALID, /* the caller's request, or its body, cannot be sent */
  OGL_FAILURE_CLOSED
};

struct ogl_failure {
  enum ogl_failure_kind kind;
  const char *code;  /* short and static: "connect", "reset", "cut", "expired", … */
  const char *phase; /* of a timeout: "connect" or "total"; else NULL */
  int sent;          /* the server may have got some of the request */
  char message[CURL_ERROR_SIZE];
};

/* Facts that the transfer knows and libcurl's result does not tell. */
struct ogl_failure_context {
  int sent;          /* bytes of the request went out */
  int head;          /* the head of the answer is complete */
  int timed_out;     /* the total time was over, not that of the connect */
  const char *proxy; /* as configured, or NULL; its user and password are kept out of the message */
  const char *url;   /* or NULL; a host that cannot be reached and is not the URL's is a proxy's */
};

/* The kind as the Lua errors name it. */
const char *ogl_failure_kind_name(enum ogl_failure_kind kind);

/* Notes a failure, unless one is noted. `code` has to be a constant; `message` is copied, and cut if it is too long. */
void ogl_failure_set(struct ogl_failure *f, enum ogl_failure_kind kind, const char *code, const char *message);

/* From a result and the text that libcurl left in `message`. */
void ogl_failure_from_curl(struct ogl_failure *f, CURLcode result, const struct ogl_failure_context *context);

OGL_END

#endif
