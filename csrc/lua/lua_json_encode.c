/* SPDX-License-Identifier: MIT
** lua_json_encode.c - Lua values to JSON; see lua_json.h.
**
** Keys go out sorted: the same request is the same bytes in every process, which prompt caches, signatures and tests count
** on. A table whose metatable has a list `__jsonorder` (dkjson's name for it) is an object with the keys of that list first. Metamethods
** are never called. An empty table is {} unless it is marked as an array (json.array_mt, or the marks of lua-cjson and its OpenResty
** branch, if that is loaded).
**
** The text grows in a buf that belongs to a userdata, so that an error of Lua leaks nothing: upvalue 1 of encode, which keeps its memory
** between calls; an encode inside of another (a finalizer's) has one of its own.
*/
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../core/json_write.h"
#include "lua_json.h"

#define BUFFER "opengatellm.buffer"

enum { KEPT = 1 << 16 }; /* bytes that the buffer keeps between calls */

struct buffer {
  struct ogl_lua_object object;
  struct ogl_buf b;
};

struct encode {
  lua_State *L;
  struct ogl_buf *b;
  struct buffer *held; /* that b is in */
  int depth;
  int repaired; /* bytes that are not UTF-8 became U+FFFD */
};

static void put_value(struct encode *e, int i);

/* Raises, and lets the buffer go before: one that an error left held is not given back where the collector runs deeper on the C stack. */
static int refuse(struct encode *e, const char *format, ...) {
  va_list arguments;
  ogl_lua_let_go(e->L, e->held);
  luaL_where(e->L, 1);
  va_start(arguments, format);
  lua_pushvfstring(e->L, format, arguments);
  va_end(arguments);
  lua_concat(e->L, 2);
  return lua_error(e->L);
}

static void put(struct encode *e, const char *text) { ogl_buf_text(e->b, text); }

static void put_string(struct encode *e, int i) {
  size_t n;
  const char *p = lua_tolstring(e->L, i, &n);
  e->repaired |= ogl_json_write_string(e->b, p, n);
}

static void put_number(struct encode *e, int i) {
  if (lua_isinteger(e->L, i)) {
    ogl_json_write_integer(e->b, (int64_t)lua_tointeger(e->L, i));
    return;
  }
  double v = lua_tonumber(e->L, i);
  if (!isfinite(v)) refuse(e, "cannot encode %s as JSON", isnan(v) ? "NaN" : "an infinite number");
  ogl_json_write_number(e->b, v);
}

/* Replaces the table on top by its field, or by nil. */
static void step_into(lua_State *L, const char *field) {
  if (lua_istable(L, -1)) {
    lua_pushstring(L, field);
    lua_rawget(L, -2);
  } else {
    lua_pushnil(L);
  }
  lua_remove(L, -2);
}

/* Whether the value at i is the field of a loaded module, or of a global table (`vim` is no module). Slow, and only
   asked for values that another module has marked. */
static int is_field_of(lua_State *L, int i, const char *module, const char *field) {
  int same = 0;
  i = lua_absindex(L, i);
  for (int global = 0; global < 2 && !same; global++) {
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    if (global) step_into(L, "_G");
    step_into(L, module);
    step_into(L, field);
    same = !lua_isnil(L, -1) && lua_rawequal(L, -1, i);
    lua_pop(L, 1);
  }
  return same;
}

/* Whether the metatable on top marks an array. */
static int marks_array(lua_State *L) {
  static const char *const modules[] = { "cjson", "cjson.safe" }, *const fields[] = { "array_mt", "empty_array_mt" };
  luaL_getmetatable(L, OGL_ARRAY_MT);
  int ours = lua_rawequal(L, -1, -2);
  lua_pop(L, 1);
  for (int m = 0; m < 2 && !ours; m++)
    for (int f = 0; f < 2 && !ours; f++) ours = is_field_of(L, -1, modules[m], fields[f]);
  return ours;
}

static int is_raw(lua_State *L) {
  luaL_getmetatable(L, OGL_RAW_MT);
  int raw = lua_rawequal(L, -1, -2);
  lua_pop(L, 1);
  return raw;
}

/* --- tables --------------------------------------------------------------------------------------------------- */

/* The highest index if all keys are positive integers and few are missing, -1 where it is an object. */
static int array_length(struct encode *e, int i) {
  double max = 0;
  int n = 0;
  lua_pushnil(e->L);
  while (lua_next(e->L, i)) {
    lua_pop(e->L, 1);
    double k = lua_type(e->L, -1) == LUA_TNUMBER ? lua_tonumber(e->L, -1) : 0;
    if (k < 1 || k != floor(k)) {
      lua_pop(e->L, 1);
      return -1;
    }
    if (k > max) max = k;
    n++;
  }
  if (max > 10 && max > 2.0 * n) refuse(e, "cannot encode a sparse array as JSON (%d of %f items)", n, max);
  return (int)max;
}

static void put_array(struct encode *e, int i, int n) {
  put(e, "[");
  for (int k = 1; k <= n; k++) {
    if (k > 1) put(e, ",");
    lua_rawgeti(e->L, i, k);
    if (lua_isnil(e->L, -1)) put(e, "null");
    else put_value(e, lua_gettop(e->L));
    lua_pop(e->L, 1);
  }
  put(e, "]");
}

enum { FEW = 24 }; /* keys that are sorted on the C stack */

/* A key, and where it is kept: a finalizer may take it out of its table while the table is written. */
struct key {
  const char *p;
  size_t n;
  int at;   /* place on the stack, or in the table of many keys */
  int rank; /* place in the order that the object has; after all of those where it is not in it */
};

static int compare(const void *a, const void *b) {
  const struct key *x = a, *y = b;
  if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
  int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
  return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* The place of the key on top in an order; `ranks` is the stack place of its table, 0 for none. */
static int rank_of(lua_State *L, int ranks) {
  if (!ranks) return 0;
  lua_pushvalue(L, -1);
  lua_rawget(L, ranks);
  int rank = lua_isnil(L, -1) ? INT_MAX : (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return rank;
}

/* Reads the key on top. */
static void read_key(struct encode *e, struct key *key, int at, int ranks) {
  lua_State *L = e->L;
  if (lua_type(L, -1) != LUA_TSTRING)
    refuse(e, "cannot encode a table with string and %s keys as JSON", luaL_typename(L, -1));
  key->p = lua_tolstring(L, -1, &key->n);
  key->at = at;
  key->rank = rank_of(L, ranks);
}

/* Fills `keys` from the table at i, and leaves them on the stack; how many there are, or -1 where they are more than FEW. */
static int few_keys(struct encode *e, int i, struct key *keys, int ranks) {
  lua_State *L = e->L;
  int n = 0, top = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, i); n++) {
    if (n == FEW) return lua_settop(L, top), -1;
    lua_pop(L, 1);
    read_key(e, &keys[n], lua_gettop(L), ranks);
    lua_pushvalue(L, -1);
  }
  return n;
}

/* The keys of a large table, in a userdata; the stack gets that, and on it the list of them. */
static struct key *many_keys(struct encode *e, int i, int *n, int ranks) {
  lua_State *L = e->L;
  int k = 0;
  for (*n = 0, lua_pushnil(L); lua_next(L, i); ++*n) lua_pop(L, 1);
  struct key *keys = lua_newuserdatauv(L, (size_t)*n * sizeof *keys, 0);
  lua_createtable(L, *n, 0);
  int list = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, i);) {
    lua_pop(L, 1);
    if (k == *n) refuse(e, "cannot encode as JSON: the table was changed while it was written");
    read_key(e, &keys[k], k + 1, ranks);
    lua_pushvalue(L, -1);
    lua_rawseti(L, list, ++k);
  }
  *n = k;
  return keys;
}

static void sort_keys(struct key *keys, int n) {
  if (n > FEW) {
    qsort(keys, (size_t)n, sizeof *keys, compare);
    return;
  }
  for (int i = 1; i < n; i++) { /* by insertion: a handful, often in order */
    struct key key = keys[i];
    int k = i;
    for (; k && compare(&key, &keys[k - 1]) < 0; k--) keys[k] = keys[k - 1];
    keys[k] = key;
  }
}

/* `ranks`: stack place of a table from keys to their places in the order; 0 where the keys are sorted. */
static void put_object(struct encode *e, int i, int ranks) {
  struct key few[FEW], *keys = few;
  int top = lua_gettop(e->L), n = few_keys(e, i, few, ranks), many = n < 0;
  if (many) keys = many_keys(e, i, &n, ranks);
  int list = lua_gettop(e->L);
  sort_keys(keys, n);
  put(e, "{");
  for (int k = 0; k < n; k++) {
    if (k) put(e, ",");
    e->repaired |= ogl_json_write_string(e->b, keys[k].p, keys[k].n);
    put(e, ":");
    if (many) lua_rawgeti(e->L, list, keys[k].at);
    else lua_pushvalue(e->L, keys[k].at);
    lua_rawget(e->L, i);
    put_value(e, lua_gettop(e->L));
    lua_pop(e->L, 1);
  }
  put(e, "}");
  lua_settop(e->L, top);
}

/* Replaces the metatable on top by a table from keys to their places, where it has a list `__jsonorder`; 0, and nothing changed, else. */
static int order_of(struct encode *e) {
  lua_State *L = e->L;
  lua_pushliteral(L, "__jsonorder");
  lua_rawget(L, -2);
  if (!lua_istable(L, -1)) return lua_pop(L, 1), 0;
  int n = (int)lua_rawlen(L, -1);
  lua_createtable(L, 0, n);
  for (int k = 1; k <= n; k++) {
    lua_rawgeti(L, -2, k);
    if (lua_type(L, -1) != LUA_TSTRING) refuse(e, "cannot encode as JSON: __jsonorder has a %s", luaL_typename(L, -1));
    lua_pushinteger(L, k);
    lua_rawset(L, -3);
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
  return 1;
}

/* A table with a metatable: raw text, or marked as an array, or an object with an order, or like any other. 1 where it was written. */
static int put_marked(struct encode *e, int i) {
  int array, raw;
  if (!lua_getmetatable(e->L, i)) return 0;
  if (order_of(e)) {
    put_object(e, i, lua_gettop(e->L));
    lua_pop(e->L, 1);
    return 1;
  }
  raw = is_raw(e->L);
  array = !raw && marks_array(e->L);
  lua_pop(e->L, 1);
  if (raw) {
    size_t n;
    lua_rawgeti(e->L, i, 1);
    const char *p = lua_tolstring(e->L, -1, &n);
    if (p) ogl_buf_append(e->b, p, n);
    lua_pop(e->L, 1);
  } else if (array) {
    int n = array_length(e, i);
    put_array(e, i, n < 0 ? (int)lua_rawlen(e->L, i) : n);
  }
  return raw || array;
}

static void put_table(struct encode *e, int i) {
  if (++e->depth > OGL_MAX_DEPTH) refuse(e, "cannot encode as JSON: nested deeper than %d levels", OGL_MAX_DEPTH);
  luaL_checkstack(e->L, FEW + 12, "JSON");
  if (!put_marked(e, i)) {
    int n = array_length(e, i);
    if (n > 0) put_array(e, i, n);
    else put_object(e, i, 0);
  }
  e->depth--;
}

/* Writes a marked value of another module: null, an array of cjson, vim.NIL. */
static void put_userdata(struct encode *e, int i) {
  if (lua_touserdata(e->L, i) == NULL || is_field_of(e->L, i, "vim", "NIL")) put(e, "null");
  else if (is_field_of(e->L, i, "cjson", "empty_array") || is_field_of(e->L, i, "cjson.safe", "empty_array"))
    put(e, "[]");
  else refuse(e, "cannot encode a %s as JSON", luaL_typename(e->L, i));
}

static void put_value(struct encode *e, int i) {
  switch (lua_type(e->L, i)) {
    case LUA_TSTRING: put_string(e, i); break;
    case LUA_TNUMBER: put_number(e, i); break;
    case LUA_TBOOLEAN: put(e, lua_toboolean(e->L, i) ? "true" : "false"); break;
    case LUA_TTABLE: put_table(e, i); break;
    case LUA_TLIGHTUSERDATA:
    case LUA_TUSERDATA: put_userdata(e, i); break;
    case LUA_TNIL: put(e, "null"); break;
    default: refuse(e, "cannot encode a %s as JSON", luaL_typename(e->L, i));
  }
}

static void release_buffer(lua_State *L, void *self) {
  struct buffer *u = self;
  (void)L;
  ogl_buf_clear(&u->b);
}

static struct buffer *new_buffer(lua_State *L) {
  struct buffer *u = ogl_lua_new(L, BUFFER, sizeof *u, release_buffer);
  ogl_buf_init(&u->b, OGL_MAX_INPUT, OGL_ERR_BODY);
  return u;
}

/* encode(value) -> text [, true where bytes that are not UTF-8 became U+FFFD]. What JSON cannot hold raises. */
static int l_encode(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  struct buffer *u = lua_touserdata(L, lua_upvalueindex(1));
  if (ogl_lua_is_held(u)) u = new_buffer(L);
  struct encode e = { L, &u->b, u, 0, 0 };
  ogl_buf_reset(e.b);
  ogl_lua_hold(u);
  put_value(&e, 1);
  if (e.b->err) return refuse(&e, "cannot encode as JSON: %s", ogl_code_text(e.b->err));
  struct ogl_span text = ogl_buf_span(e.b);
  lua_pushlstring(L, text.p, text.n);
  if (e.b->cap > KEPT) ogl_buf_clear(e.b);
  ogl_lua_let_go(L, u);
  if (!e.repaired) return 1;
  lua_pushboolean(L, 1);
  return 2;
}

/* raw(text) -> a value that encode writes as it is. */
static int l_raw(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  luaL_getmetatable(L, OGL_RAW_MT);
  lua_setmetatable(L, -2);
  return 1;
}

void ogl_lua_json_open_encode(lua_State *L) {
  static const luaL_Reg none[] = { { NULL, NULL } };
  ogl_lua_class(L, BUFFER, none);
  new_buffer(L);
  lua_pushcclosure(L, l_encode, 1);
  lua_setfield(L, -2, "encode");
  lua_pushcfunction(L, l_raw);
  lua_setfield(L, -2, "raw");
}
