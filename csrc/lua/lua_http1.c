/* SPDX-License-Identifier: MIT
** lua_http1.c - the parser of HTTP/1.1 answers for Lua; csrc/core/http1.h says what it takes and refuses.
**
**   core.http1(method) -> parser
**     parser:feed(bytes) -> state, body, rest    body: what came of it, or nil; rest: bytes behind the end, or nil
**     parser:pour(bytes, transcoder, now) -> state, out, ended, rest | nil, code, message
**                                                as feed, once the head is complete; the body goes into the transcoder without a string
**                                                of Lua, and out and ended are what that gives. The failure is the transcoder's
**     parser:finish() -> state                   the connection has ended
**     parser:head() -> status, headers           once; nil before it is complete
**     parser:problem() -> code, message          of the state "failed"
**     parser:progress() -> received, total       bytes of the body; total: nil where the head did not tell
**     parser:reusable() -> boolean               the connection may carry another exchange
**     parser:reset(method)                       for another answer, with the same memory
**     parser:close()
**
** A state is "head" (not complete yet), "body", "end" or "failed"; bytes that came before a failure are given with it. Header
** names are in lower case, repeats are joined with ", ", and `set-cookie` is a list.
*/
#include <string.h>

#include "../core/http1.h"
#include "header_table.h"
#include "lua_encoder.h"
#include "lua_parts.h"

#define HTTP1 "opengatellm.http1"

enum { BODY_BLOCK = 64 * 1024 }; /* an empty block up to this size is kept for the next bytes */

struct http1 {
  struct ogl_lua_object object;
  struct ogl_http1 h;
  struct ogl_buf body; /* come, not given: a memory error of Lua must lose nothing */
  int headed;          /* the head is complete */
  int open;
};

static struct http1 *to_http1(lua_State *L) { return ogl_lua_self(L, HTTP1); }

static int push_state(lua_State *L, const struct http1 *u, int code) {
  if (code < 0) lua_pushliteral(L, "failed");
  else if (code == OGL_HTTP1_END) lua_pushliteral(L, "end");
  else if (u->headed) lua_pushliteral(L, "body");
  else lua_pushliteral(L, "head");
  return 1;
}

static void push_body(lua_State *L, struct http1 *u) {
  if (!u->body.n) {
    lua_pushnil(L);
    return;
  }
  struct ogl_span bytes = ogl_buf_span(&u->body);
  ogl_lua_hold(u);
  lua_pushlstring(L, bytes.p, bytes.n);
  if (u->body.cap > BODY_BLOCK) ogl_buf_clear(&u->body);
  else ogl_buf_reset(&u->body);
  ogl_lua_let_go(L, u);
}

/* Reads all of *in that belongs to the answer. */
static int take(struct http1 *u, struct ogl_span *in) {
  struct ogl_span body;
  for (;;) {
    int code = ogl_http1_next(&u->h, in, &body);
    if (code == OGL_HTTP1_HEAD) u->headed = 1;
    else if (code != OGL_HTTP1_BODY) return code;
    else if (ogl_buf_append(&u->body, body.p, body.n)) return u->h.err = u->body.err;
  }
}

static int l_http1_feed(lua_State *L) {
  struct http1 *u = to_http1(L);
  struct ogl_span in = ogl_lua_check_span(L, 2);
  if (!u->open) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  int code = take(u, &in);
  push_state(L, u, code);
  push_body(L, u);
  if (code != OGL_HTTP1_END || !in.n) return 2;
  lua_pushlstring(L, in.p, in.n);
  return 3;
}

/* Feeds a transcoder with all of *in that belongs to the answer's body. *state: as `take` gives it. 0, or the transcoder's error. */
static int pour(struct http1 *u, struct ogl_span *in, void *transcoder, int *state) {
  struct ogl_span body = ogl_buf_span(&u->body); /* what a feed could not give */
  int code = body.n ? ogl_lua_transcoder_feed(transcoder, body) : 0;
  ogl_buf_reset(&u->body);
  while (code >= 0 && (*state = ogl_http1_next(&u->h, in, &body)) == OGL_HTTP1_BODY)
    code = ogl_lua_transcoder_feed(transcoder, body);
  return code < 0 ? code : 0;
}

static int l_http1_pour(lua_State *L) {
  struct http1 *u = to_http1(L);
  struct ogl_span in = ogl_lua_check_span(L, 2), none = { "", 0 };
  void *transcoder = ogl_lua_transcoder(L, 3, 4);
  int state = OGL_MORE;
  if (!u->open) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  if (!u->headed) return luaL_error(L, "pour: the head is not complete");
  int code = ogl_lua_transcoder_feed(transcoder, none); /* it may be closed, or have failed */
  if (code >= 0) code = pour(u, &in, transcoder, &state);
  if (code < 0) return ogl_lua_fail(L, code);
  push_state(L, u, state);
  ogl_lua_transcoder_push(L, transcoder);
  if (state != OGL_HTTP1_END || !in.n) return 3;
  lua_pushlstring(L, in.p, in.n);
  return 4;
}

static int l_http1_finish(lua_State *L) {
  struct http1 *u = to_http1(L);
  if (!u->open) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  return push_state(L, u, ogl_http1_finish(&u->h));
}

static int l_http1_problem(lua_State *L) {
  struct http1 *u = to_http1(L);
  int code = u->open ? u->h.err : OGL_ERR_CLOSED;
  const char *why = u->open ? u->h.why : NULL; /* a constant */
  if (!code) return 0;
  lua_pushstring(L, ogl_code_name(code));
  if (code == OGL_ERR_MALFORMED && why) lua_pushfstring(L, "%s: %s", ogl_code_text(code), why);
  else lua_pushstring(L, ogl_code_text(code));
  return 2;
}

static int l_http1_head(lua_State *L) {
  struct http1 *u = to_http1(L);
  if (!u->open || !u->headed) return 0;
  lua_pushinteger(L, u->h.status);
  ogl_lua_hold(u);
  ogl_lua_header_table(L, &u->h.lines, u->h.count);
  ogl_lua_let_go(L, u);
  return 2;
}

static int l_http1_progress(lua_State *L) {
  struct http1 *u = to_http1(L);
  int64_t total = u->open ? ogl_http1_length(&u->h) : -1;
  ogl_lua_push_int64(L, u->open ? u->h.received : 0);
  if (total < 0) return 1;
  ogl_lua_push_int64(L, total);
  return 2;
}

static int l_http1_reusable(lua_State *L) {
  struct http1 *u = to_http1(L);
  lua_pushboolean(L, u->open && ogl_http1_reusable(&u->h));
  return 1;
}

static int l_http1_reset(lua_State *L) {
  struct http1 *u = to_http1(L);
  struct ogl_span method = ogl_lua_check_span(L, 2);
  if (!u->open) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  ogl_http1_reset(&u->h, method);
  ogl_buf_reset(&u->body);
  u->headed = 0;
  lua_pushboolean(L, 1);
  return 1;
}

static void release(lua_State *L, void *self) {
  struct http1 *u = self;
  (void)L;
  if (!u->open) return;
  u->open = 0;
  ogl_http1_clear(&u->h);
  ogl_buf_clear(&u->body);
}

static int l_http1(lua_State *L) {
  struct ogl_span method = ogl_lua_check_span(L, 1);
  struct http1 *u = ogl_lua_new(L, HTTP1, sizeof *u, release);
  ogl_http1_init(&u->h, method);
  ogl_buf_init(&u->body, OGL_MAX_INPUT, OGL_ERR_FRAME);
  u->open = 1;
  return 1;
}

void ogl_lua_http1_open(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "feed", l_http1_feed },         { "pour", l_http1_pour },       { "finish", l_http1_finish },
    { "head", l_http1_head },         { "problem", l_http1_problem }, { "progress", l_http1_progress },
    { "reusable", l_http1_reusable }, { "reset", l_http1_reset },     { NULL, NULL },
  };
  ogl_lua_class(L, HTTP1, methods);
  lua_pushcfunction(L, l_http1);
  lua_setfield(L, -2, "http1");
}
