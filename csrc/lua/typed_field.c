/* SPDX-License-Identifier: MIT
** typed_field.c - see typed_field.h.
*/
#include "typed_field.h"

#include <string.h>

int ogl_lua_typed_push(lua_State *L, int table, const char *key, int type) {
  lua_getfield(L, table, key);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return 0;
  }
  if (lua_type(L, -1) != type)
    luaL_error(L, "field '%s': expected %s, got %s", key, lua_typename(L, type), luaL_typename(L, -1));
  return 1;
}

const char *ogl_lua_typed_text(lua_State *L, int table, const char *key, const char *otherwise) {
  if (!ogl_lua_typed_push(L, table, key, LUA_TSTRING)) return otherwise;
  size_t n;
  const char *p = lua_tolstring(L, -1, &n);
  if (strlen(p) != n) luaL_error(L, "field '%s': holds a NUL byte", key);
  return p;
}

int ogl_lua_typed_flag(lua_State *L, int table, const char *key, int otherwise) {
  if (!ogl_lua_typed_push(L, table, key, LUA_TBOOLEAN)) return otherwise;
  int v = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}

double ogl_lua_typed_number(lua_State *L, int table, const char *key, double otherwise, double least, double most) {
  if (!ogl_lua_typed_push(L, table, key, LUA_TNUMBER)) return otherwise;
  double v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (v >= least && v <= most) return v;
  lua_pushnumber(L, least);
  lua_pushnumber(L, most);
  luaL_error(L, "field '%s': expected a number from %s to %s", key, lua_tostring(L, -2), lua_tostring(L, -1));
  return otherwise;
}
