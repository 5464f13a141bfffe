/* SPDX-License-Identifier: MIT
** lua_field.h - reads the fields of a table that a program gave, where a field that is absent has a meaning.
**
** `table` is the table's place on the stack, counted from the bottom (it may have metamethods, which run).
*/
#ifndef OGL_LUA_FIELD_H
#define OGL_LUA_FIELD_H

#include "class.h"

OGL_BEGIN

/* The text of a field, empty where it has none. The text stays on the stack, for a metamethod may have made it, or a number may
   have become a text here: the span is good until the C function returns. */
struct ogl_span ogl_lua_field_text(lua_State *L, int table, const char *name);

/* A number from 0 to `most`, which larger ones become; 0 without the field. Raises if it is negative or no number. */
lua_Number ogl_lua_field_number(lua_State *L, int table, const char *name, lua_Number most);

/* Whether the field is neither nil nor false. */
int ogl_lua_field_true(lua_State *L, int table, const char *name);

OGL_END

#endif
