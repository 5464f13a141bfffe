/* SPDX-License-Identifier: MIT
** lua_bytes.c - strings that hold more than text: base64, packed vectors, error bodies.
**
**   core.base64_encode(bytes) -> text             core.base64_decode(text) -> bytes | nil
**   core.floats(bytes) -> list of numbers         a string of float32 in the machine's byte order
**   core.finite(list | floats) -> boolean         whether all of it are numbers, and finite
**   core.fault(json) -> message, type, code       an error body in any of the forms of fault.h
**   core.usage(json) -> usage | nil               a usage object of Chat Completions, as in a reply
**   core.utf8_repair(bytes) -> text               invalid parts become U+FFFD
**   core.sha256(bytes) -> text                    64 hexadecimal digits
*/
#include <string.h>

#include "../core/base64.h"
#include "../core/fault.h"
#include "../core/sha256.h"
#include "../core/utf8.h"
#include "../protocol/openai_chat_state.h"
#include "lua_event.h"
#include "lua_parts.h"

static int l_base64_encode(lua_State *L) {
  struct ogl_span bytes = ogl_lua_check_span(L, 1);
  char *out = lua_newuserdatauv(L, ogl_base64_encoded(bytes.n) + 1, 0);
  lua_pushlstring(L, out, ogl_base64_encode(bytes.p, bytes.n, out));
  return 1;
}

static int l_base64_decode(lua_State *L) {
  struct ogl_span text = ogl_lua_check_span(L, 1);
  char *out = lua_newuserdatauv(L, ogl_base64_decoded(text.n), 0);
  size_t len = ogl_base64_decode(text.p, text.n, out);
  if (len == (size_t)-1) return 0;
  lua_pushlstring(L, out, len);
  return 1;
}

static int l_sha256(lua_State *L) {
  static const char digits[] = "0123456789abcdef";
  struct ogl_span bytes = ogl_lua_check_span(L, 1);
  char hash[OGL_SHA256_BYTES], out[2 * OGL_SHA256_BYTES];
  ogl_sha256(bytes.p, bytes.n, hash);
  for (size_t i = 0; i < sizeof hash; i++) {
    out[2 * i] = digits[(unsigned char)hash[i] >> 4];
    out[2 * i + 1] = digits[hash[i] & 15];
  }
  lua_pushlstring(L, out, sizeof out);
  return 1;
}

static int l_floats(lua_State *L) {
  float f;
  struct ogl_span bytes = ogl_lua_check_span(L, 1);
  lua_createtable(L, (int)(bytes.n / sizeof f), 0);
  for (size_t i = 0; i < bytes.n / sizeof f; i++) {
    memcpy(&f, bytes.p + i * sizeof f, sizeof f);
    lua_pushnumber(L, f);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

static int is_finite(double v) { return v - v == 0; }

static int finite_bytes(const char *p, size_t n) {
  float f;
  for (size_t i = 0; i + sizeof f <= n; i += sizeof f) {
    memcpy(&f, p + i, sizeof f);
    if (!is_finite(f)) return 0;
  }
  return 1;
}

/* Whether a list holds numbers alone, or a string floats alone, and all of them finite. */
static int l_finite(lua_State *L) {
  size_t n;
  int all = 1;
  if (lua_type(L, 1) == LUA_TSTRING) {
    const char *p = lua_tolstring(L, 1, &n);
    lua_pushboolean(L, finite_bytes(p, n));
    return 1;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  n = lua_rawlen(L, 1);
  for (size_t i = 1; i <= n && all; i++) {
    lua_rawgeti(L, 1, (int)i);
    all = lua_type(L, -1) == LUA_TNUMBER && is_finite(lua_tonumber(L, -1));
    lua_pop(L, 1);
  }
  lua_pushboolean(L, all);
  return 1;
}

/* The queue that the texts are unescaped into lives in a userdata, so that an error of Lua leaks nothing. */
#define QUEUE "opengatellm.queue"

struct queue {
  struct ogl_lua_object object;
  struct ogl_queue q;
};

static void release_queue(lua_State *L, void *self) {
  struct queue *u = self;
  (void)L;
  ogl_queue_clear(&u->q);
}

static int l_fault(lua_State *L) {
  struct ogl_span json = ogl_lua_check_span(L, 1);
  struct ogl_event e;
  struct queue *u = ogl_lua_new(L, QUEUE, sizeof *u, release_queue);
  struct ogl_queue *q = &u->q;
  ogl_queue_init(q);
  ogl_queue_begin(q, json.n);
  memset(&e, 0, sizeof e);
  ogl_fault_read(q, json, &e);
  ogl_lua_push_or_nil(L, e.a);
  ogl_lua_push_or_nil(L, e.b);
  ogl_lua_push_or_nil(L, e.c);
  ogl_queue_clear(q);
  return 3;
}

static int l_usage(lua_State *L) {
  struct ogl_usage sent = { 0, { 0 } }, usage;
  struct ogl_span json = ogl_lua_check_span(L, 1);
  if (!ogl_chat_read_usage(json, &sent, &usage)) return 0;
  ogl_lua_usage_push(L, &usage);
  return 1;
}

#define REPAIRED "opengatellm.repaired"

struct repaired {
  struct ogl_lua_object object;
  struct ogl_buf b;
};

static void release_repaired(lua_State *L, void *self) {
  struct repaired *u = self;
  (void)L;
  ogl_buf_clear(&u->b);
}

static int l_utf8_repair(lua_State *L) {
  struct ogl_span bytes = ogl_lua_check_span(L, 1);
  if (ogl_utf8_valid(bytes.p, bytes.n) == bytes.n) {
    lua_settop(L, 1);
    return 1;
  }
  struct repaired *u = ogl_lua_new(L, REPAIRED, sizeof *u, release_repaired);
  struct ogl_buf *b = &u->b;
  ogl_buf_init(b, OGL_MAX_INPUT, OGL_ERR_FRAME);
  if (ogl_utf8_repair(b, bytes.p, bytes.n)) return ogl_lua_fail(L, b->err);
  lua_pushlstring(L, ogl_buf_span(b).p, b->n);
  ogl_buf_clear(b);
  return 1;
}

void ogl_lua_bytes_open(lua_State *L) {
  static const luaL_Reg none[] = { { NULL, NULL } }, functions[] = {
    { "base64_encode", l_base64_encode },
    { "base64_decode", l_base64_decode },
    { "floats", l_floats },
    { "finite", l_finite },
    { "fault", l_fault },
    { "usage", l_usage },
    { "utf8_repair", l_utf8_repair },
    { "sha256", l_sha256 },
    { NULL, NULL },
  };
  ogl_lua_class(L, QUEUE, none);
  ogl_lua_class(L, REPAIRED, none);
  luaL_setfuncs(L, functions, 0);
}
