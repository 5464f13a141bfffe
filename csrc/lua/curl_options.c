/* SPDX-License-Identifier: MIT
** curl_options.c - the request table of multi:open, which is the request of transport/init.lua.
**
**   method       text                    url       text, http or https
**   headers      list of {name, value}   stream    bool
**   body         nil, text, or a table: the body is fed, and its field `length` says how much it will be, if known
**   max_body     bytes, ceiling of a whole answer, decoded
**   timeouts     { connect, total } in seconds; the others are given to transfer:wait
**   tls          { verify, ca_file, cert_file, key_file, key_password }
**   proxy, no_proxy, unix_socket    text
**
** Every string that was read stays on the stack until the call ends, so that pointers into it stay valid as long.
*/
#include <string.h>

#include "curl_options.h"
#include "typed_field.h"

enum { STRINGS = 16, SOME = 8 }; /* stack places: strings that stay, and what comes and goes */

/* 0 where the field is nil. */
static int positive(lua_State *L, int i, const char *key, double *value) {
  if (!ogl_lua_typed_push(L, i, key, LUA_TNUMBER)) return 0;
  *value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (!(*value >= 0)) luaL_error(L, "field '%s': expected a number that is not negative", key);
  return 1;
}

/* 0 means none to libcurl; to a user it means: at once. */
static double seconds(lua_State *L, int i, const char *key) {
  double value;
  if (!positive(L, i, key, &value)) return 0;
  return value > 0 ? value : 1e-3;
}

static int64_t bytes(lua_State *L, int i, const char *key, int64_t otherwise) {
  double value;
  if (!positive(L, i, key, &value)) return otherwise;
  return value < 9e15 ? (int64_t)value : (int64_t)9e15;
}

static void read_body(lua_State *L, int i, struct ogl_options *o) {
  size_t n = 0;
  lua_getfield(L, i, "body");
  int body = lua_gettop(L);
  if (lua_type(L, body) == LUA_TSTRING) {
    o->body = OGL_BODY_BYTES;
    o->bytes = lua_tolstring(L, body, &n);
    o->length = (int64_t)n;
  } else if (lua_istable(L, body)) {
    o->body = OGL_BODY_FED;
    o->length = bytes(L, body, "length", -1);
  } else if (!lua_isnil(L, body)) {
    luaL_error(L, "field 'body': expected string or table, got %s", luaL_typename(L, body));
  }
}

static void read_timeouts(lua_State *L, int i, struct ogl_options *o) {
  if (!ogl_lua_typed_push(L, i, "timeouts", LUA_TTABLE)) return;
  int timeouts = lua_gettop(L);
  o->connect = seconds(L, timeouts, "connect");
  o->total = seconds(L, timeouts, "total");
}

static void read_tls(lua_State *L, int i, struct ogl_options *o) {
  if (!ogl_lua_typed_push(L, i, "tls", LUA_TTABLE)) return;
  int tls = lua_gettop(L);
  o->verify = ogl_lua_typed_flag(L, tls, "verify", 1);
  o->ca_file = o->proxy_ca_file = ogl_lua_typed_text(L, tls, "ca_file", NULL);
  o->cert_file = ogl_lua_typed_text(L, tls, "cert_file", NULL);
  o->key_file = ogl_lua_typed_text(L, tls, "key_file", NULL);
  o->key_password = ogl_lua_typed_text(L, tls, "key_password", NULL);
}

void ogl_lua_curl_options(lua_State *L, int i, struct ogl_options *o) {
  luaL_checkstack(L, STRINGS + SOME, "request");
  ogl_options_init(o);
  o->method = ogl_lua_typed_text(L, i, "method", "GET");
  o->url = ogl_lua_typed_text(L, i, "url", "");
  o->stream = ogl_lua_typed_flag(L, i, "stream", 0);
  o->max_body = bytes(L, i, "max_body", 0);
  o->proxy = ogl_lua_typed_text(L, i, "proxy", NULL);
  o->no_proxy = ogl_lua_typed_text(L, i, "no_proxy", NULL);
  o->unix_socket = ogl_lua_typed_text(L, i, "unix_socket", NULL);
  read_timeouts(L, i, o);
  read_tls(L, i, o);
  ogl_options_environment(o);
  read_body(L, i, o);
}

/* One half of the pair on the top of the stack. The span is good while the pair is. */
static struct ogl_span half(lua_State *L, int which, int position) {
  struct ogl_span span;
  lua_rawgeti(L, -1, which);
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "field 'headers': entry %d holds a %s, expected {name, value}", position, luaL_typename(L, -1));
  span.p = lua_tolstring(L, -1, &span.n);
  lua_pop(L, 1);
  return span;
}

/* 0 without memory. */
static int add_pair(lua_State *L, struct ogl_transfer *t, int position) {
  if (!lua_istable(L, -1))
    luaL_error(L, "field 'headers': entry %d is a %s, expected {name, value}", position, luaL_typename(L, -1));
  struct ogl_span name = half(L, 1, position), value = half(L, 2, position);
  enum ogl_headers_result result = ogl_transfer_header(t, name, value);
  if (result == OGL_HEADERS_NAME)
    luaL_error(L, "field 'headers': the name of entry %d is not a token of HTTP", position);
  if (result == OGL_HEADERS_VALUE)
    luaL_error(L, "field 'headers': the value of '%s' holds a line end, a NUL or another control byte", name.p);
  return result != OGL_HEADERS_MEMORY;
}

int ogl_lua_curl_headers(lua_State *L, int i, struct ogl_transfer *t) {
  int added = 1;
  if (!ogl_lua_typed_push(L, i, "headers", LUA_TTABLE)) return 1;
  int n = (int)lua_rawlen(L, -1);
  for (int position = 1; position <= n && added; position++) {
    lua_rawgeti(L, -1, position);
    added = add_pair(L, t, position);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return added;
}
