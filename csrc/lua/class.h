/* SPDX-License-Identifier: MIT
** class.h - what every binding file needs: classes, and the one way to return a failure.
**
** Habit of the binding: a userdata is made closed (zero-filled), gets its metatable, then acquires. `__gc`, `__close`
** and `close()` are one function that may run any number of times.
*/
#ifndef OGL_CLASS_H
#define OGL_CLASS_H

#include "../core/ogl.h"
#include "compat.h"

OGL_BEGIN

/* Makes the metatable `name` with `methods` in its `__index`, and `close` as __gc, __close and close(). */
void ogl_lua_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close);

/* A zero-filled userdata of the class, left on the stack. */
void *ogl_lua_new(lua_State *L, const char *name, size_t size);

/* Returns nil, code name, sentence: the form in which the Lua layer makes its error tables. */
int ogl_lua_fail(lua_State *L, int code);
int ogl_lua_fail_text(lua_State *L, const char *code, const char *text);

/* The field `key` of the table at `i`, or the default. A wrong type raises "field 'key': expected …". */
double ogl_lua_number(lua_State *L, int i, const char *key, double otherwise);
int ogl_lua_flag(lua_State *L, int i, const char *key, int otherwise);

OGL_END

#endif
