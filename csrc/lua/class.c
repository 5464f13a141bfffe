/* SPDX-License-Identifier: MIT
** class.c - see class.h.
*/
#include "class.h"

#include <string.h>

#if !defined(__GNUC__)
uintptr_t ogl_lua_frame(void) {
  volatile char here = 0;
  return (uintptr_t)&here;
}
#endif

/* The userdata at 1, whose class is upvalue 1; NULL where another value stands there. A table may have that metatable as well. */
static struct ogl_lua_object *object(lua_State *L) {
  struct ogl_lua_object *o = lua_touserdata(L, 1);
  if (OGL_UNLIKELY(!o) || OGL_UNLIKELY(!lua_getmetatable(L, 1))) return NULL;
  int same = lua_rawequal(L, -1, lua_upvalueindex(1));
  lua_pop(L, 1);
  return OGL_LIKELY(same) ? o : NULL;
}

/* The same; raises where another value stands there. */
static struct ogl_lua_object *check(lua_State *L) {
  struct ogl_lua_object *o = object(L);
  if (o) return o;
  lua_getfield(L, lua_upvalueindex(1), "__name");
  const char *name = lua_tostring(L, -1);
  return luaL_checkudata(L, 1, name ? name : "?");
}

enum {
  NEAR = 128
}; /* bytes of C stack between two functions of the binding that the same caller calls; a finalizer lies far deeper */

/* Whether the holder's frame lies above this one: on the machines that we support, stacks grow downwards. */
static int is_held(const struct ogl_lua_object *o, uintptr_t frame) { return o->holder > frame + NEAR; }

int ogl_lua_is_held(const void *self) { return is_held(self, OGL_LUA_FRAME()); }

void ogl_lua_closed_meanwhile(lua_State *L, void *self) {
  struct ogl_lua_object *o = self;
  o->holder = 0;
  o->closing = 0;
  o->release(L, self);
}

static void close_object(lua_State *L, struct ogl_lua_object *o) {
  if (is_held(o, OGL_LUA_FRAME())) o->closing = 1;
  else if (o->release) ogl_lua_closed_meanwhile(L, o);
}

static int l_close(lua_State *L) {
  close_object(L, check(L));
  return 0;
}

/* The finalizer, which a program can reach through the metatable, and give to tables of its own: those end in silence. The
   collector itself ends only what no method holds; but where an error ended a holder in the middle, and the collector runs deeper on the C
   stack than that was, the object looks held, and its memory is not given back. */
static int l_collect(lua_State *L) {
  struct ogl_lua_object *o = object(L);
  if (o) close_object(L, o);
  return 0;
}

void ogl_lua_class(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, l_collect, 1);
  lua_setfield(L, -2, "__gc");
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, l_close, 1);
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

void ogl_lua_class_tostring(lua_State *L, const char *name, lua_CFunction tostring) {
  luaL_getmetatable(L, name);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, tostring, 1);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 1);
}

void *ogl_lua_self(lua_State *L, const char *name) {
  struct ogl_lua_object *o = object(L);
  if (OGL_UNLIKELY(!o)) o = luaL_checkudata(L, 1, name);
  if (OGL_LIKELY(!o->holder)) return o;
  if (is_held(o, OGL_LUA_FRAME())) luaL_error(L, "%s: it is in use: a finalizer cannot use what is being read", name);
  o->holder = 0;
  if (o->closing) ogl_lua_closed_meanwhile(L, o);
  return o;
}

void *ogl_lua_new(lua_State *L, const char *name, size_t size, void (*release)(lua_State *L, void *self)) {
  struct ogl_lua_object *o = lua_newuserdatauv(L, size, 0);
  memset(o, 0, size);
  o->release = release;
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
  return o;
}

int ogl_lua_fail_text(lua_State *L, const char *code, const char *text) {
  lua_pushnil(L);
  lua_pushstring(L, code);
  lua_pushstring(L, text);
  return 3;
}

int ogl_lua_fail(lua_State *L, int code) { return ogl_lua_fail_text(L, ogl_code_name(code), ogl_code_text(code)); }

int ogl_lua_done(lua_State *L, int code) {
  if (code < 0) return ogl_lua_fail(L, code);
  lua_pushboolean(L, 1);
  return 1;
}
