/* SPDX-License-Identifier: MIT
** curl_module.c - the module opengatellm.curl: HTTP exchanges on libcurl, and the clock that goes with waiting.
**
**   curl.multi() -> multi        see curl_multi.c
**   curl.now() -> seconds        monotonic, of arbitrary origin
**   curl.sleep(seconds) -> bool  false when a signal cut it short
**   curl.version() -> text       libcurl's own, with its TLS library
*/
#include "../curl/clock.h"
#include "curl_lua.h"

void ogl_lua_curl_tostring(lua_State *L, const char *class, lua_CFunction tostring) {
  luaL_getmetatable(L, class);
  lua_pushcfunction(L, tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 1);
}

/* From a copy: while a text is made, a finalizer may close what has failed. */
int ogl_lua_curl_failure(lua_State *L, const struct ogl_failure *of) {
  struct ogl_failure failure = *of;
  lua_pushstring(L, ogl_failure_kind_name(failure.kind));
  lua_pushstring(L, failure.code);
  lua_pushstring(L, failure.message);
  lua_pushstring(L, failure.phase);
  lua_pushboolean(L, failure.sent);
  return 5;
}

int ogl_lua_curl_fail(lua_State *L, const struct ogl_failure *failure) {
  lua_pushnil(L);
  return 1 + ogl_lua_curl_failure(L, failure);
}

int ogl_lua_curl_fail_text(lua_State *L, enum ogl_failure_kind kind, const char *code, const char *message) {
  struct ogl_failure failure = { OGL_FAILURE_NONE, NULL, NULL, 0, "" };
  ogl_failure_set(&failure, kind, code, message);
  return ogl_lua_curl_fail(L, &failure);
}

int ogl_lua_curl_closed(lua_State *L, const char *what) {
  return ogl_lua_curl_fail_text(L, OGL_FAILURE_CLOSED, "closed", lua_pushfstring(L, "the %s is closed", what));
}

static int now(lua_State *L) {
  lua_pushnumber(L, ogl_clock_now());
  return 1;
}

static int sleep_seconds(lua_State *L) {
  lua_pushboolean(L, ogl_clock_sleep(luaL_checknumber(L, 1)));
  return 1;
}

static int version(lua_State *L) {
  lua_pushstring(L, curl_version());
  return 1;
}

static const luaL_Reg functions[] = {
  { "multi", ogl_lua_multi_new }, { "now", now }, { "sleep", sleep_seconds }, { "version", version }, { NULL, NULL }
};

LUALIB_API int luaopen_opengatellm_curl(lua_State *L);

LUALIB_API int luaopen_opengatellm_curl(lua_State *L) {
  ogl_lua_multi_class(L);
  ogl_lua_transfer_class(L);
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
