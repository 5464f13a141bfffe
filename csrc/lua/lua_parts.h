/* SPDX-License-Identifier: MIT
** lua_parts.h - the parts of the module opengatellm.core, each in a file of its own: each adds its functions to the table on top.
*/
#ifndef OGL_LUA_PARTS_H
#define OGL_LUA_PARTS_H

#include "class.h"

OGL_BEGIN

void ogl_lua_decoder_open(lua_State *L);
void ogl_lua_bytes_open(lua_State *L);
void ogl_lua_encoder_open(lua_State *L);
void ogl_lua_fold_open(lua_State *L);
void ogl_lua_member_open(lua_State *L);
void ogl_lua_websocket_open(lua_State *L);
void ogl_lua_http1_open(lua_State *L);

OGL_END

#endif
