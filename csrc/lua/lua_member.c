/* SPDX-License-Identifier: MIT
** lua_member.c - single members of a JSON text, without making a table of all of it.
**
**   core.member(json, name [, name…]) -> text | nil     the raw text of the member at that path; nil where there is none
**   core.without(json, name [, name…]) -> json          the object without these outermost members; the rest stays byte for byte
**
** Names are compared as they stand on the wire (an escape in a name is not undone). What is no JSON object has no members; a text that
** breaks off behind the member that was asked for is not read so far.
*/
#include <string.h>

#include "../core/json.h"
#include "lua_parts.h"

/* Whether the value at j, an object, has that member; *raw becomes its text. */
static int find(struct ogl_json *j, struct ogl_span name, struct ogl_span *raw) {
  struct ogl_span key;
  if (!ogl_json_enter_or_skip(j, '{')) return 0;
  while (ogl_json_key(j, &key) == OGL_OK) {
    if (ogl_json_skip(j, raw) != OGL_OK) return 0;
    if (ogl_span_equal(key, name.p, name.n)) return 1;
  }
  return 0;
}

static int l_member(lua_State *L) {
  struct ogl_span raw = ogl_lua_check_span(L, 1);
  for (int i = 2, n = lua_gettop(L); i <= n; i++) {
    struct ogl_json j;
    ogl_json_open(&j, raw.p, raw.n);
    if (!find(&j, ogl_lua_check_span(L, i), &raw)) return 0;
  }
  lua_pushlstring(L, raw.p, raw.n);
  return 1;
}

/* Whether the key is one of the names, which stand from 2 to `last` on the stack. */
static int is_named(lua_State *L, struct ogl_span key, int last) {
  for (int i = 2; i <= last; i++) {
    size_t len;
    const char *name = lua_tolstring(L, i, &len);
    if (ogl_span_equal(key, name, len)) return 1;
  }
  return 0;
}

/* A member goes with the comma in front of it; the first one that stays has none. */
static size_t copy_others(lua_State *L, int last, struct ogl_json *j, char *out) {
  struct ogl_span key, raw;
  char *p = out;
  *p++ = '{';
  while (ogl_json_key(j, &key) == OGL_OK && ogl_json_skip(j, &raw) == OGL_OK) {
    if (is_named(L, key, last)) continue;
    if (p > out + 1) *p++ = ',';
    size_t n = (size_t)(raw.p + raw.n - (key.p - 1)); /* from its quote to the end of its value */
    memcpy(p, key.p - 1, n);
    p += n;
  }
  *p++ = '}';
  return (size_t)(p - out);
}

static int l_without(lua_State *L) {
  struct ogl_span text = ogl_lua_check_span(L, 1);
  struct ogl_json j;
  int last = lua_gettop(L);
  for (int i = 2; i <= last; i++) ogl_lua_check_span(L, i);
  ogl_json_open(&j, text.p, text.n);
  if (ogl_json_check(text.p, text.n) != OGL_OK || !ogl_json_enter_or_skip(&j, '{')) {
    lua_settop(L, 1);
    return 1;
  }
  char *out = lua_newuserdatauv(L, text.n + 1, 0);
  lua_pushlstring(L, out, copy_others(L, last, &j, out));
  return 1;
}

void ogl_lua_member_open(lua_State *L) {
  static const luaL_Reg functions[] = { { "member", l_member }, { "without", l_without }, { NULL, NULL } };
  luaL_setfuncs(L, functions, 0);
}
