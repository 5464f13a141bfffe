/* SPDX-License-Identifier: MIT
** system_module.c - the module opengatellm.system: what a program needs of the system and plain Lua cannot ask for. It links no libcurl.
** What fails gives nil, a sentence, errno; a wrong argument raises.
**
**   system.isatty(fd) -> bool                          whether a descriptor is a terminal
**   system.size(fd) -> columns, rows                   of a terminal
**   system.raw(fd) -> raw                              see system_raw.c
**   system.interrupts() -> interrupts                  see system_interrupts.c
**   system.responder(pieces, gap) -> responder         see system_responder.c; texts, seconds between two of them
**   system.exec(path, arguments, changes?)             another program instead of this one: returns only what failed. The first argument
**                                                      is its own name; changes: variable -> text, or false for one that it shall not have
**   system.environment() -> table                      name -> value of every variable
**   system.outlive_pipes()                             a write into a pipe that nobody reads fails, and does not end the program
**   system.list(path) -> list                          of a folder, by name: { name, kind, size (bytes), modified (seconds since 1970) };
**                                                      kind: "file", "folder", "link" (one that leads nowhere), "other"
**   system.write_private(path, bytes) -> true          a new file that its owner alone may read; see private_file.h
**   system.make_private(path) -> true                  a folder of that kind, which may be there
**   system.listen(address, port) -> fd                 at a numeric address, see listener.h; the descriptor outlives exec
**   system.listen_private(path) -> fd                  at a socket that its owner alone may use
*/
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "../system/folder.h"
#include "../system/listener.h"
#include "../system/private_file.h"
#include "../system/program.h"
#include "../system/terminal.h"
#include "system_handle.h"
#include "system_result.h"

static int l_isatty(lua_State *L) {
  lua_pushboolean(L, isatty(ogl_lua_system_integer(L, 1, 0, INT_MAX)));
  return 1;
}

static int l_size(lua_State *L) {
  int columns, rows, problem = ogl_terminal_size(ogl_lua_system_integer(L, 1, 0, INT_MAX), &columns, &rows);
  if (problem) return ogl_lua_system_fail(L, problem);
  lua_pushinteger(L, columns);
  lua_pushinteger(L, rows);
  return 2;
}

/* Makes a list of C out of the list at 2, whose texts stay alive in it; leaves it on the stack. */
static char **arguments_of(lua_State *L) {
  luaL_checktype(L, 2, LUA_TTABLE);
  size_t n = lua_rawlen(L, 2);
  luaL_argcheck(L, n > 0 && n < INT_MAX, 2, "expected a list that begins with the program's name");
  char **list = lua_newuserdatauv(L, (n + 1) * sizeof *list, 0);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 2, (int)i + 1);
    list[i] = (char *)ogl_lua_system_text(L, -1, 2);
    lua_pop(L, 1);
  }
  list[n] = NULL;
  return list;
}

static size_t count_of(lua_State *L, int table) {
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) n++;
  return n;
}

/* Pushes the change that the name at -2 and the value at -1 say. */
static void push_change(lua_State *L) {
  const char *name = ogl_lua_system_text(L, -2, 3);
  luaL_argcheck(L, *name && !strchr(name, '='), 3, "no name of a variable");
  if (lua_isboolean(L, -1) && !lua_toboolean(L, -1)) lua_pushvalue(L, -2);
  else lua_pushfstring(L, "%s=%s", name, ogl_lua_system_text(L, -1, 3));
}

/* Makes a list of C out of the changes at 3. A table that is left on the stack keeps its texts alive. */
static const char **changes_of(lua_State *L) {
  int has_some = !lua_isnoneornil(L, 3);
  if (has_some) luaL_checktype(L, 3, LUA_TTABLE);
  size_t n = 0;
  const char **list = lua_newuserdatauv(L, ((has_some ? count_of(L, 3) : 0) + 1) * sizeof *list, 0);
  lua_newtable(L);
  int kept = lua_gettop(L);
  if (has_some) {
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
      push_change(L);
      list[n++] = lua_tostring(L, -1);
      lua_rawseti(L, kept, (int)n);
    }
  }
  list[n] = NULL;
  return list;
}

static int l_exec(lua_State *L) {
  const char *path = ogl_lua_system_text(L, 1, 1);
  lua_settop(L, 3);
  char **arguments = arguments_of(L);
  const char **changes = changes_of(L);
  return ogl_lua_system_fail(L, ogl_program_replace(path, arguments, changes));
}

static int l_environment(lua_State *L) {
  lua_newtable(L);
  for (char **one = ogl_program_environment(); one && *one; one++) {
    size_t n = strcspn(*one, "=");
    if (!(*one)[n]) continue;
    lua_pushlstring(L, *one, n);
    lua_pushstring(L, *one + n + 1);
    lua_rawset(L, -3);
  }
  return 1;
}

static int l_outlive_pipes(lua_State *L) {
  (void)L;
  ogl_program_outlive_pipes();
  return 0;
}

/* The entries live in a userdata while tables are made of them, so that an error of Lua leaks nothing. */
#define FOLDER "opengatellm.entries"

struct entries {
  struct ogl_lua_object object;
  struct ogl_folder folder;
};

static void release_entries(lua_State *L, void *self) {
  (void)L;
  ogl_folder_clear(&((struct entries *)self)->folder);
}

static void push_entry(lua_State *L, const struct ogl_folder_entry *e) {
  static const char *const kinds[] = { "file", "folder", "link", "other" };
  lua_createtable(L, 0, 4);
  lua_pushstring(L, e->name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, kinds[e->kind]);
  lua_setfield(L, -2, "kind");
  ogl_lua_push_int64(L, e->size);
  lua_setfield(L, -2, "size");
  lua_pushnumber(L, e->modified);
  lua_setfield(L, -2, "modified");
}

static int l_list(lua_State *L) {
  const char *path = ogl_lua_system_text(L, 1, 1);
  struct entries *u = ogl_lua_new(L, FOLDER, sizeof *u, release_entries);
  int problem = ogl_folder_read(&u->folder, path);
  if (problem) {
    ogl_folder_clear(&u->folder);
    return ogl_lua_system_fail(L, problem);
  }
  lua_createtable(L, (int)u->folder.n, 0);
  for (size_t i = 0; i < u->folder.n; i++) {
    push_entry(L, &u->folder.entries[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  ogl_folder_clear(&u->folder);
  return 1;
}

static int l_write_private(lua_State *L) {
  const char *path = ogl_lua_system_text(L, 1, 1);
  struct ogl_span bytes = ogl_lua_check_span(L, 2);
  return ogl_lua_system_done(L, ogl_private_file_write(path, bytes.p, bytes.n));
}

static int l_make_private(lua_State *L) {
  return ogl_lua_system_done(L, ogl_private_folder_make(ogl_lua_system_text(L, 1, 1)));
}

/* Returns a descriptor, or what failed. */
static int listening(lua_State *L, int fd, int problem) {
  if (problem) return ogl_lua_system_fail(L, problem);
  lua_pushinteger(L, fd);
  return 1;
}

static int l_listen(lua_State *L) {
  int fd = -1, port = ogl_lua_system_integer(L, 2, 0, 65535);
  int problem = ogl_listener_open(ogl_lua_system_text(L, 1, 1), port, &fd);
  return listening(L, fd, problem);
}

static int l_listen_private(lua_State *L) {
  int fd = -1, problem = ogl_listener_open_path(ogl_lua_system_text(L, 1, 1), &fd);
  return listening(L, fd, problem);
}

static const luaL_Reg functions[] = {
  { "isatty", l_isatty },
  { "size", l_size },
  { "raw", ogl_lua_raw_new },
  { "interrupts", ogl_lua_interrupts_new },
  { "responder", ogl_lua_responder_new },
  { "exec", l_exec },
  { "environment", l_environment },
  { "outlive_pipes", l_outlive_pipes },
  { "list", l_list },
  { "write_private", l_write_private },
  { "make_private", l_make_private },
  { "listen", l_listen },
  { "listen_private", l_listen_private },
  { NULL, NULL },
};

LUALIB_API int luaopen_opengatellm_system(lua_State *L);

LUALIB_API int luaopen_opengatellm_system(lua_State *L) {
  static const luaL_Reg none[] = { { NULL, NULL } };
  ogl_lua_class(L, FOLDER, none);
  ogl_lua_raw_class(L);
  ogl_lua_interrupts_class(L);
  ogl_lua_responder_class(L);
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
