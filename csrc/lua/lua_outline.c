/* SPDX-License-Identifier: MIT
** lua_outline.c - the outline of a JSON object: its members of a few known kinds, without the depth of all others.
**
**   core.outline(json, kinds [, only]) -> table | nil
**
** kinds: name -> "text", "number", "integer", "boolean", "object", "list", "any", a table of kinds, of the members that an object may have,
** or { kinds }, of those that all objects of a list have, of which there is at least one. The table has the texts, numbers and booleans; of
** the rest it only says true, null is absent, and members that have no kind are passed over. With `only` there may be none of these, and
** objects and lists that have kinds are given as they are.
**
** nil: the text is no JSON object of these kinds, or it has what only a full reading judges: bytes that are not UTF-8, an escape in a
** name, half of a surrogate pair, a number that Lua does not hold exactly, a name that has a kind but for its
** capitals. Whoever gets nil reads it in full, and finds what is wrong.
*/
#include <string.h>

#include "../core/json.h"
#include "../core/utf8.h"
#include "lua_json.h"
#include "lua_parts.h"

struct outline {
  lua_State *L;
  struct ogl_json j;
  int only;
};

static int push_text(struct outline *o) {
  char few[1024];
  struct ogl_json_text text;
  int lone = 0;
  if (ogl_json_string(&o->j, &text) != OGL_OK) return 0;
  if (!text.escaped) return lua_pushlstring(o->L, text.raw.p, text.raw.n), 1;
  char *out = text.raw.n <= sizeof few ? few : lua_newuserdatauv(o->L, text.raw.n, 0);
  size_t n = ogl_json_unescape(text, out, &lone);
  lua_pushlstring(o->L, out, n);
  if (out != few) lua_remove(o->L, -2);
  return !lone;
}

static int push_number(struct outline *o, int integer) {
  static const double exact = 9007199254740992.0;
  struct ogl_number v;
  if (ogl_json_number(&o->j, &v) != OGL_OK || !(v.d < exact && v.d > -exact)) return 0;
  if (integer && v.d != (double)(int64_t)v.d) return 0;
  ogl_lua_json_number(o->L, &v);
  return 1;
}

/* Pushes the next value if it is of that kind. */
static int push_kind(struct outline *o, char kind) {
  int c = ogl_json_peek(&o->j);
  switch (kind) {
    case 't': return c == '"' && push_text(o);
    case 'n': return c == '0' && push_number(o, 0);
    case 'i': return c == '0' && push_number(o, 1);
    case 'b': lua_pushboolean(o->L, c == 't'); return (c == 't' || c == 'f') && ogl_json_literal(&o->j) == OGL_OK;
    default:
      lua_pushboolean(o->L, 1);
      return (kind == 'a' || c == (kind == 'o' ? '{' : '[')) && ogl_json_skip(&o->j, NULL) == OGL_OK;
  }
}

static int push_nested(struct outline *o, int kinds);

/* Reads the value of the member whose kind is on top, above its name, and sets it in the table at `into` (0: none is wanted); pops both. */
static int take(struct outline *o, int into) {
  lua_State *L = o->L;
  int name = lua_gettop(L) - 1, fine;
  if (ogl_json_peek(&o->j) == 'n') {
    lua_pushnil(L);
    fine = ogl_json_literal(&o->j) == OGL_OK;
  } else if (lua_istable(L, name + 1)) {
    fine = push_nested(o, name + 1);
  } else {
    const char *kind = lua_tostring(L, name + 1);
    fine = kind && push_kind(o, *kind);
  }
  if (!fine) return 0;
  lua_remove(L, name + 1);
  if (into) lua_rawset(L, into);
  else lua_settop(L, name - 1);
  return 1;
}

/* Whether a name that has no kind differs from one that has by capitals alone: a server may take it for that. */
static int has_twin(lua_State *L, int kinds, struct ogl_span name) {
  char small[32];
  size_t n = 0, capitals = 0;
  if (name.n > sizeof small) return 0;
  for (; n < name.n; n++) {
    int capital = name.p[n] >= 'A' && name.p[n] <= 'Z';
    small[n] = (char)(capital ? name.p[n] + ('a' - 'A') : name.p[n]);
    capitals += (size_t)capital;
  }
  if (!capitals) return 0;
  lua_pushlstring(L, small, n);
  lua_rawget(L, kinds);
  int twin = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return twin;
}

/* Reads the members of an object; how many have a kind and are not null, or -1. */
static int take_members(struct outline *o, int kinds, int into) {
  lua_State *L = o->L;
  struct ogl_span key;
  int more, n = 0;
  if (ogl_json_peek(&o->j) != '{' || ogl_json_enter(&o->j, '{') < 0) return -1;
  while ((more = ogl_json_key(&o->j, &key)) == OGL_OK) {
    if (memchr(key.p, '\\', key.n)) return -1;
    lua_pushlstring(L, key.p, key.n);
    lua_pushvalue(L, -1);
    lua_rawget(L, kinds);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 2);
      if (o->only || has_twin(L, kinds, key) || ogl_json_skip(&o->j, NULL) != OGL_OK) return -1;
      continue;
    }
    n += ogl_json_peek(&o->j) != 'n';
    if (!take(o, into)) return -1;
  }
  return more == OGL_MORE ? n : -1;
}

static int count(lua_State *L, int table) {
  int n = 0;
  for (lua_pushnil(L); lua_next(L, table); n++) lua_pop(L, 1);
  return n;
}

/* Pushes a table, or true where it is not wanted; its place, or 0. */
static int push_table(struct outline *o) {
  luaL_checkstack(o->L, 8, "JSON");
  if (o->only) lua_newtable(o->L);
  else lua_pushboolean(o->L, 1);
  return o->only ? lua_gettop(o->L) : 0;
}

/* The same for a list of objects that all have these kinds. */
static int push_list(struct outline *o, int kinds) {
  lua_State *L = o->L;
  int wanted = count(L, kinds), n = 0, more;
  if (ogl_json_peek(&o->j) != '[' || ogl_json_enter(&o->j, '[') < 0) return 0;
  int list = push_table(o);
  while ((more = ogl_json_item(&o->j)) == OGL_OK) {
    int item = list ? push_table(o) : 0;
    if (take_members(o, kinds, item) != wanted) return 0;
    n++;
    if (!list) continue;
    if (count(L, item) != wanted) return 0; /* a member stood there twice */
    lua_rawseti(L, list, n);
  }
  return more == OGL_MORE && n > 0;
}

static int push_nested(struct outline *o, int kinds) {
  lua_State *L = o->L;
  lua_rawgeti(L, kinds, 1);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    return take_members(o, kinds, push_table(o)) >= 0;
  }
  int fine = push_list(o, lua_gettop(L));
  if (fine) lua_remove(L, -2);
  return fine;
}

static int l_outline(lua_State *L) {
  struct ogl_span text = ogl_lua_check_span(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  struct outline o = { L, { NULL, NULL, NULL, 0, 0, 0 }, lua_toboolean(L, 3) };
  lua_settop(L, 2);
  if (ogl_utf8_valid(text.p, text.n) < text.n) return 0;
  ogl_json_open(&o.j, text.p, text.n);
  lua_newtable(L);
  if (take_members(&o, 2, 3) < 0 || ogl_json_end(&o.j) != OGL_OK) return 0;
  lua_settop(L, 3);
  return 1;
}

void ogl_lua_outline_open(lua_State *L) {
  lua_pushcfunction(L, l_outline);
  lua_setfield(L, -2, "outline");
}
