/* SPDX-License-Identifier: MIT
** system_raw.c - the userdata opengatellm.raw: a terminal in raw mode, see terminal.h.
**
**   raw:restore() -> true | nil, message, errno      sets the mode that was before; nothing the second time
**   raw:close()                                      the same, and so does the collector
*/
#include <limits.h>

#include "../system/terminal.h"
#include "system_handle.h"
#include "system_result.h"

#define RAW "opengatellm.raw"

struct raw {
  struct ogl_lua_object object;
  struct ogl_terminal terminal;
};

static void release(lua_State *L, void *self) {
  (void)L;
  ogl_terminal_restore(&((struct raw *)self)->terminal);
}

int ogl_lua_raw_new(lua_State *L) {
  int fd = ogl_lua_system_integer(L, 1, 0, INT_MAX);
  struct raw *u = ogl_lua_new(L, RAW, sizeof *u, release);
  int problem = ogl_terminal_raw(&u->terminal, fd);
  return problem ? ogl_lua_system_fail(L, problem) : 1;
}

static int l_raw_restore(lua_State *L) {
  struct raw *u = ogl_lua_self(L, RAW);
  return ogl_lua_system_done(L, ogl_terminal_restore(&u->terminal));
}

static const luaL_Reg methods[] = { { "restore", l_raw_restore }, { NULL, NULL } };

void ogl_lua_raw_class(lua_State *L) { ogl_lua_class(L, RAW, methods); }
