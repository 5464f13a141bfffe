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

/* The userdata that a method was called on; anything else raises. The methods of a class have its metatable as upvalue 1,
   which saves them the look-up by name. */
void *ogl_lua_self(lua_State *L, const char *name);

/* A zero-filled userdata of the class, left on the stack. */
void *ogl_lua_new(lua_State *L, const char *name, size_t size);

/* Returns nil, code name, sentence: the form in which the Lua layer makes its error tables. */
int ogl_lua_fail(lua_State *L, int code);
int ogl_lua_fail_text(lua_State *L, const char *code, const char *text);

OGL_END

#endif
