/* SPDX-License-Identifier: MIT
** llama_handle.h - the two userdata of opengatellm.llama: an engine, and a job that it is given.
**
** What fails returns nil, kind, message: a kind of errors.lua.
*/
#ifndef OGL_LLAMA_HANDLE_H
#define OGL_LLAMA_HANDLE_H

#include "../llama/engine.h"
#include "class.h"

OGL_BEGIN

/* llama.engine(settings) -> engine | nil, kind, message. */
int ogl_lua_engine_new(lua_State *L);
/* Makes its class. */
void ogl_lua_engine_class(lua_State *L);

/* engine:start(options) -> job | nil, kind, message, with the options at 2. */
int ogl_lua_job_new(lua_State *L, struct ogl_llama_engine *e);
/* Makes its class. */
void ogl_lua_job_class(lua_State *L);

OGL_END

#endif
