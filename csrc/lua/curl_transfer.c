/* SPDX-License-Identifier: MIT
** curl_transfer.c - the userdata opengatellm.transfer: one exchange.
**
**   transfer:wait(first, idle, slice) -> "ready" | "feed" | "again" | "stalled"     seconds; nil: without limit
**   transfer:await(first, idle, slice) -> nil, or as wait       nil: not yet, and multi:next gives its id when there is
**   transfer:id() -> number                                      of this one among those of its multi
**   transfer:head() -> status, headers | false | nil, failure       false: not yet
**   transfer:take() -> bytes | false | nil | nil, failure           false: none yet; nil alone: the end
**   transfer:pour(decoder) -> true | false | nil | nil, failure     the same; the bytes go into the decoder
**   transfer:feed(bytes | nil) -> true | nil, failure               nil: the body is complete
**   transfer:state() -> "active" | "done" | "failed", kind, code, message, phase, sent
**   transfer:progress() -> up, up_total | nil, down, down_total | nil
**   transfer:close()
**
** Only `wait` waits; it also serves the other exchanges of the multi. Bytes that came before a failure are given
** before it. A failure is nil, kind, code, message, phase, sent.
*/
#include <string.h>

#include "curl_failure.h"
#include "curl_options.h"
#include "curl_transfer.h"
#include "header_table.h"
#include "sink.h"

#define TRANSFER "opengatellm.transfer"

struct transfer {
  struct ogl_lua_object object;
  struct ogl_transfer *t; /* NULL: closed */
  int body;               /* reference of the request's body, which libcurl reads in place; LUA_NOREF: it needs none */
};

static struct transfer *to_transfer(lua_State *L) { return ogl_lua_self(L, TRANSFER); }

static void release_body(lua_State *L, struct transfer *u) {
  luaL_unref(L, LUA_REGISTRYINDEX, u->body);
  u->body = LUA_NOREF;
}

static void release(lua_State *L, void *self) {
  struct transfer *u = self;
  struct ogl_transfer *t = u->t;
  u->t = NULL;
  if (!t) return;
  ogl_transfer_free(t);
  release_body(L, u);
}

int ogl_lua_transfer_open(lua_State *L, struct ogl_multi *m, int raw) {
  struct ogl_options options;
  luaL_checktype(L, 2, LUA_TTABLE);
  if (!m) return ogl_lua_curl_closed(L, "multi");
  ogl_lua_curl_options(L, 2, &options);
  options.raw = raw;
  int body = lua_gettop(L);
  struct transfer *u = ogl_lua_new(L, TRANSFER, sizeof *u, release);
  u->body = LUA_NOREF;
  u->t = ogl_transfer_new(m);
  if (!u->t) return ogl_lua_curl_fail_text(L, OGL_FAILURE_LIMIT, "memory", "out of memory");
  if (!ogl_lua_curl_headers(L, 2, u->t))
    return ogl_lua_curl_fail_text(L, OGL_FAILURE_LIMIT, "memory",
                                  "the head of the request is above 1 MiB, or out of memory");
  lua_pushvalue(L, body);
  u->body = luaL_ref(L, LUA_REGISTRYINDEX); /* may raise, so before the transfer begins */
  if (ogl_transfer_start(u->t, &options)) return 1;
  int n = ogl_lua_curl_fail(L, &u->t->failure);
  release(L, u);
  return n;
}

static double limit(lua_State *L, int i) {
  double value = luaL_optnumber(L, i, -1);
  return value == value ? value : -1;
}

static int look(lua_State *L, enum ogl_transfer_news (*wait)(struct ogl_transfer *, const struct ogl_patience *)) {
  static const char *const news[] = { "ready", "feed", "again", "stalled", NULL };
  struct transfer *u = to_transfer(L);
  struct ogl_patience patience = { limit(L, 2), limit(L, 3), limit(L, 4) };
  if (!u->t) return ogl_lua_curl_closed(L, "exchange");
  lua_pushstring(L, news[wait(u->t, &patience)]);
  return 1;
}

static int l_transfer_wait(lua_State *L) { return look(L, ogl_transfer_wait); }

static int l_transfer_await(lua_State *L) { return look(L, ogl_transfer_await); }

static int l_transfer_id(lua_State *L) {
  struct transfer *u = to_transfer(L);
  lua_pushinteger(L, u->t ? (lua_Integer)u->t->member.id : 0);
  return 1;
}

/* Answers a question for what has not come: false while it still may, nil at the end, or the failure. */
static int nothing(lua_State *L, const struct ogl_transfer *t) {
  if (t->state == OGL_TRANSFER_FAILED) return ogl_lua_curl_fail(L, &t->failure);
  if (t->state == OGL_TRANSFER_ACTIVE) lua_pushboolean(L, 0);
  else lua_pushnil(L);
  return 1;
}

static int l_transfer_head(lua_State *L) {
  struct transfer *u = to_transfer(L);
  if (!u->t) return ogl_lua_curl_closed(L, "exchange");
  if (!u->t->head.complete) return nothing(L, u->t);
  lua_pushinteger(L, u->t->head.status);
  ogl_lua_hold(u);
  ogl_lua_header_table(L, &u->t->head.lines, u->t->head.count);
  ogl_transfer_head(u->t);                              /* given, now that nothing can be raised any more */
  if (ogl_transfer_delivered(u->t)) release_body(L, u); /* a long prompt is not kept while its answer streams */
  ogl_lua_let_go(L, u);
  return 2;
}

/* Peek, push, then consume: where there is no memory for the string, no byte is lost. */
static int l_transfer_take(lua_State *L) {
  struct transfer *u = to_transfer(L);
  if (!u->t) return ogl_lua_curl_closed(L, "exchange");
  struct ogl_span bytes = ogl_transfer_body(u->t);
  if (!bytes.n) return nothing(L, u->t);
  ogl_lua_hold(u);
  lua_pushlstring(L, bytes.p, bytes.n);
  ogl_transfer_consume(u->t, bytes.n);
  ogl_lua_let_go(L, u);
  return 1;
}

static int l_transfer_pour(lua_State *L) {
  struct transfer *u = to_transfer(L);
  lua_getfield(L, LUA_REGISTRYINDEX, OGL_LUA_SINK);
  const struct ogl_lua_sink *sink = lua_touserdata(L, -1);
  if (!sink || !luaL_testudata(L, 2, sink->class)) return luaL_argerror(L, 2, "a decoder is needed");
  if (ogl_lua_is_held(lua_touserdata(L, 2))) return luaL_argerror(L, 2, "it is in use");
  if (!u->t) return ogl_lua_curl_closed(L, "exchange");
  struct ogl_span bytes = ogl_transfer_piece(u->t);
  if (!bytes.n) return nothing(L, u->t);
  sink->feed(lua_touserdata(L, 2), bytes.p, bytes.n);
  ogl_transfer_consume(u->t, bytes.n);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_transfer_feed(lua_State *L) {
  struct transfer *u = to_transfer(L);
  size_t n = 0;
  const char *p = luaL_optlstring(L, 2, NULL, &n);
  if (!u->t) return ogl_lua_curl_closed(L, "exchange");
  int fed = p ? ogl_transfer_feed(u->t, p, n) : ogl_transfer_feed_end(u->t);
  if (!fed) return ogl_lua_curl_fail(L, &u->t->failure);
  lua_pushboolean(L, 1);
  return 1;
}

static int push_active(lua_State *L, const struct ogl_transfer *t) {
  static const char *const phases[] = { "connect", "send", "wait", "receive" };
  int phase = ogl_transfer_phase(t), sent = ogl_transfer_sent(t); /* it may be closed while a text is made */
  lua_pushliteral(L, "active");
  for (int i = 0; i < 3; i++) lua_pushnil(L);
  lua_pushstring(L, phases[phase]);
  lua_pushboolean(L, sent);
  return 6;
}

static int l_transfer_state(lua_State *L) {
  struct transfer *u = to_transfer(L);
  if (!u->t) {
    int n = ogl_lua_curl_closed(L, "exchange");
    lua_pushliteral(L, "failed");
    lua_replace(L, -n - 1);
    return n;
  }
  if (u->t->state == OGL_TRANSFER_ACTIVE) return push_active(L, u->t);
  int failed = u->t->state == OGL_TRANSFER_FAILED;
  struct ogl_failure failure = u->t->failure;
  lua_pushstring(L, failed ? "failed" : "done");
  return failed ? 1 + ogl_lua_curl_failure(L, &failure) : 1;
}

static void push_bytes(lua_State *L, int64_t n) {
  if (n < 0) lua_pushnil(L);
  else ogl_lua_push_int64(L, n);
}

static int l_transfer_progress(lua_State *L) {
  struct transfer *u = to_transfer(L);
  int64_t up[2], down[2];
  if (!u->t) return ogl_lua_curl_closed(L, "exchange");
  ogl_transfer_progress(u->t, up, down);
  push_bytes(L, up[0]);
  push_bytes(L, up[1]);
  push_bytes(L, down[0]);
  push_bytes(L, down[1]);
  return 4;
}

static int l_transfer_tostring(lua_State *L) {
  static const char *const states[] = { "new", "active", "done", "failed" };
  struct transfer *u = to_transfer(L);
  lua_pushfstring(L, TRANSFER " (%s)", u->t ? states[u->t->state] : "closed");
  return 1;
}

static const luaL_Reg methods[] = { { "wait", l_transfer_wait },
                                    { "await", l_transfer_await },
                                    { "id", l_transfer_id },
                                    { "head", l_transfer_head },
                                    { "take", l_transfer_take },
                                    { "pour", l_transfer_pour },
                                    { "feed", l_transfer_feed },
                                    { "state", l_transfer_state },
                                    { "progress", l_transfer_progress },
                                    { NULL, NULL } };

void ogl_lua_transfer_class(lua_State *L) {
  ogl_lua_class(L, TRANSFER, methods);
  ogl_lua_class_tostring(L, TRANSFER, l_transfer_tostring);
}
