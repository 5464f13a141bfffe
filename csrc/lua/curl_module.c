/* SPDX-License-Identifier: MIT
** curl_module.c - the module opengatellm.curl: HTTP exchanges on libcurl, and the clock that goes with waiting.
**
**   curl.multi() -> multi        see curl_multi.c
**   curl.now() -> seconds        monotonic, of arbitrary origin
**   curl.sleep(seconds) -> bool  false when a signal cut it short
**   curl.version() -> text       libcurl's own, with its TLS library
*/
#include "../curl/clock.h"
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

static const luaL_Reg functions[] = {
  { "multi", ogl_lua_multi_new }, { "now", l_now }, { "sleep", l_sleep }, { "version", l_version }, { NULL, NULL },
};

LUALIB_API int luaopen_opengatellm_curl(lua_State *L);

LUALIB_API int luaopen_opengatellm_curl(lua_State *L) {
  ogl_lua_multi_class(L);
  ogl_lua_transfer_class(L);
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
