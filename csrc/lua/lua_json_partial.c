/* SPDX-License-Identifier: MIT
** lua_json_partial.c - the JSON value of a text that is still coming (../core/json_finder.h says which text is the value).
**
**   core.partial { limit = bytes, list = name } -> reader     both may be absent: limit is 64 MiB then
**     reader:feed(text) -> true | nil, code, message          codes: syntax, utf8, depth, reply (above the limit), memory, closed
**     reader:value([exact]) -> the value so far | nil         nil: nothing has come of it
**     reader:count() -> complete elements of the list: the array that is the value, or the value's member `list`
**     reader:complete() -> whether the value has ended
**     reader:finish() -> true | nil, code, message            the text has ended; also code incomplete; a number at the end counts then
**     reader:close()
**
** The value is one table that grows in place, and so is each table in it; the reader counts on what it has put there. It has what
** core.decode gives for the same text. What is fed waits as steps until `value` or `count` takes them: feeding makes no value of Lua, and
** the string that has not ended becomes one only in `value`. Above 16 KiB it becomes one anew when it has grown by a 256th, so that a
** large one does not cost the square of its size; with `exact`, at its end and behind `finish` all of it is there.
**
** The error is sticky, and the value so far stays. Where Lua has no memory for a step, it is taken the next time.
*/
#include <string.h>

#include "../core/json_finder.h"
#include "../core/mem.h"
#include "lua_json.h"
#include "lua_parts.h"

#define PARTIAL "opengatellm.partial"

enum {
  NO_LIST = -1,
  LARGE = 16 * 1024, /* bytes of a string that is copied anew for every delta: about as long as an event takes */
  GROWTH = 256       /* a larger one is copied when it has grown by this part */
};

struct reader {
  struct ogl_json_finder finder;
  struct ogl_span list;              /* a name behind the struct, in the same block */
  int depth;                         /* open tables */
  uint32_t items[OGL_MAX_DEPTH + 1]; /* of the open array at each depth, from 1 on */
  size_t shown;                      /* bytes of the open string that its table has, plus 1; 0: it has none of it */
  int counted;                       /* the depth of the list that is open, or NO_LIST */
  uint32_t count;
};

/* A small box, as that of a decoder. */
struct partial {
  struct ogl_lua_object object;
  struct reader *r; /* NULL: closed */
  int tables;       /* reference of a table: the value, and the open tables below it, by their depth */
};

static struct partial *to_partial(lua_State *L) { return ogl_lua_self(L, PARTIAL); }

/* --- steps ---------------------------------------------------------------------------------------------------------- */

static void push_scalar(lua_State *L, const struct ogl_json_step *step) {
  struct ogl_number v;
  switch (step->kind) {
    case OGL_JSON_STRING: lua_pushlstring(L, step->text.n ? step->text.p : "", step->text.n); break;
    case OGL_JSON_NUMBER:
      ogl_number_read(step->text.p, step->text.p + step->text.n, &v);
      ogl_lua_json_number(L, &v);
      break;
    case OGL_JSON_NULL: lua_pushlightuserdata(L, NULL); break;
    default: lua_pushboolean(L, step->kind == OGL_JSON_TRUE);
  }
}

/* An array has the metatable of empty ones until its first element comes. */
static void set_array(lua_State *L, int is_empty) {
  if (is_empty) luaL_getmetatable(L, OGL_ARRAY_MT);
  else lua_pushnil(L);
  lua_setmetatable(L, -2);
}

/* Puts the value on top where it belongs, and takes it from the stack. `tables` is the place of the tables. */
static void place(lua_State *L, const struct reader *r, int tables, const struct ogl_json_step *step) {
  if (!r->depth) {
    lua_rawseti(L, tables, 1);
    return;
  }
  lua_rawgeti(L, tables, r->depth);
  if (step->has_key) {
    lua_pushlstring(L, step->key.n ? step->key.p : "", step->key.n);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
  } else {
    uint32_t n = r->items[r->depth];
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (int)n + 1);
    if (!n) set_array(L, 0);
  }
  lua_pop(L, 2);
}

/* Makes what a step needs of Lua; an error of memory leaves the reader as it was, and the same may be made again. */
static void make(lua_State *L, const struct reader *r, int tables, const struct ogl_json_step *step) {
  if (step->kind == OGL_JSON_CLOSE) return;
  if (step->kind == OGL_JSON_RESET) {
    lua_pushnil(L);
    lua_rawseti(L, tables, 1);
    return;
  }
  if (step->kind != OGL_JSON_OBJECT && step->kind != OGL_JSON_ARRAY) {
    push_scalar(L, step);
    place(L, r, tables, step);
    return;
  }
  lua_newtable(L);
  if (step->kind == OGL_JSON_ARRAY) set_array(L, 1);
  lua_pushvalue(L, -1);
  lua_rawseti(L, tables, r->depth + 1);
  if (r->depth) place(L, r, tables, step);
  else lua_pop(L, 1);
}

/* Begins to count where the list begins. Of two members with its name the last one is the list. */
static void watch_list(struct reader *r, const struct ogl_json_step *step) {
  int member = r->depth == 1 && step->has_key && r->list.p && step->key.n == r->list.n &&
               memcmp(step->key.p, r->list.p, r->list.n) == 0;
  if (!member && r->depth) return;
  r->count = 0;
  r->counted = step->kind == OGL_JSON_ARRAY ? r->depth + 1 : NO_LIST;
}

/* Goes on behind a step that was made. */
static void advance(struct reader *r, const struct ogl_json_step *step) {
  if (step->kind == OGL_JSON_RESET) {
    r->depth = 0;
    r->count = 0;
    r->counted = NO_LIST;
    return;
  }
  if (step->kind == OGL_JSON_CLOSE) {
    r->depth--;
    if (r->counted > r->depth) r->counted = NO_LIST;
  } else {
    watch_list(r, step);
    if (r->depth && !step->has_key) r->items[r->depth]++;
    if (step->kind == OGL_JSON_OBJECT || step->kind == OGL_JSON_ARRAY) {
      r->items[++r->depth] = 0;
      return;
    }
  }
  if (r->counted == r->depth) r->count++;
}

static void take_steps(lua_State *L, struct reader *r, int tables) {
  struct ogl_json_step step;
  while (ogl_json_steps_next(&r->finder.value.steps, &step) == OGL_OK) {
    make(L, r, tables, &step);
    advance(r, &step);
    r->shown = 0;
    ogl_json_steps_pop(&r->finder.value.steps);
  }
}

/* Whether a string that was shown with one byte less than `shown` has to be shown with n. */
static int has_grown(size_t shown, size_t n, int exact) {
  size_t more = n + 1 - shown;
  return !shown || (exact || n <= LARGE ? more > 0 : more > n / GROWTH);
}

/* Puts what has come of the string that has not ended. */
static void take_open(lua_State *L, struct reader *r, int tables, int exact) {
  struct ogl_json_step step;
  if (ogl_json_partial_open(&r->finder.value, &step) != OGL_OK || !has_grown(r->shown, step.text.n, exact)) return;
  make(L, r, tables, &step);
  r->shown = step.text.n + 1;
}

/* --- methods ---------------------------------------------------------------------------------------------------------- */

static int fail(lua_State *L, const struct ogl_json_finder *f, int code) {
  const char *text = code == OGL_ERR_INCOMPLETE ? "the text ends before its JSON does" : ogl_code_text(code);
  int is_of_text =
      code == OGL_ERR_SYNTAX || code == OGL_ERR_UTF8 || code == OGL_ERR_DEPTH || code == OGL_ERR_INCOMPLETE;
  if (!is_of_text) return ogl_lua_fail(L, code);
  int at = (int)f->err_at + 1; /* it may be closed while the texts are made */
  lua_pushnil(L);
  lua_pushstring(L, ogl_code_name(code));
  lua_pushfstring(L, "%s (byte %d)", text, at);
  return 3;
}

static int done(lua_State *L, const struct ogl_json_finder *f, int code) {
  if (OGL_UNLIKELY(code < 0)) return fail(L, f, code);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_partial_feed(lua_State *L) {
  struct partial *u = to_partial(L);
  struct ogl_span in = ogl_lua_check_span(L, 2);
  if (!u->r) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  return done(L, &u->r->finder, ogl_json_finder_feed(&u->r->finder, in.p, in.n));
}

static int l_partial_finish(lua_State *L) {
  struct partial *u = to_partial(L);
  if (!u->r) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  return done(L, &u->r->finder, ogl_json_finder_finish(&u->r->finder));
}

static int l_partial_value(lua_State *L) {
  struct partial *u = to_partial(L);
  if (!u->r) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  int exact = lua_toboolean(L, 2) || u->r->finder.finished || u->r->finder.err;
  lua_settop(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, u->tables);
  ogl_lua_hold(u);
  take_steps(L, u->r, 2);
  take_open(L, u->r, 2, exact);
  lua_rawgeti(L, 2, 1);
  ogl_lua_let_go(L, u);
  return 1;
}

static int l_partial_count(lua_State *L) {
  struct partial *u = to_partial(L);
  if (!u->r) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  lua_settop(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, u->tables);
  ogl_lua_hold(u);
  take_steps(L, u->r, 2);
  lua_pushinteger(L, (lua_Integer)u->r->count);
  ogl_lua_let_go(L, u);
  return 1;
}

static int l_partial_complete(lua_State *L) {
  struct partial *u = to_partial(L);
  lua_pushboolean(L, u->r && u->r->finder.complete);
  return 1;
}

static void release(lua_State *L, void *self) {
  struct partial *u = self;
  if (u->tables) luaL_unref(L, LUA_REGISTRYINDEX, u->tables);
  u->tables = 0;
  if (!u->r) return;
  ogl_json_finder_clear(&u->r->finder);
  ogl_free(u->r);
  u->r = NULL;
}

/* --- making ------------------------------------------------------------------------------------------------------------ */

/* The option `limit` of the table at 1. */
static size_t check_limit(lua_State *L) {
  lua_getfield(L, 1, "limit");
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TNUMBER) luaL_argerror(L, 1, "limit has to be a number of bytes");
  lua_Number limit = lua_isnil(L, -1) ? OGL_MAX_REPLY : lua_tonumber(L, -1);
  luaL_argcheck(L, limit >= 0 && limit <= OGL_MAX_INPUT, 1, "limit has to be a number of bytes, at most 256 MiB");
  return (size_t)limit;
}

static struct reader *new_reader(struct ogl_span list, size_t limit) {
  struct reader *r = ogl_realloc(NULL, sizeof *r + list.n + 1);
  if (!r) return NULL;
  memset(r, 0, sizeof *r);
  ogl_json_finder_init(&r->finder, limit);
  r->counted = NO_LIST;
  if (!list.p) return r;
  r->list.p = memcpy(r + 1, list.p, list.n + 1);
  r->list.n = list.n;
  return r;
}

static int l_partial(lua_State *L) {
  struct ogl_span list = { NULL, 0 };
  size_t limit = OGL_MAX_REPLY;
  lua_settop(L, 1);
  if (!lua_isnil(L, 1)) {
    luaL_checktype(L, 1, LUA_TTABLE);
    limit = check_limit(L);
    lua_getfield(L, 1, "list");
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING) return luaL_argerror(L, 1, "list has to be a name");
    list.p = lua_tolstring(L, -1, &list.n);
  }
  struct partial *u = ogl_lua_new(L, PARTIAL, sizeof *u, release);
  lua_newtable(L);
  u->tables = luaL_ref(L, LUA_REGISTRYINDEX);
  u->r = new_reader(list, limit);
  if (!u->r) return ogl_lua_fail(L, OGL_ERR_MEMORY);
  return 1;
}

void ogl_lua_json_partial_open(lua_State *L) {
  static const luaL_Reg methods[] = {
    { "feed", l_partial_feed },         { "value", l_partial_value },   { "count", l_partial_count },
    { "complete", l_partial_complete }, { "finish", l_partial_finish }, { NULL, NULL },
  };
  ogl_lua_class(L, PARTIAL, methods);
  lua_pushcfunction(L, l_partial);
  lua_setfield(L, -2, "partial");
}
