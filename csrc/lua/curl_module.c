/* SPDX-License-Identifier: MIT
** curl_module.c - the module opengatellm.curl: HTTP exchanges on libcurl, and the clock that goes with waiting.
**
**   curl.multi() -> multi        see curl_multi.c
**   curl.now() -> seconds        monotonic, of arbitrary origin
**   curl.sleep(seconds) -> bool  false when a signal cut it short
**   curl.version() -> text       libcurl's own, with its TLS library
**   curl.write_private(path, bytes) -> true | nil, message       a new file that its owner alone may read; see private_file.h
*/
#include <string.h>

#include "../curl/clock.h"
#include "../curl/private_file.h"
#include "class.h"
#include "curl_multi.h"
#include "curl_transfer.h"

static int l_now(lua_State *L) {
  lua_pushnumber(L, ogl_clock_now());
  return 1;
}

static int l_sleep(lua_State *L) {
  lua_pushboolean(L, ogl_clock_sleep(luaL_checknumber(L, 1)));
  return 1;
}

static int l_version(lua_State *L) {
  lua_pushstring(L, curl_version());
  return 1;
}

static int l_write_private(lua_State *L) {
  size_t n;
  const char *path = luaL_checkstring(L, 1), *bytes = luaL_checklstring(L, 2, &n);
  int problem = ogl_private_file_write(path, bytes, n);
  if (problem) {
    lua_pushnil(L);
    lua_pushstring(L, strerror(problem));
    return 2;
  }
  lua_pushboolean(L, 1);
  return 1;
}

static const luaL_Reg functions[] = {
  { "multi", ogl_lua_multi_new },       { "now", l_now }, { "sleep", l_sleep }, { "version", l_version },
  { "write_private", l_write_private }, { NULL, NULL },
};

LUALIB_API int luaopen_opengatellm_curl(lua_State *L);

LUALIB_API int luaopen_opengatellm_curl(lua_State *L) {
  ogl_lua_multi_class(L);
  ogl_lua_transfer_class(L);
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
