/* SPDX-License-Identifier: MIT
** lua_reply.h - the fold as a Lua table: the normal form of a reply.
*/
#ifndef OGL_LUA_REPLY_H
#define OGL_LUA_REPLY_H

#include "../core/fold.h"
#include "class.h"

OGL_BEGIN

/* Pushes the reply that the fold holds so far. The fold must not change meanwhile: hold its object (class.h). */
void ogl_lua_reply_push(lua_State *L, const struct ogl_fold *f);

OGL_END

#endif
