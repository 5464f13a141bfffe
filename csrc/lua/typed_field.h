/* SPDX-License-Identifier: MIT
** typed_field.h - reads the fields of a table of options, each of one type: another raises, and names the field.
**
** `table` is the table's place on the stack, counted from the bottom.
*/
#ifndef OGL_TYPED_FIELD_H
#define OGL_TYPED_FIELD_H

#include "class.h"

OGL_BEGIN

/* Pushes the field, and checks its type; 0 (and nothing pushed) where it is nil. */
int ogl_lua_typed_push(lua_State *L, int table, const char *key, int type);
/* A text without a NUL, which stays on the stack; `otherwise` where it is nil. */
const char *ogl_lua_typed_text(lua_State *L, int table, const char *key, const char *otherwise);
/* true or false; `otherwise` where it is nil. */
int ogl_lua_typed_flag(lua_State *L, int table, const char *key, int otherwise);
/* A number from `least` to `most`, or it raises; `otherwise` where it is nil. */
double ogl_lua_typed_number(lua_State *L, int table, const char *key, double otherwise, double least, double most);

OGL_END

#endif
