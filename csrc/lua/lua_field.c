/* SPDX-License-Identifier: MIT
** lua_field.c - see lua_field.h.
*/
#include "lua_field.h"

struct ogl_span ogl_lua_field_text(lua_State *L, int table, const char *name) {
  struct ogl_span s = { "", 0 };
  lua_getfield(L, table, name);
  if (lua_isstring(L, -1)) s.p = lua_tolstring(L, -1, &s.n);
  else lua_pop(L, 1);
  return s;
}

lua_Number ogl_lua_field_number(lua_State *L, int table, const char *name, lua_Number most) {
  lua_getfield(L, table, name);
  lua_Number v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (!(v >= 0)) luaL_error(L, "%s: expected a number from 0 on", name);
  return v < most ? v : most;
}

int ogl_lua_field_true(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  int v = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}
