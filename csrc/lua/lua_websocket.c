/* SPDX-License-Identifier: MIT
** lua_websocket.c - the codec of RFC 6455 for Lua (../core/websocket.h says what it accepts).
**
**   core.websocket([max]) -> codec                        max: bytes of a message; default 32 MiB
**     codec:feed(bytes) -> true | nil, code, message
**     codec:next() -> kind, data [, code]                 kind: "text", "binary", "ping", "pong", or "close" with its code
**                   | nil                                 feed more; after a close: that was all
**                   | nil, code, message, close_code      sticky; close_code is the one to send, nil: none
**     codec:close()
**
**   core.websocket_frame(kind, payload, key [, code]) -> bytes     key: four bytes that cannot be foreseen, drawn for this frame;
**                                                                  code: of a close, whose payload is then the reason
**   core.websocket_accept(key) -> what a server answers to that Sec-WebSocket-Key
*/
#include <string.h>

#include "../core/mem.h"
#include "../core/websocket.h"
#include "lua_parts.h"

#define WEBSOCKET "opengatellm.websocket"

/* A small box, as that of a decoder. */
struct websocket {
  struct ogl_lua_object object;
  struct ogl_websocket *w; /* NULL: closed */
  struct ogl_websocket_item item;
  int waiting; /* `item` is not given yet: a memory error of Lua must lose nothing */
};

static struct websocket *to_websocket(lua_State *L) { return ogl_lua_self(L, WEBSOCKET); }

static int l_websocket_feed(lua_State *L) {
  struct websocket *u = to_websocket(L);
  struct ogl_span in = ogl_lua_check_span(L, 2);
  if (!u->w) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  if (u->waiting) return ogl_lua_fail(L, OGL_ERR_MEMORY); /* its bytes would move */
  int code = ogl_websocket_feed(u->w, in.p, in.n);
  if (code < 0) return ogl_lua_fail_text(L, ogl_code_name(code), u->w->problem); /* a constant */
  lua_pushboolean(L, 1);
  return 1;
}

static int fail(lua_State *L, const struct ogl_websocket *w) {
  int close_code = w->close_code; /* it may be closed while the texts are made */
  ogl_lua_fail_text(L, ogl_code_name(w->err), w->problem);
  if (close_code) lua_pushinteger(L, close_code);
  else lua_pushnil(L);
  return 4;
}

static const char *name_of(int kind) {
  switch (kind) {
    case OGL_WEBSOCKET_TEXT: return "text";
    case OGL_WEBSOCKET_BINARY: return "binary";
    case OGL_WEBSOCKET_PING: return "ping";
    case OGL_WEBSOCKET_PONG: return "pong";
    default: return "close";
  }
}

static int l_websocket_next(lua_State *L) {
  struct websocket *u = to_websocket(L);
  if (!u->w) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  if (!u->waiting) {
    int code = ogl_websocket_next(u->w, &u->item);
    if (code == OGL_MORE) return 0;
    if (code < 0) return fail(L, u->w);
    u->waiting = 1;
  }
  ogl_lua_hold(u);
  lua_pushstring(L, name_of(u->item.kind));
  lua_pushlstring(L, u->item.data.n ? u->item.data.p : "", u->item.data.n);
  u->waiting = 0;
  ogl_lua_let_go(L, u);
  if (u->item.kind != OGL_WEBSOCKET_CLOSE) return 2;
  lua_pushinteger(L, u->item.code);
  return 3;
}

static void release(lua_State *L, void *self) {
  struct websocket *u = self;
  (void)L;
  if (!u->w) return;
  ogl_websocket_clear(u->w);
  ogl_free(u->w);
  u->w = NULL;
  u->waiting = 0;
}

static int l_websocket(lua_State *L) {
  lua_Number max = luaL_optnumber(L, 1, 0);
  luaL_argcheck(L, max >= 0 && max <= OGL_MAX_INPUT, 1, "a number of bytes, at most 256 MiB");
  struct websocket *u = ogl_lua_new(L, WEBSOCKET, sizeof *u, release);
  u->w = ogl_realloc(NULL, sizeof *u->w);
  if (!u->w) return ogl_lua_fail(L, OGL_ERR_MEMORY);
  ogl_websocket_init(u->w, (size_t)max);
  return 1;
}

static int check_kind(lua_State *L) {
  static const char *const names[] = { "text", "binary", "close", "ping", "pong", NULL };
  static const int kinds[] = { OGL_WEBSOCKET_TEXT, OGL_WEBSOCKET_BINARY, OGL_WEBSOCKET_CLOSE, OGL_WEBSOCKET_PING,
                               OGL_WEBSOCKET_PONG };
  return kinds[luaL_checkoption(L, 1, NULL, names)];
}

/* Pushes the frame; its bytes are made in a userdata, so that an error of Lua leaks nothing. */
static int push_frame(lua_State *L, int kind, struct ogl_span payload, const char *key) {
  char *out = lua_newuserdatauv(L, OGL_WEBSOCKET_HEAD + payload.n, 0);
  lua_pushlstring(L, out, ogl_websocket_write(out, kind, payload, key));
  return 1;
}

static int l_websocket_frame(lua_State *L) {
  int kind = check_kind(L);
  struct ogl_span payload = ogl_lua_check_span(L, 2), key = ogl_lua_check_span(L, 3);
  luaL_argcheck(L, key.n == OGL_WEBSOCKET_KEY, 3, "four bytes");
  int has_code = kind == OGL_WEBSOCKET_CLOSE && !lua_isnoneornil(L, 4);
  size_t room = kind < OGL_WEBSOCKET_CLOSE ? payload.n : OGL_WEBSOCKET_CONTROL - (has_code ? 2u : 0u);
  luaL_argcheck(L, payload.n <= room, 2, "at most 125 bytes in a control frame");
  if (!has_code) return push_frame(L, kind, payload, key.p);
  lua_Integer code = luaL_checkinteger(L, 4);
  luaL_argcheck(L, code >= 0 && code < 5000 && ogl_websocket_may_send((int)code), 4, "a code that can be sent");
  char told[OGL_WEBSOCKET_CONTROL] = { (char)(code >> 8), (char)code };
  memcpy(told + 2, payload.p, payload.n);
  payload.p = told;
  payload.n += 2;
  return push_frame(L, kind, payload, key.p);
}

static int l_websocket_accept(lua_State *L) {
  char out[OGL_WEBSOCKET_ACCEPT];
  ogl_websocket_accept(ogl_lua_check_span(L, 1), out);
  lua_pushlstring(L, out, sizeof out);
  return 1;
}

void ogl_lua_websocket_open(lua_State *L) {
  static const luaL_Reg methods[] = { { "feed", l_websocket_feed }, { "next", l_websocket_next }, { NULL, NULL } };
  static const luaL_Reg functions[] = {
    { "websocket", l_websocket },
    { "websocket_frame", l_websocket_frame },
    { "websocket_accept", l_websocket_accept },
    { NULL, NULL },
  };
  ogl_lua_class(L, WEBSOCKET, methods);
  luaL_setfuncs(L, functions, 0);
}
