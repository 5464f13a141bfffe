/* SPDX-License-Identifier: MIT
** lua_encoder.h - transcoders, for a part of this module that has the bytes of an answer: they go in without a string of Lua.
*/
#ifndef OGL_LUA_ENCODER_H
#define OGL_LUA_ENCODER_H

#include "class.h"

OGL_BEGIN

/* The transcoder at `arg`, whose clock is set to the seconds at `now` if there are any; raises on any other value, and on one in use. */
void *ogl_lua_transcoder(lua_State *L, int arg, int now);
/* Feeds it: a code of ogl.h. Makes no value of Lua. */
int ogl_lua_transcoder_feed(void *transcoder, struct ogl_span in);
/* Pushes what it has written since the last time, and whether the answer has ended; it is open. */
void ogl_lua_transcoder_push(lua_State *L, void *transcoder);

OGL_END

#endif
