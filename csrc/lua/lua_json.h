/* SPDX-License-Identifier: MIT
** lua_json.h - JSON to Lua values and back, with lua-cjson's conventions.
**
**   null     the light userdata NULL, which is also cjson.null and ngx.null
**   []       a table with the metatable json.array_mt, so that it goes back as [] ({} is a plain empty table)
**   1        an integer where Lua has them, exact to 64 bits; 1.0 and 1e3 are floats
**   "\ud83d" (half of a pair) and bytes that are not UTF-8: an error
*/
#ifndef OGL_LUA_JSON_H
#define OGL_LUA_JSON_H

#include "../core/number.h"
#include "class.h"

OGL_BEGIN

/* Pushes the value of a whole JSON text. 0, and nothing pushed, where the text is not JSON: *code says why, *at where (bytes from 0).
   `wire`: lone surrogates become U+FFFD instead. `pack`: arrays of numbers under that key, and arrays of those, become strings of float32 in
   the machine's byte order, and strings of base64 the bytes that they hold (false where they hold none); its n may be 0. */
int ogl_lua_json_push(lua_State *L, struct ogl_span text, int wire, struct ogl_span pack, int *code, size_t *at);

/* The same for text that the core has checked and cannot fail: null is pushed if it does. */
void ogl_lua_json_value(lua_State *L, struct ogl_span text);

/* Pushes a number: an integer where it is one, and Lua has them. */
void ogl_lua_json_number(lua_State *L, const struct ogl_number *v);

/* Adds encode, decode, null, raw, array_mt to the table on top of the stack. */
void ogl_lua_json_open(lua_State *L);
/* The part of that in lua_json_encode.c. */
void ogl_lua_json_open_encode(lua_State *L);

/* Names of metatables in the registry. */
#define OGL_ARRAY_MT "opengatellm.array"
#define OGL_RAW_MT   "opengatellm.raw"

OGL_END

#endif
