/* SPDX-License-Identifier: MIT
** curl_options.h - reads the request table of multi:open, which is the request of transport/init.lua.
*/
#ifndef OGL_CURL_OPTIONS_H
#define OGL_CURL_OPTIONS_H

#include "../curl/transfer.h"
#include "class.h"

OGL_BEGIN

/* Reads the request table at `i` into *o. Its strings stay on the stack, the body on top. Raises on a wrong type, a NUL in a string, a
   negative time, with the field's name. */
void ogl_lua_curl_options(lua_State *L, int i, struct ogl_options *o);

/* Adds the pairs of its field `headers` to the transfer. Raises on what is no list of pairs and on a header that could break out of its
   line; names the header, never its value. 1; 0 without memory, or above OGL_HEADERS_MAX bytes. */
int ogl_lua_curl_headers(lua_State *L, int i, struct ogl_transfer *t);

OGL_END

#endif
