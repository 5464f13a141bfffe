/* SPDX-License-Identifier: MIT
** curl_failure.c - see curl_failure.h.
*/
#include "curl_failure.h"

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
