/* SPDX-License-Identifier: MIT
** lua_fold.c - the fold for Lua: events that went through Lua tables, joined into a reply.
**
**   core.fold([limit]) -> fold                              limit: bytes of all texts of the reply; default 64 MiB
**     fold:put(event) -> true | nil, code, message          an event's table, as core.next gives it; raises on any other value
**     fold:reply() -> the reply so far                      the same table as decoder:reply() of a decoder that was not changed
**     fold:close()
**
** The error is sticky, and the one that a decoder with the same limit has. Behind an error of the server, core.late gives what the
** reply lacks.
*/
#include "../core/fold.h"
#include "../core/mem.h"
#include "lua_event.h"
#include "lua_parts.h"
#include "lua_reply.h"

#define FOLD "opengatellm.fold"

/* A small box, as that of a decoder. */
struct fold {
  struct ogl_lua_object object;
  struct ogl_fold *f; /* NULL: closed */
};

static struct fold *to_fold(lua_State *L) { return ogl_lua_self(L, FOLD); }

static int l_fold_put(lua_State *L) {
  struct fold *u = to_fold(L);
  struct ogl_event event;
  struct ogl_usage usage;
  ogl_lua_event_read(L, 2, &event, &usage);
  int code = u->f ? ogl_fold_add(u->f, &event) : OGL_ERR_CLOSED;
  return ogl_lua_done(L, code);
}

static int l_fold_reply(lua_State *L) {
  struct fold *u = to_fold(L);
  if (!u->f) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  ogl_lua_hold(u);
  ogl_lua_reply_push(L, u->f);
  ogl_lua_let_go(L, u);
  return 1;
}

static void release(lua_State *L, void *self) {
  struct fold *u = self;
  (void)L;
  if (!u->f) return;
  ogl_fold_clear(u->f);
  ogl_free(u->f);
  u->f = NULL;
}

static int l_fold(lua_State *L) {
  lua_Number limit = luaL_optnumber(L, 1, OGL_MAX_REPLY);
  luaL_argcheck(L, limit >= 0, 1, "a number of bytes");
  struct fold *u = ogl_lua_new(L, FOLD, sizeof *u, release);
  u->f = ogl_realloc(NULL, sizeof *u->f);
  if (!u->f) return ogl_lua_fail(L, OGL_ERR_MEMORY);
  size_t most = limit < (lua_Number)(SIZE_MAX / 2) ? (size_t)limit : SIZE_MAX / 2;
  ogl_fold_init(u->f, most ? most : OGL_MAX_REPLY);
  return 1;
}

void ogl_lua_fold_open(lua_State *L) {
  static const luaL_Reg methods[] = { { "reply", l_fold_reply }, { NULL, NULL } };
  ogl_lua_class(L, FOLD, methods);
  ogl_lua_event_method(L, FOLD, "put", l_fold_put);
  lua_pushcfunction(L, l_fold);
  lua_setfield(L, -2, "fold");
}
