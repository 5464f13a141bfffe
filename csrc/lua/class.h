/* SPDX-License-Identifier: MIT
** class.h - the helpers of every binding file: classes, and the one way to return a failure.
**
** A userdata begins with an ogl_lua_object. It is made closed (zero-filled), gets its metatable, then acquires; `release` gives back what
** it acquired and may run any number of times. close(), `__close` and the finalizer wait while a method holds the object.
**
** One style: a class has a `struct <thing>`, a `to_<thing>` that checks what a method was called on (ogl_lua_self), and its methods are
** `l_<thing>_<method>`; a function of the module is `l_<function>`.
**
** A method holds its object while it makes Lua values out of the memory of that object: each new value may start the collector, and with
** it a finalizer of the program that uses the very same object. Its other methods raise then. Who holds is known by its place on the C
** stack, which an error of Lua leaves without a word: a holder that is not above the present frame is gone.
*/
#ifndef OGL_CLASS_H
#define OGL_CLASS_H

#include "../core/ogl.h"
#include "compat.h"

OGL_BEGIN

struct ogl_lua_object {
  void (*release)(lua_State *L, void *self);
  uintptr_t holder; /* the frame that holds it; 0: none */
  int closing;      /* close() came while it was held */
};

/* Makes the metatable `name` with `methods` in its `__index`, and close() and the finalizer. */
void ogl_lua_class(lua_State *L, const char *name, const luaL_Reg *methods);

/* Adds `__tostring` to a class. */
void ogl_lua_class_tostring(lua_State *L, const char *name, lua_CFunction tostring);

/* The userdata that a method was called on; raises on anything else, and on one that is held. The methods of a class have its metatable as
   upvalue 1, which saves them the look-up by name. */
void *ogl_lua_self(lua_State *L, const char *name);

/* A zero-filled userdata of the class, left on the stack. */
void *ogl_lua_new(lua_State *L, const char *name, size_t size, void (*release)(lua_State *L, void *self));

#if defined(__GNUC__)
#define OGL_LUA_FRAME() ((uintptr_t)__builtin_frame_address(0))
#else
/* The address of a frame of the C stack, for compilers that cannot tell their own. */
uintptr_t ogl_lua_frame(void);
#define OGL_LUA_FRAME() ogl_lua_frame()
#endif

/* Begins to read the memory of an object; what is nested in between lies deeper on the C stack. */
static inline void ogl_lua_hold(void *self) { ((struct ogl_lua_object *)self)->holder = OGL_LUA_FRAME(); }

/* Whether a method reads it that has not ended, as far as can be known: where an error ended it, a later caller may lie deeper. */
int ogl_lua_is_held(const void *self);

/* Closes an object that was to be closed while a method held it. */
void ogl_lua_closed_meanwhile(lua_State *L, void *self);

/* Ends that; closes the object if that was asked for meanwhile. */
static inline void ogl_lua_let_go(lua_State *L, void *self) {
  struct ogl_lua_object *o = self;
  o->holder = 0;
  if (OGL_UNLIKELY(o->closing)) ogl_lua_closed_meanwhile(L, self);
}

/* Returns nil, the code's name and a sentence, out of which the Lua layer makes its error tables: for a code of ogl.h. */
int ogl_lua_fail(lua_State *L, int code);
/* The same for a name and a sentence of the caller's own. */
int ogl_lua_fail_text(lua_State *L, const char *code, const char *text);

/* Returns true, or where `code` is an error what ogl_lua_fail returns. */
int ogl_lua_done(lua_State *L, int code);

/* Pushes a text, or nil where it is empty. */
static inline void ogl_lua_push_or_nil(lua_State *L, struct ogl_span s) {
  if (s.n) lua_pushlstring(L, s.p, s.n);
  else lua_pushnil(L);
}

/* The text of an argument, as it stays on the stack; raises where it is neither a text nor a number. */
static inline struct ogl_span ogl_lua_check_span(lua_State *L, int arg) {
  struct ogl_span s;
  s.p = luaL_checklstring(L, arg, &s.n);
  return s;
}

OGL_END

#endif
