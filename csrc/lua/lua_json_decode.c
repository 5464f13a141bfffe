/* SPDX-License-Identifier: MIT
** lua_json_decode.c - see lua_json.h. The reader is the core's; nothing is held on the C heap while Lua may raise, for
** unescaped strings and packed numbers go through one userdata at a fixed place of the stack.
*/
#include <string.h>

#include "../core/base64.h"
#include "../core/json.h"
#include "../core/scan.h"
#include "../core/utf8.h"
#include "lua_json.h"

struct decode {
  struct ogl_json j;
  int scratch;  /* stack place of the userdata, nil at first */
  int array_mt; /* stack place of the metatable of empty arrays */
  size_t room;  /* bytes of the userdata */
  int lone;
  struct ogl_span pack;
  int marks; /* stack place of two tables: where each table begins and ends in the text; 0 where they are not wanted */
};

static int push_value(lua_State *L, struct decode *d);

static char *scratch(lua_State *L, struct decode *d, size_t n) {
  if (d->room < n) {
    d->room = n < 256 ? 256 : n;
    lua_newuserdatauv(L, d->room, 0);
    lua_replace(L, d->scratch);
  }
  return lua_touserdata(L, d->scratch);
}

static void push_text(lua_State *L, struct decode *d, struct ogl_json_text text) {
  if (OGL_LIKELY(!text.escaped)) {
    lua_pushlstring(L, text.raw.p, text.raw.n);
    return;
  }
  char *p = scratch(L, d, text.raw.n);
  lua_pushlstring(L, p, ogl_json_unescape(text, p, &d->lone));
}

static int push_string(lua_State *L, struct decode *d) {
  struct ogl_json_text text;
  if (ogl_json_string(&d->j, &text) != OGL_OK) return 0;
  push_text(L, d, text);
  return 1;
}

void ogl_lua_json_number(lua_State *L, const struct ogl_number *v) {
  if (v->is_integer) ogl_lua_push_int64(L, v->i);
  else lua_pushnumber(L, v->d);
}

static void push_raw(lua_State *L, const char *p, size_t n) {
  lua_createtable(L, 1, 0);
  lua_pushlstring(L, p, n);
  lua_rawseti(L, -2, 1);
  luaL_getmetatable(L, OGL_RAW_MT);
  lua_setmetatable(L, -2);
}

/* Whether this Lua has no number for the integer that stands there. */
static int is_beyond(const struct ogl_number *v, const char *p, const char *end) {
  static const int64_t exact = (int64_t)1 << 53;
  if (v->is_integer) return !OGL_HAS_INTEGERS && (v->i > exact || v->i < -exact);
  for (; p < end; p++)
    if (*p == '.' || *p == 'e' || *p == 'E') return 0;
  return 1;
}

static int push_scalar(lua_State *L, struct decode *d, int c) {
  struct ogl_number v;
  if (c == '0') {
    const char *p = d->j.p;
    if (ogl_json_number(&d->j, &v) != OGL_OK) return 0;
    if (d->marks && is_beyond(&v, p, d->j.p)) push_raw(L, p, (size_t)(d->j.p - p));
    else ogl_lua_json_number(L, &v);
    return 1;
  }
  if (ogl_json_literal(&d->j) != OGL_OK) return 0;
  if (c == 'n') lua_pushlightuserdata(L, NULL);
  else lua_pushboolean(L, c == 't');
  return 1;
}

/* Room for the array's items, if it is one of numbers: the commas before its closing bracket. It is only a hint, and none where another
   array begins before: each level of a nested one would reserve what only the innermost has. */
static size_t count_items(const struct ogl_json *j) {
  enum { FAR = 1 << 16 };
  const char *p = j->p, *end = j->end - p > FAR ? p + FAR : j->end;
  const char *close = memchr(p, ']', (size_t)(end - p));
  if (close) end = close;
  return memchr(p, '[', (size_t)(end - p)) ? 0 : ogl_scan_count(p, end, ',') + 1;
}

/* The next number of an array, where another one follows it: the short way through a vector. Anything else (the last one,
   white space, a mistake) is left to the usual way: 0, and the reader as it was. */
static inline int next_number(struct ogl_json *j, struct ogl_number *v) {
  const char *p = ogl_number_read(j->p, j->end, v);
  if (!p || j->end - p < 3 || *p++ != ',') return 0;
  if (*p == ' ') p++; /* Python's json.dumps */
  if (*p != '-' && (unsigned)(*p - '0') > 9) return 0;
  j->p = p;
  return 1;
}

static int push_array(lua_State *L, struct decode *d) {
  int n = 0, more;
  if (ogl_json_enter(&d->j, '[') < 0) return 0;
  int numbers = ogl_json_peek(&d->j) == '0' && !d->marks;
  struct ogl_number v;
  lua_createtable(L, numbers ? (int)count_items(&d->j) : 0, 0);
  while (numbers && next_number(&d->j, &v)) {
    ogl_lua_json_number(L, &v);
    lua_rawseti(L, -2, ++n);
  }
  while ((more = ogl_json_item(&d->j)) == OGL_OK) {
    if (!push_value(L, d)) return 0;
    lua_rawseti(L, -2, ++n);
  }
  if (more < 0) return 0;
  if (n == 0) {
    lua_pushvalue(L, d->array_mt);
    lua_setmetatable(L, -2);
  }
  return 1;
}

/* Writes the n-th float behind the others, which move where the hint was too small; their place. */
static inline char *put_float(lua_State *L, struct decode *d, char *out, size_t n, double v) {
  float f = (float)v;
  if (OGL_UNLIKELY((n + 1) * sizeof f > d->room)) {
    void *old = out;
    lua_pushvalue(L, d->scratch); /* the old bytes live on while they are copied */
    out = scratch(L, d, d->room * 2);
    memcpy(out, old, n * sizeof f);
    lua_pop(L, 1);
  }
  memcpy(out + n * sizeof f, &f, sizeof f);
  return out;
}

enum { FEW_FLOATS = 1024 };

/* An array of numbers as float32; 0, and the reader as it was, for anything else. */
static int push_packed(lua_State *L, struct decode *d) {
  struct ogl_json before = d->j;
  struct ogl_number v;
  size_t n = 0;
  int more;
  ogl_json_enter(&d->j, '[');
  char *out = scratch(L, d, FEW_FLOATS * sizeof(float)); /* grows with the first vector; the others have its length */
  ogl_json_peek(&d->j);
  while (next_number(&d->j, &v)) out = put_float(L, d, out, n++, v.d);
  while ((more = ogl_json_item(&d->j)) == OGL_OK) {
    if (ogl_json_peek(&d->j) != '0' || ogl_json_number(&d->j, &v) != OGL_OK) break;
    out = put_float(L, d, out, n++, v.d);
  }
  if (more != OGL_MORE) return d->j = before, 0;
  lua_pushlstring(L, out, n * sizeof(float));
  return 1;
}

/* Base64 as its bytes; 0, and the reader as it was, for anything else. */
static int push_bytes(lua_State *L, struct decode *d) {
  struct ogl_json before = d->j;
  struct ogl_json_text text;
  if (ogl_json_string(&d->j, &text) != OGL_OK) return 0;
  char *out = scratch(L, d, ogl_base64_decoded(text.raw.n));
  size_t n = ogl_base64_decode(text.raw.p, text.raw.n, out);
  if (n == (size_t)-1) return d->j = before, 0;
  lua_pushlstring(L, out, n);
  return 1;
}

/* An array of such arrays, each packed; 0, and the reader as it was, for anything else. */
static int push_several(lua_State *L, struct decode *d) {
  struct ogl_json before = d->j;
  int top = lua_gettop(L), n = 0, more;
  ogl_json_enter(&d->j, '[');
  lua_newtable(L);
  while ((more = ogl_json_item(&d->j)) == OGL_OK) {
    if (ogl_json_peek(&d->j) != '[' || !push_packed(L, d)) break;
    lua_rawseti(L, -2, ++n);
  }
  if (more == OGL_MORE) return 1;
  lua_settop(L, top);
  return d->j = before, 0;
}

/* A string that is no base64 becomes false: it may not pass for bytes. */
static int push_no_bytes(lua_State *L, struct decode *d) {
  struct ogl_json_text text;
  if (ogl_json_string(&d->j, &text) != OGL_OK) return 0;
  lua_pushboolean(L, 0);
  return 1;
}

/* A value under the key of `pack`. */
static int push_vector(lua_State *L, struct decode *d) {
  int c = ogl_json_peek(&d->j);
  if (c == '[') return push_packed(L, d) || push_several(L, d);
  return c == '"' && (push_bytes(L, d) || push_no_bytes(L, d));
}

static int push_object(lua_State *L, struct decode *d) {
  struct ogl_json_text key = { { "", 0 }, 0 };
  int more;
  if (ogl_json_enter(&d->j, '{') < 0) return 0;
  lua_newtable(L);
  while ((more = ogl_json_key(&d->j, &key.raw)) == OGL_OK) {
    key.escaped = memchr(key.raw.p, '\\', key.raw.n) != NULL;
    push_text(L, d, key);
    int pack = OGL_UNLIKELY(d->pack.n) && ogl_span_equal(key.raw, d->pack.p, d->pack.n);
    if (!(pack && push_vector(L, d)) && !push_value(L, d)) return 0;
    lua_rawset(L, -3);
  }
  return more == OGL_MORE;
}

/* Notes an end of the table on top, in bytes from 1. */
static void mark(lua_State *L, int place, size_t at) {
  lua_pushvalue(L, -1);
  ogl_lua_push_int64(L, (int64_t)at);
  lua_rawset(L, place);
}

static int push_value(lua_State *L, struct decode *d) {
  int c = ogl_json_peek(&d->j);
  if (c == '"') return push_string(L, d);
  if (c != '{' && c != '[') return push_scalar(L, d, c);
  luaL_checkstack(L, 6, "JSON");
  size_t from = (size_t)(d->j.p - d->j.start) + 1;
  if (!(c == '{' ? push_object(L, d) : push_array(L, d))) return 0;
  if (d->marks) {
    mark(L, d->marks, from);
    mark(L, d->marks + 1, (size_t)(d->j.p - d->j.start));
  }
  return 1;
}

/* See ogl_lua_json_push; `marks` is the `marks` of struct decode. */
static int push_whole(lua_State *L, struct ogl_span text, int wire, struct ogl_span pack, int marks, int *code,
                      size_t *at) {
  struct decode d;
  int top = lua_gettop(L);
  memset(&d, 0, sizeof d);
  d.pack = pack;
  d.marks = marks;
  luaL_checkstack(L, 8, "JSON");
  lua_pushnil(L);
  luaL_getmetatable(L, OGL_ARRAY_MT);
  d.scratch = top + 1;
  d.array_mt = top + 2;
  ogl_json_open(&d.j, text.p, text.n);
  size_t valid = ogl_utf8_valid(text.p, text.n);
  if (valid < text.n) d.j.err = OGL_ERR_UTF8, d.j.p += valid;
  int fine = push_value(L, &d) && ogl_json_end(&d.j) == OGL_OK;
  if (fine && d.lone && !wire) fine = 0, d.j.err = OGL_ERR_UTF8;
  if (!fine) {
    lua_settop(L, top);
    *code = d.j.err ? d.j.err : OGL_ERR_SYNTAX;
    *at = (size_t)(d.j.p - d.j.start);
    return 0;
  }
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
  return 1;
}

int ogl_lua_json_push(lua_State *L, struct ogl_span text, int wire, struct ogl_span pack, int *code, size_t *at) {
  return push_whole(L, text, wire, pack, 0, code, at);
}

void ogl_lua_json_value(lua_State *L, struct ogl_span text) {
  struct ogl_span none = { "", 0 };
  int code;
  size_t at;
  if (!ogl_lua_json_push(L, text, 1, none, &code, &at)) lua_pushlightuserdata(L, NULL);
}

/* decode(text [, pack [, from, to]]) -> value | nil, code, message. `pack` is a key: see lua_json.h. The tables `from` and `to` get
   the place of every table's first and last byte in the text; integers that this Lua cannot hold are raw text then. */
static int l_decode(lua_State *L) {
  struct ogl_span text = ogl_lua_check_span(L, 1), pack = { "", 0 };
  int code;
  size_t at;
  if (!lua_isnoneornil(L, 2)) pack = ogl_lua_check_span(L, 2);
  lua_settop(L, 4);
  int marks = lua_istable(L, 3) && lua_istable(L, 4) ? 3 : 0;
  if (push_whole(L, text, 0, pack, marks, &code, &at)) return 1;
  lua_pushnil(L);
  lua_pushstring(L, ogl_code_name(code));
  lua_pushfstring(L, "%s (byte %d)", ogl_code_text(code), (int)at + 1);
  return 3;
}

void ogl_lua_json_open(lua_State *L) {
  lua_pushcfunction(L, l_decode);
  lua_setfield(L, -2, "decode");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  luaL_newmetatable(L, OGL_ARRAY_MT);
  lua_setfield(L, -2, "array_mt");
  luaL_newmetatable(L, OGL_RAW_MT);
  lua_setfield(L, -2, "raw_mt");
  ogl_lua_json_open_encode(L);
}
