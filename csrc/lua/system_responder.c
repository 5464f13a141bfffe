/* SPDX-License-Identifier: MIT
** system_responder.c - the userdata opengatellm.responder: a server in a child process that gives every request the same answer, see
** responder.h.
**
**   responder:port() -> integer      of 127.0.0.1
**   responder:close()                ends the child, any number of times; the collector and the end of this process do so too
*/
#include <limits.h>

#include "../system/responder.h"
#include "system_handle.h"
#include "system_result.h"

#define RESPONDER "opengatellm.responder"

struct responder {
  struct ogl_lua_object object;
  struct ogl_responder responder;
};

static void release(lua_State *L, void *self) {
  (void)L;
  ogl_responder_stop(&((struct responder *)self)->responder);
}

/* Makes a list of C out of the list at 1, whose texts stay alive in it; leaves it on the stack. */
static struct ogl_span *pieces_of(lua_State *L, size_t *n) {
  luaL_checktype(L, 1, LUA_TTABLE);
  *n = lua_rawlen(L, 1);
  luaL_argcheck(L, *n > 0 && *n < INT_MAX, 1, "expected a list of texts");
  struct ogl_span *list = lua_newuserdatauv(L, *n * sizeof *list, 0);
  for (size_t i = 0; i < *n; i++) {
    lua_rawgeti(L, 1, (int)i + 1);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "expected a list of texts");
    list[i].p = lua_tolstring(L, -1, &list[i].n);
    lua_pop(L, 1);
  }
  return list;
}

int ogl_lua_responder_new(lua_State *L) {
  size_t n;
  lua_Number gap = luaL_checknumber(L, 2);
  luaL_argcheck(L, gap >= 0 && gap <= 1000, 2, "expected seconds from 0 to 1000");
  const struct ogl_span *pieces = pieces_of(L, &n);
  struct responder *u = ogl_lua_new(L, RESPONDER, sizeof *u, release);
  int problem = ogl_responder_start(&u->responder, pieces, n, gap);
  return problem ? ogl_lua_system_fail(L, problem) : 1;
}

static int l_responder_port(lua_State *L) {
  struct responder *u = ogl_lua_self(L, RESPONDER);
  lua_pushinteger(L, u->responder.port);
  return 1;
}

static const luaL_Reg methods[] = { { "port", l_responder_port }, { NULL, NULL } };

void ogl_lua_responder_class(lua_State *L) { ogl_lua_class(L, RESPONDER, methods); }
