/* SPDX-License-Identifier: MIT
** class.c - see class.h.
*/
#include "class.h"

#include <string.h>

void ogl_lua_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close) {
  luaL_newmetatable(L, name);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "__close");
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_pushcfunction(L, close);
  lua_setfield(L, -2, "close");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
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

/* Pushes the field; 0 (and nothing pushed) where it is nil. */
static int push_field(lua_State *L, int i, const char *key, int type) {
  lua_getfield(L, i, key);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return 0;
  }
  if (lua_type(L, -1) != type)
    luaL_error(L, "field '%s': expected %s, got %s", key, lua_typename(L, type), luaL_typename(L, -1));
  return 1;
}

double ogl_lua_number(lua_State *L, int i, const char *key, double otherwise) {
  if (!push_field(L, i, key, LUA_TNUMBER)) return otherwise;
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

int ogl_lua_flag(lua_State *L, int i, const char *key, int otherwise) {
  if (!push_field(L, i, key, LUA_TBOOLEAN)) return otherwise;
  int v = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}
