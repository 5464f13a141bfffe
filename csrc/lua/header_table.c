/* SPDX-License-Identifier: MIT
** header_table.c - see header_table.h.
*/
#include "header_table.h"

/* The value on the top joins the list of set-cookie, in the table below it. */
static void add_cookie(lua_State *L) {
  lua_getfield(L, -2, "set-cookie");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, "set-cookie");
  }
  lua_insert(L, -2);
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
  lua_pop(L, 1);
}

/* headers[name] = value, in the table on the top. */
static void add(lua_State *L, struct ogl_span name, struct ogl_span value) {
  static const char cookie[] = "set-cookie";
  if (name.n == sizeof cookie - 1 && memcmp(name.p, cookie, name.n) == 0) {
    lua_pushlstring(L, value.p, value.n);
    add_cookie(L);
    return;
  }
  lua_pushlstring(L, name.p, name.n);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  int repeated = !lua_isnil(L, -1);
  if (repeated) lua_pushliteral(L, ", ");
  else lua_pop(L, 1);
  lua_pushlstring(L, value.p, value.n);
  if (repeated) lua_concat(L, 3);
  lua_rawset(L, -3);
}

void ogl_lua_header_table(lua_State *L, const struct ogl_buf *lines, int count) {
  size_t at = 0;
  struct ogl_span name, value;
  luaL_checkstack(L, 8, "headers");
  lua_createtable(L, 0, count);
  while (ogl_header_lines_next(lines, &at, &name, &value)) add(L, name, value);
}
