/* SPDX-License-Identifier: MIT
** llama_options.h - the tables that llama.engine and engine:start take. A wrong type or a number out of its bounds raises, and names the
** field.
*/
#ifndef OGL_LLAMA_OPTIONS_H
#define OGL_LLAMA_OPTIONS_H

#include "../llama/job.h"
#include "../llama/model.h"
#include "class.h"

OGL_BEGIN

/* The settings at a place of the stack; the path stays there. */
struct ogl_llama_settings ogl_lua_llama_settings(lua_State *L, int table);
/* Fills in what a job asks for. 0; OGL_ERR_MEMORY, or OGL_ERR_BODY where the prompt is too long. */
int ogl_lua_llama_options(lua_State *L, int table, struct ogl_llama_job *j);
/* The list of pieces at a place of the stack, as a prompt. Returns as above. */
int ogl_lua_llama_pieces(lua_State *L, int list, struct ogl_llama_prompt *p);

OGL_END

#endif
