/* SPDX-License-Identifier: MIT
** system_interrupts.c - the userdata opengatellm.interrupts: SIGINT as a flag, see interrupt.h. Several may be open at once; each has seen
** what came since it was made or reset.
**
**   interrupts:seen() -> bool              whether SIGINT came
**   interrupts:reset()                     as if none had come
**   interrupts:wait(seconds) -> bool       sleeps until one has come (true), or until the time is over (false)
**   interrupts:close()                     the last one puts the former handler back, and so does the collector; seen is false then
*/
#include "../system/interrupt.h"
#include "system_handle.h"
#include "system_result.h"

#define INTERRUPTS "opengatellm.interrupts"

struct interrupts {
  struct ogl_lua_object object;
  int is_open;
  unsigned since; /* the count from which on it sees */
};

static struct interrupts *to_interrupts(lua_State *L) { return ogl_lua_self(L, INTERRUPTS); }

static void release(lua_State *L, void *self) {
  struct interrupts *u = self;
  (void)L;
  if (u->is_open) ogl_interrupt_release();
  u->is_open = 0;
}

int ogl_lua_interrupts_new(lua_State *L) {
  struct interrupts *u = ogl_lua_new(L, INTERRUPTS, sizeof *u, release);
  int problem = ogl_interrupt_catch();
  if (problem) return ogl_lua_system_fail(L, problem);
  u->is_open = 1;
  u->since = ogl_interrupt_count();
  return 1;
}

static int l_interrupts_seen(lua_State *L) {
  struct interrupts *u = to_interrupts(L);
  lua_pushboolean(L, u->is_open && ogl_interrupt_count() != u->since);
  return 1;
}

static int l_interrupts_reset(lua_State *L) {
  to_interrupts(L)->since = ogl_interrupt_count();
  return 0;
}

static int l_interrupts_wait(lua_State *L) {
  struct interrupts *u = to_interrupts(L);
  lua_Number seconds = luaL_checknumber(L, 2);
  if (!u->is_open) return luaL_error(L, INTERRUPTS ": it is closed");
  lua_pushboolean(L, ogl_interrupt_wait(u->since, seconds));
  return 1;
}

static const luaL_Reg methods[] = {
  { "seen", l_interrupts_seen },
  { "reset", l_interrupts_reset },
  { "wait", l_interrupts_wait },
  { NULL, NULL },
};

void ogl_lua_interrupts_class(lua_State *L) { ogl_lua_class(L, INTERRUPTS, methods); }
