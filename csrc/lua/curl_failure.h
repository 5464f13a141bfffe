/* SPDX-License-Identifier: MIT
** curl_failure.h - the one form in which the module opengatellm.curl returns a failure: nil, kind, code, message, phase, sent. Kinds are
** those of errors.lua; `phase` is nil but for a timeout, and `sent` says whether the server may have got some of the request.
*/
#ifndef OGL_CURL_FAILURE_H
#define OGL_CURL_FAILURE_H

#include "../curl/failure.h"
#include "class.h"

OGL_BEGIN

/* Pushes the five fields of a failure, without the nil; how many there are. */
int ogl_lua_curl_failure(lua_State *L, const struct ogl_failure *of);

/* Returns nil and the five fields of a failure. */
int ogl_lua_curl_fail(lua_State *L, const struct ogl_failure *failure);
/* The same, of a kind, a code (a constant) and a message. */
int ogl_lua_curl_fail_text(lua_State *L, enum ogl_failure_kind kind, const char *code, const char *message);
/* The same, of what was used after close (`what`: "multi", "exchange"). */
int ogl_lua_curl_closed(lua_State *L, const char *what);

OGL_END

#endif
