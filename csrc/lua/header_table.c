/* SPDX-License-Identifier: MIT
** header_table.c - see header_table.h.
*/
#include "header_table.h"

static int is_cookie(struct ogl_span name) {
  static const char cookie[] = "set-cookie";
  return name.n == sizeof cookie - 1 && memcmp(name.p, cookie, name.n) == 0;
}

/* The value on the top goes to the end of the list below it. */
static void append(lua_State *L) { lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1); }

/* headers[name], in the table below the name and the value, becomes a list that holds the value too. A repeated value waits in a list
   until all have come: joined at once, many short lines would each copy what is there. */
static void add_to_list(lua_State *L) {
  lua_pushvalue(L, -2);
  lua_rawget(L, -4); /* headers name value had */
  if (!lua_istable(L, -1)) {
    int first = !lua_isnil(L, -1);
    lua_newtable(L);
    lua_insert(L, -2); /* headers name value list had */
    if (first) append(L);
    else lua_pop(L, 1);
    lua_pushvalue(L, -3);
    lua_pushvalue(L, -2);
    lua_rawset(L, -6);
  }
  lua_insert(L, -2);
  append(L);
  lua_pop(L, 2);
}

/* headers[name] = value, in the table on the top; 1 where the value has to be joined to others later. */
static int add(lua_State *L, struct ogl_span name, struct ogl_span value) {
  int cookie = is_cookie(name);
  lua_pushlstring(L, name.p, name.n);
  if (!cookie) {
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    int repeated = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (!repeated) {
      lua_pushlstring(L, value.p, value.n);
      lua_rawset(L, -3);
      return 0;
    }
  }
  lua_pushlstring(L, value.p, value.n);
  add_to_list(L);
  return !cookie;
}

/* The list on the top becomes its texts, with ", " between them. */
static void join(lua_State *L) {
  luaL_Buffer joined;
  int list = lua_gettop(L), n = (int)lua_rawlen(L, list);
  luaL_buffinit(L, &joined);
  for (int i = 1; i <= n; i++) {
    if (i > 1) luaL_addlstring(&joined, ", ", 2);
    lua_rawgeti(L, list, i);
    luaL_addvalue(&joined);
  }
  luaL_pushresult(&joined);
  lua_replace(L, list);
}

/* Joins the lists of the table on the top, but for that of the cookies. */
static void join_all(lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    size_t n;
    const char *name = lua_tolstring(L, -2, &n); /* a key is a text here: nothing is converted */
    struct ogl_span key = { name, n };
    if (!lua_istable(L, -1) || is_cookie(key)) {
      lua_pop(L, 1);
      continue;
    }
    join(L);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
}

void ogl_lua_header_table(lua_State *L, const struct ogl_buf *lines, int count) {
  size_t at = 0;
  struct ogl_span name, value;
  int repeated = 0;
  luaL_checkstack(L, LUA_MINSTACK, "headers");
  lua_createtable(L, 0, count);
  while (ogl_header_lines_next(lines, &at, &name, &value)) repeated |= add(L, name, value);
  if (repeated) join_all(L);
}
