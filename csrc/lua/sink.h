/* SPDX-License-Identifier: MIT
** sink.h - bytes from a userdata of one of our modules into a userdata of another, without a string of Lua in between: a token that
** streams would make one, ten times as long as what it says.
**
** The registry has the address of this under OGL_LUA_SINK, where no Lua program can put another; the class of what takes bytes is proved
** by its metatable.
*/
#ifndef OGL_SINK_H
#define OGL_SINK_H

#include "compat.h"

OGL_BEGIN

#define OGL_LUA_SINK "opengatellm.sink"

struct ogl_lua_sink {
  const char *class;
  /* Takes all of it. A failure stays with `self`, whose own methods tell of it. */
  void (*feed)(void *self, const char *p, size_t n);
};

OGL_END

#endif
