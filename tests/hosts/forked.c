/* SPDX-License-Identifier: MIT
** forked.c - the module `forked` of a spec: fork(2) for Lua.
**
**   forked.run(fn) -> status     runs fn in a child, whose Lua state is then closed as at the end of a program; its wait status
*/
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(lua_State *L) {
  int status = -1;
  pid_t child = fork();
  if (child == 0) {
    int failed = lua_pcall(L, 0, 0, 0);
    lua_close(L);
    _exit(failed);
  }
  waitpid(child, &status, 0);
  lua_pushinteger(L, status);
  return 1;
}

int luaopen_forked(lua_State *L);

int luaopen_forked(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, run);
  lua_setfield(L, -2, "run");
  return 1;
}
