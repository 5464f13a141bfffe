/* SPDX-License-Identifier: MIT
** lua_parts.h - the parts of the module opengatellm.core, each in a file of its own: each adds its functions to the table on top.
*/
#ifndef OGL_LUA_PARTS_H
#define OGL_LUA_PARTS_H

#include "class.h"

OGL_BEGIN

/* Adds decoder, framer, next, late. */
void ogl_lua_decoder_open(lua_State *L);
/* Adds base64_encode, base64_decode, floats, finite, fault, usage, utf8_repair. */
void ogl_lua_bytes_open(lua_State *L);
/* Adds encoder, transcoder. */
void ogl_lua_encoder_open(lua_State *L);
/* Adds fold. */
void ogl_lua_fold_open(lua_State *L);
/* Adds partial. */
void ogl_lua_json_partial_open(lua_State *L);
/* Adds member, without. */
void ogl_lua_member_open(lua_State *L);
/* Adds outline. */
void ogl_lua_outline_open(lua_State *L);
/* Adds websocket, websocket_frame, websocket_accept. */
void ogl_lua_websocket_open(lua_State *L);
/* Adds http1. */
void ogl_lua_http1_open(lua_State *L);

OGL_END

#endif
