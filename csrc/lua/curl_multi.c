/* SPDX-License-Identifier: MIT
** curl_multi.c - the userdata opengatellm.multi: connections, and everything that waits on them.
**
**   multi:open(request) -> transfer | nil, failure   see curl_transfer.c and curl_options.c
**   multi:connect(request) -> transfer | nil, failure   a connection alone: its head has the status 0, feed sends
**   multi:next() -> id | nil                         of the next transfer that was awaited and has news
**   multi:wait(seconds | nil) -> bool                waits for something to do and does it; false: a signal came
**   multi:step()                                     does what can be done without waiting; then ask next until nil
**   multi:fd() -> number | nil, failure              readable when step has something to do
**   multi:watch(fd, on) -> true | nil, failure       wakes wait, and makes its own descriptor readable, while that one is readable; false
**                                                    ends that, before it is closed
**   multi:is_foreign() -> bool                       a child of the process that made it must not use it
**   multi:count() -> number                          of exchanges that are not over
**   multi:close()                                    gives up its share; open transfers go on
*/
#include <errno.h>
#include <string.h>

#include "../curl/multi.h"
#include "curl_failure.h"
#include "curl_multi.h"
#include "curl_transfer.h"

#define MULTI "opengatellm.multi"

struct multi {
  struct ogl_lua_object object;
  struct ogl_multi *m; /* NULL: closed */
};

static struct multi *to_multi(lua_State *L) { return ogl_lua_self(L, MULTI); }

static void release(lua_State *L, void *self) {
  struct multi *u = self;
  struct ogl_multi *m = u->m;
  (void)L;
  u->m = NULL;
  if (m) ogl_multi_drop(m);
}

int ogl_lua_multi_new(lua_State *L) {
  struct multi *u = ogl_lua_new(L, MULTI, sizeof *u, release);
  u->m = ogl_multi_new();
  return u->m ? 1 : ogl_lua_curl_fail_text(L, OGL_FAILURE_LIMIT, "memory", "out of memory");
}

static int l_multi_open(lua_State *L) { return ogl_lua_transfer_open(L, to_multi(L)->m, 0); }

static int l_multi_connect(lua_State *L) { return ogl_lua_transfer_open(L, to_multi(L)->m, 1); }

static int l_multi_next(lua_State *L) {
  struct ogl_multi *m = to_multi(L)->m;
  struct ogl_multi_member *member = m ? ogl_multi_next(m) : NULL;
  if (member) lua_pushinteger(L, (lua_Integer)member->id);
  else lua_pushnil(L);
  return 1;
}

static int l_multi_wait(lua_State *L) {
  struct ogl_multi *m = to_multi(L)->m;
  double seconds = luaL_optnumber(L, 2, -1);
  if (!m) return ogl_lua_curl_closed(L, "multi");
  lua_pushboolean(L, ogl_multi_wait(m, seconds));
  return 1;
}

static int l_multi_step(lua_State *L) {
  struct ogl_multi *m = to_multi(L)->m;
  if (!m) return ogl_lua_curl_closed(L, "multi");
  ogl_multi_step(m);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_multi_fd(lua_State *L) {
  struct ogl_multi *m = to_multi(L)->m;
  if (!m) return ogl_lua_curl_closed(L, "multi");
  int fd = ogl_multi_fd(m);
  if (fd < 0) return ogl_lua_curl_fail_text(L, OGL_FAILURE_NETWORK, "system", strerror(errno));
  lua_pushinteger(L, fd);
  return 1;
}

static int l_multi_watch(lua_State *L) {
  struct ogl_multi *m = to_multi(L)->m;
  int fd = (int)luaL_checkinteger(L, 2);
  luaL_argcheck(L, fd >= 0, 2, "expected a descriptor");
  if (!m) return ogl_lua_curl_closed(L, "multi");
  ogl_multi_watch_beside(m, fd, lua_toboolean(L, 3));
  lua_pushboolean(L, 1);
  return 1;
}

static int l_multi_count(lua_State *L) {
  struct ogl_multi *m = to_multi(L)->m;
  lua_pushinteger(L, m ? (lua_Integer)m->n_members : 0);
  return 1;
}

static int l_multi_is_foreign(lua_State *L) {
  struct ogl_multi *m = to_multi(L)->m;
  lua_pushboolean(L, m && ogl_multi_is_foreign(m));
  return 1;
}

static int l_multi_tostring(lua_State *L) {
  struct multi *u = to_multi(L);
  if (!u->m) lua_pushliteral(L, MULTI " (closed)");
  else lua_pushfstring(L, MULTI " (%d open)", (int)u->m->n_members);
  return 1;
}

static const luaL_Reg methods[] = { { "open", l_multi_open },
                                    { "connect", l_multi_connect },
                                    { "next", l_multi_next },
                                    { "wait", l_multi_wait },
                                    { "step", l_multi_step },
                                    { "fd", l_multi_fd },
                                    { "watch", l_multi_watch },
                                    { "count", l_multi_count },
                                    { "is_foreign", l_multi_is_foreign },
                                    { NULL, NULL } };

void ogl_lua_multi_class(lua_State *L) {
  ogl_lua_class(L, MULTI, methods);
  ogl_lua_class_tostring(L, MULTI, l_multi_tostring);
}
