/* SPDX-License-Identifier: MIT
** compat.h - the shims that let one source serve Lua 5.1, LuaJIT, 5.2, 5.3 and 5.4. No other file asks for a
** version. Each shim has the name and the meaning of the 5.3 or 5.4 function.
*/
#ifndef OGL_COMPAT_H
#define OGL_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

#if LUA_VERSION_NUM < 502
#define lua_rawlen(L, i)         lua_objlen((L), (i))
#define luaL_setfuncs(L, l, nup) ogl_setfuncs((L), (l), (nup))
#undef luaL_newlib
#undef luaL_newlibtable
#define luaL_newlib(L, l)  (lua_newtable(L), luaL_setfuncs((L), (l), 0))
#define lua_absindex(L, i) ((i) > 0 || (i) <= LUA_REGISTRYINDEX ? (i) : lua_gettop(L) + (i) + 1)
#if !defined(LUA_LJDIR)
#define luaL_testudata(L, i, name) ogl_testudata((L), (i), (name))
/* As luaL_testudata of 5.2. */
static inline void *ogl_testudata(lua_State *L, int i, const char *name) {
  void *p = lua_touserdata(L, i);
  if (!p || !lua_getmetatable(L, i)) return NULL;
  luaL_getmetatable(L, name);
  if (!lua_rawequal(L, -1, -2)) p = NULL;
  lua_pop(L, 2);
  return p;
}
#endif
/* As luaL_setfuncs of 5.2. */
static inline void ogl_setfuncs(lua_State *L, const luaL_Reg *l, int nup) {
  for (; l->name; l++) {
    for (int i = 0; i < nup; i++) lua_pushvalue(L, -nup);
    lua_pushcclosure(L, l->func, nup);
    lua_setfield(L, -(nup + 2), l->name);
  }
  lua_pop(L, nup);
}
#endif

#if LUA_VERSION_NUM >= 503 || defined(LUA_LJDIR)
#define OGL_HAS_ISYIELDABLE 1
#else
#define OGL_HAS_ISYIELDABLE 0
#endif

#if LUA_VERSION_NUM < 503
#define lua_isinteger(L, i) ((void)(L), (void)(i), 0)
#define OGL_HAS_INTEGERS    0
#else
#define OGL_HAS_INTEGERS 1
#endif

/* An integer of 64 bits: a number where this Lua has no integers, or none that wide. */
static inline void ogl_lua_push_int64(lua_State *L, int64_t v) {
  if ((int64_t)(lua_Integer)v == v) lua_pushinteger(L, (lua_Integer)v);
  else lua_pushnumber(L, (lua_Number)v);
}

#if LUA_VERSION_NUM < 504
#define lua_newuserdatauv(L, size, nuv) lua_newuserdata((L), (size))
#endif

#endif
