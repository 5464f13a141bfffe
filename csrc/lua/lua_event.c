/* SPDX-License-Identifier: MIT
** lua_event.c - see lua_event.h.
*/
#include "lua_event.h"

#include <stdio.h>
#include <string.h>

#include "lua_field.h"
#include "lua_json.h"

/* The names, in the order of the upvalues. The first are the kinds, in the order of enum ogl_event_kind. */
enum name {
  N_TYPE = OGL_EVENT_KINDS,
  N_INDEX,
  N_CHOICE,
  N_TEXT,
  N_ID,
  N_NAME,
  N_MODEL,
  N_ARGUMENTS,
  N_KIND,
  N_JSON,
  N_DATA,
  N_SIGNATURE,
  N_USAGE,
  N_REASON,
  N_RAW_REASON,
  N_CODE,
  N_MESSAGE,
  N_DETAIL,
  NAMES
};

static const char *const names[NAMES] = {
  "start",   "text",     "reasoning",  "refusal",  "tool_call", "tool_arguments", "tool_call_end",
  "part",    "part_end", "citation",   "logprobs", "usage",     "finish",         "warning",
  "unknown", "error",    "type",       "index",    "choice",    "text",           "id",
  "name",    "model",    "arguments",  "kind",     "json",      "data",           "signature",
  "usage",   "reason",   "raw_reason", "code",     "message",   "detail",
};

int ogl_lua_event_names(lua_State *L) {
  luaL_checkstack(L, NAMES + 4, NULL);
  for (int i = 0; i < NAMES; i++) lua_pushstring(L, names[i]);
  return NAMES;
}

/* Sets the field of the table on top. */
static inline void set_text(lua_State *L, int first, enum name name, struct ogl_span s) {
  lua_pushvalue(L, lua_upvalueindex(first + (int)name));
  lua_pushlstring(L, s.p, s.n);
  lua_rawset(L, -3);
}

static inline void set_if(lua_State *L, int first, enum name name, struct ogl_span s) {
  if (s.n) set_text(L, first, name, s);
}

static inline void set_integer(lua_State *L, int first, enum name name, int v) {
  lua_pushvalue(L, lua_upvalueindex(first + (int)name));
  lua_pushinteger(L, v);
  lua_rawset(L, -3);
}

static void set_decoded(lua_State *L, int first, enum name name, struct ogl_span json) {
  lua_pushvalue(L, lua_upvalueindex(first + (int)name));
  ogl_lua_json_value(L, json);
  lua_rawset(L, -3);
}

size_t ogl_lua_call_id(char *out, int index) {
  return (size_t)snprintf(out, OGL_LUA_CALL_ID, "ogl_call_%d", index + 1);
}

void ogl_lua_call_id_push(lua_State *L, struct ogl_span id, int index) {
  char made[OGL_LUA_CALL_ID];
  if (id.n) lua_pushlstring(L, id.p, id.n);
  else lua_pushlstring(L, made, ogl_lua_call_id(made, index));
}

static void set_call_id(lua_State *L, int first, const struct ogl_event *e) {
  lua_pushvalue(L, lua_upvalueindex(first + (int)N_ID));
  ogl_lua_call_id_push(L, e->a, e->index);
  lua_rawset(L, -3);
}

static int has_place(int kind) { return kind != OGL_EVENT_START && kind < OGL_EVENT_LOGPROBS; }

static void set_fields(lua_State *L, const struct ogl_event *e, int first) {
  switch (e->kind) {
    case OGL_EVENT_START:
      set_if(L, first, N_ID, e->a);
      set_if(L, first, N_MODEL, e->b);
      break;
    case OGL_EVENT_TOOL_CALL_END: set_text(L, first, N_ARGUMENTS, e->c); /* fallthrough */
    case OGL_EVENT_TOOL_CALL:
      set_call_id(L, first, e);
      set_text(L, first, N_NAME, e->b);
      break;
    case OGL_EVENT_PART:
      set_text(L, first, N_KIND, e->a);
      set_text(L, first, N_JSON, e->b);
      break;
    case OGL_EVENT_PART_END:
      set_text(L, first, N_KIND, e->a);
      set_if(L, first, N_SIGNATURE, e->b);
      break;
    case OGL_EVENT_CITATION:
    case OGL_EVENT_LOGPROBS:
      set_text(L, first, N_JSON, e->a);
      set_decoded(L, first, N_DATA, e->a);
      break;
    case OGL_EVENT_USAGE:
      lua_pushvalue(L, lua_upvalueindex(first + (int)N_USAGE));
      ogl_lua_usage_push(L, e->usage);
      lua_rawset(L, -3);
      break;
    case OGL_EVENT_FINISH:
      set_if(L, first, N_REASON, e->a);
      set_if(L, first, N_RAW_REASON, e->b);
      break;
    case OGL_EVENT_WARNING:
      set_text(L, first, N_CODE, e->a);
      set_text(L, first, N_MESSAGE, e->b);
      set_if(L, first, N_DETAIL, e->c);
      break;
    case OGL_EVENT_UNKNOWN:
      set_if(L, first, N_NAME, e->a);
      set_text(L, first, N_DATA, e->b);
      break;
    default: set_text(L, first, N_TEXT, e->a);
  }
}

/* Runs once a token: the text events of the first choice go the shortest way. */
void ogl_lua_event_push(lua_State *L, const struct ogl_event *e, int first) {
  lua_createtable(L, 0, 3);
  lua_pushvalue(L, lua_upvalueindex(first + (int)N_TYPE));
  lua_pushvalue(L, lua_upvalueindex(first + e->kind));
  lua_rawset(L, -3);
  if (OGL_LIKELY(e->kind == OGL_EVENT_TEXT)) set_text(L, first, N_TEXT, e->a);
  else set_fields(L, e, first);
  if (has_place(e->kind)) set_integer(L, first, N_INDEX, e->index + 1);
  if (OGL_UNLIKELY(e->choice)) set_integer(L, first, N_CHOICE, e->choice + 1);
}

int ogl_lua_event_kind(struct ogl_span name) {
  for (int i = 0; i < OGL_EVENT_KINDS; i++)
    if (strlen(names[i]) == name.n && memcmp(names[i], name.p, name.n) == 0) return i;
  return -1;
}

const char *ogl_lua_usage_name(int field) {
  static const char *const fields[OGL_USAGE_FIELDS] = {
    "input_tokens",       "cached_input_tokens",
    "cache_write_tokens", "output_tokens",
    "reasoning_tokens",   "total_tokens",
    "requests",           "cost",
    "energy_kwh",         "co2_kg",
  };
  return fields[field];
}

void ogl_lua_usage_push(lua_State *L, const struct ogl_usage *u) {
  lua_createtable(L, 0, 6);
  for (int i = 0; i < OGL_USAGE_FIELDS; i++) {
    if (!ogl_usage_has(u, i)) continue;
    if (i < OGL_USAGE_COST) ogl_lua_push_int64(L, (int64_t)u->v[i]);
    else lua_pushnumber(L, u->v[i]);
    lua_setfield(L, -2, ogl_lua_usage_name(i));
  }
}

int ogl_lua_tally_push(lua_State *L, struct ogl_tally tally, struct ogl_usage usage) {
  ogl_lua_push_int64(L, (int64_t)tally.chunks);
  ogl_lua_push_int64(L, (int64_t)tally.bytes);
  if (usage.known) ogl_lua_usage_push(L, &usage);
  else lua_pushnil(L);
  return 3;
}

/* --- from Lua ----------------------------------------------------------------------------------------------------- */

static int kind_of(lua_State *L, int table) {
  struct ogl_span type = ogl_lua_field_text(L, table, "type");
  int kind = ogl_lua_event_kind(type);
  if (kind < 0) luaL_error(L, "put: there is no event '%s'", type.n ? type.p : "");
  return kind;
}

/* The four texts of an event, by its kind. */
static void read_texts(lua_State *L, int table, struct ogl_event *e) {
  static const char *const fields[OGL_EVENT_KINDS][4] = {
    [OGL_EVENT_START] = { "id", "model" },
    [OGL_EVENT_TEXT] = { "text" },
    [OGL_EVENT_REASONING] = { "text" },
    [OGL_EVENT_REFUSAL] = { "text" },
    [OGL_EVENT_TOOL_CALL] = { "id", "name" },
    [OGL_EVENT_TOOL_ARGUMENTS] = { "text" },
    [OGL_EVENT_TOOL_CALL_END] = { "id", "name", "arguments" },
    [OGL_EVENT_PART] = { "kind", "json" },
    [OGL_EVENT_PART_END] = { "kind", "signature" },
    [OGL_EVENT_CITATION] = { "json" },
    [OGL_EVENT_LOGPROBS] = { "json" },
    [OGL_EVENT_FINISH] = { "reason", "raw_reason" },
    [OGL_EVENT_WARNING] = { "code", "message", "detail" },
    [OGL_EVENT_UNKNOWN] = { "name", "data" },
    [OGL_EVENT_ERROR] = { "message", "kind", "code", "json" },
  };
  struct ogl_span *const texts[4] = { &e->a, &e->b, &e->c, &e->d };
  for (int i = 0; i < 4; i++) {
    struct ogl_span none = { "", 0 };
    *texts[i] = fields[e->kind][i] ? ogl_lua_field_text(L, table, fields[e->kind][i]) : none;
  }
}

static void read_usage(lua_State *L, int table, struct ogl_usage *u) {
  memset(u, 0, sizeof *u);
  lua_getfield(L, table, "usage");
  for (int i = 0; lua_istable(L, -1) && i < OGL_USAGE_FIELDS; i++) {
    lua_getfield(L, -1, ogl_lua_usage_name(i));
    if (lua_isnumber(L, -1)) ogl_usage_set(u, i, lua_tonumber(L, -1));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* A place that counts from 1, as the core counts it; the first where the field is absent. Some protocols count in strides, so that it
   may be large. */
static int place(lua_State *L, int table, const char *name, int most) {
  lua_getfield(L, table, name);
  lua_Number v = lua_isnil(L, -1) ? 1 : lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (!(v >= 1 && v <= most) || v != (lua_Number)(int)v)
    luaL_error(L, "put: %s has to be an integer from 1 to %d", name, most);
  return (int)v - 1;
}

/* The id that the server gave: none, where it is the one that the binding makes for a call of that index (see lua_event.h). */
static struct ogl_span given_id(struct ogl_span id, int index) {
  char made[OGL_LUA_CALL_ID];
  struct ogl_span none = { "", 0 };
  size_t n = ogl_lua_call_id(made, index);
  return id.n == n && memcmp(id.p, made, n) == 0 ? none : id;
}

void ogl_lua_event_method(lua_State *L, const char *class_name, const char *name, lua_CFunction method) {
  luaL_getmetatable(L, class_name);
  lua_getfield(L, -1, "__index");
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, method, 1 + ogl_lua_event_names(L));
  lua_setfield(L, -2, name);
  lua_pop(L, 2);
}

/* Pushes a field without asking a metatable. */
static void push_raw(lua_State *L, int table, enum name name) {
  lua_pushvalue(L, lua_upvalueindex(OGL_LUA_EVENT_NAMES + (int)name));
  lua_rawget(L, table);
}

/* Reads the event of most tokens, a text of the first choice; 0 where it is another one, and nothing is read. */
static int read_token(lua_State *L, int table, struct ogl_event *e) {
  int top = lua_gettop(L);
  if (lua_getmetatable(L, table)) return lua_settop(L, top), 0;
  push_raw(L, table, N_TYPE);
  push_raw(L, table, N_CHOICE);
  push_raw(L, table, N_INDEX);
  push_raw(L, table, N_TEXT); /* stays on the stack, so that the collector leaves it alone */
  lua_Number index = lua_tonumber(L, top + 3);
  if (!lua_rawequal(L, top + 1, lua_upvalueindex(OGL_LUA_EVENT_NAMES + OGL_EVENT_TEXT)) || !lua_isnil(L, top + 2) ||
      !(index >= 1 && index <= INT32_MAX) || index != (lua_Number)(int)index || lua_type(L, top + 4) != LUA_TSTRING) {
    lua_settop(L, top);
    return 0;
  }
  e->kind = OGL_EVENT_TEXT;
  e->index = (int)index - 1;
  e->a.p = lua_tolstring(L, top + 4, &e->a.n);
  e->b.p = e->c.p = e->d.p = "";
  return 1;
}

void ogl_lua_event_read(lua_State *L, int table, struct ogl_event *e, struct ogl_usage *usage) {
  luaL_checktype(L, table, LUA_TTABLE);
  memset(e, 0, sizeof *e);
  if (OGL_LIKELY(read_token(L, table, e))) return;
  e->kind = kind_of(L, table);
  e->index = place(L, table, "index", INT32_MAX);
  e->choice = place(L, table, "choice", OGL_MAX_CHOICES);
  read_texts(L, table, e);
  if (e->kind == OGL_EVENT_TOOL_CALL || e->kind == OGL_EVENT_TOOL_CALL_END) e->a = given_id(e->a, e->index);
  if (e->kind != OGL_EVENT_USAGE) return;
  read_usage(L, table, usage);
  e->usage = usage;
}
