/* SPDX-License-Identifier: MIT
** class.c - see class.h.
*/
#include "class.h"

#include <string.h>

void ogl_lua_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close) {
  luaL_newmetatable(L, name);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, close, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__gc");
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__close");
  lua_newtable(L);
  lua_pushvalue(L, -3);
  luaL_setfuncs(L, methods, 1);
  lua_insert(L, -2);
  lua_setfield(L, -2, "close");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void *ogl_lua_self(lua_State *L, const char *name) {
  if (OGL_LIKELY(lua_getmetatable(L, 1))) {
    int same = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
    if (OGL_LIKELY(same)) return lua_touserdata(L, 1);
  }
  return luaL_checkudata(L, 1, name);
}

void *ogl_lua_new(lua_State *L, const char *name, size_t size) {
  void *p = lua_newuserdatauv(L, size, 0);
  memset(p, 0, size);
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
  return p;
}

int ogl_lua_fail_text(lua_State *L, const char *code, const char *text) {
  lua_pushnil(L);
  lua_pushstring(L, code);
  lua_pushstring(L, text);
  return 3;
}

int ogl_lua_fail(lua_State *L, int code) { return ogl_lua_fail_text(L, ogl_code_name(code), ogl_code_text(code)); }
