/* SPDX-License-Identifier: MIT
** lua_event.h - events as Lua tables: {type = "text", text = "Hel", index = 1}.
**
** The names are the upvalues of the function that pushes, so that no string is hashed for an event.
*/
#ifndef OGL_LUA_EVENT_H
#define OGL_LUA_EVENT_H

#include "../core/tally.h"
#include "class.h"

OGL_BEGIN

/* A call whose server gave no id has one here, by the place of its part: "ogl_call_N", counted from 1. It is a Lua program that has to
   answer the call; what writes to a server leaves such an id out. */
enum { OGL_LUA_CALL_ID = 24 };
enum { OGL_LUA_EVENT_NAMES = 2 }; /* the first upvalue that is a name */
/* Writes it; its length. */
size_t ogl_lua_call_id(char *out, int index);
/* Pushes the id, or the one that is made. */
void ogl_lua_call_id_push(lua_State *L, struct ogl_span id, int index);

/* Pushes the names; how many there are. */
int ogl_lua_event_names(lua_State *L);
/* Pushes the event's table, in a closure whose names begin at upvalue `first`. */
void ogl_lua_event_push(lua_State *L, const struct ogl_event *e, int first);
/* Adds a method to a class, whose upvalues are the class and, from OGL_LUA_EVENT_NAMES on, the names. */
void ogl_lua_event_method(lua_State *L, const char *class_name, const char *name, lua_CFunction method);
/* Reads the event of the table at `table`, as a program wrote it or as `push` made it, in such a method. Its texts are good until the C
   function returns; `usage` is where e->usage points. Raises on what is no table, on a type that no event has, and on an index or choice
   that is no integer from 1 on. */
void ogl_lua_event_read(lua_State *L, int table, struct ogl_event *e, struct ogl_usage *usage);
/* The kind of that name; -1. */
int ogl_lua_event_kind(struct ogl_span name);
/* The name of a field of enum ogl_usage_field, as Lua knows it. */
const char *ogl_lua_usage_name(int field);
/* Pushes the usage as a table: fields that were not sent are absent. */
void ogl_lua_usage_push(lua_State *L, const struct ogl_usage *u);
/* Pushes chunks, bytes, and the usage as a table, or nil where nothing of it is known; 3. By value: making the table may run a finalizer
   that closes what they are of. */
int ogl_lua_tally_push(lua_State *L, struct ogl_tally tally, struct ogl_usage usage);

OGL_END

#endif
