/* SPDX-License-Identifier: MIT
** curl_lua.h - what the files of the module opengatellm.curl share.
**
** Both userdata are boxes: libcurl keeps the address of what is inside, so that lives on the C heap and is counted
** there. A box may be collected before or after any other. Closing a multi's box only gives up its share: transfers
** that are open go on, and the last of them closes the connections.
**
** Every failure is returned in one form: nil, kind, code, message, phase, sent. Kinds are those of errors.lua.
*/
#ifndef OGL_CURL_LUA_H
#define OGL_CURL_LUA_H

#include "../curl/transfer.h"
#include "class.h"

OGL_BEGIN

#define OGL_LUA_MULTI    "opengatellm.multi"
#define OGL_LUA_TRANSFER "opengatellm.transfer"

/* Pushes a failure's fields; returns nil and them; the same from a kind, a code and a message; the same for what was
   used after close (`what`: "multi", "exchange"). */
int ogl_lua_curl_failure(lua_State *L, const struct ogl_failure *of);
int ogl_lua_curl_fail(lua_State *L, const struct ogl_failure *failure);
int ogl_lua_curl_fail_text(lua_State *L, enum ogl_failure_kind kind, const char *code, const char *message);
int ogl_lua_curl_closed(lua_State *L, const char *what);

/* Reads the request table at `i`. Its strings stay on the stack, the body on top. Raises on a wrong type, a NUL in a
   string, a negative time, with the field's name. */
void ogl_lua_curl_options(lua_State *L, int i, struct ogl_options *o);
/* Adds the pairs of its field `headers`. Raises on what is no list of pairs and on a header that could break out of
   its line; names the header, never its value. 0 without memory, or above OGL_HEADERS_MAX. */
int ogl_lua_curl_headers(lua_State *L, int i, struct ogl_transfer *t);

/* multi:open, and with `raw` multi:connect, in curl_transfer.c: `m` is NULL when closed, the request is argument 2. */
int ogl_lua_transfer_open(lua_State *L, struct ogl_multi *m, int raw);

void ogl_lua_multi_class(lua_State *L);
void ogl_lua_transfer_class(lua_State *L);
/* curl.multi() -> multi | nil, kind, code, message, phase, sent. */
int ogl_lua_multi_new(lua_State *L);

/* Adds __tostring to a class made by ogl_lua_class. */
void ogl_lua_curl_tostring(lua_State *L, const char *class, lua_CFunction tostring);

OGL_END

#endif
