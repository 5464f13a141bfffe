/* SPDX-License-Identifier: MIT
** system_result.h - what the functions of the module opengatellm.system take and return alike: texts for the system, which ends them at a
** NUL, and failures as nil, the system's sentence, errno.
*/
#ifndef OGL_SYSTEM_RESULT_H
#define OGL_SYSTEM_RESULT_H

#include <string.h>

#include "class.h"

OGL_BEGIN

/* Returns nil, a sentence and the number. */
static inline int ogl_lua_system_fail(lua_State *L, int problem) {
  lua_pushnil(L);
  lua_pushstring(L, strerror(problem));
  lua_pushinteger(L, problem);
  return 3;
}

/* Returns true, or where there is a problem what ogl_lua_system_fail returns. */
static inline int ogl_lua_system_done(lua_State *L, int problem) {
  if (problem) return ogl_lua_system_fail(L, problem);
  lua_pushboolean(L, 1);
  return 1;
}

/* The text at a place of the stack, which belongs to argument `arg`; raises where it is none, or where the system would read less of it. */
static inline const char *ogl_lua_system_text(lua_State *L, int at, int arg) {
  size_t n;
  const char *p = lua_type(L, at) == LUA_TSTRING ? lua_tolstring(L, at, &n) : NULL;
  if (!p) luaL_argerror(L, arg, lua_pushfstring(L, "string expected, got %s", luaL_typename(L, at)));
  else if (strlen(p) != n) luaL_argerror(L, arg, "a text with a NUL");
  return p;
}

/* A whole number from `least` to `most`; raises on any other value. */
static inline int ogl_lua_system_integer(lua_State *L, int arg, int least, int most) {
  lua_Number v = luaL_checknumber(L, arg);
  if (!(v >= least && v <= most) || v != (lua_Number)(int)v)
    luaL_argerror(L, arg, lua_pushfstring(L, "expected a whole number from %d to %d", least, most));
  return (int)v;
}

OGL_END

#endif
