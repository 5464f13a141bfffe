/* SPDX-License-Identifier: MIT
** system_handle.h - the userdata of opengatellm.system: what they change of the process, or start, lasts until close() or the collector.
*/
#ifndef OGL_SYSTEM_HANDLE_H
#define OGL_SYSTEM_HANDLE_H

#include "class.h"

OGL_BEGIN

/* system.raw(fd) -> raw | nil, message, errno. */
int ogl_lua_raw_new(lua_State *L);
/* Makes its class. */
void ogl_lua_raw_class(lua_State *L);

/* system.interrupts() -> interrupts | nil, message, errno. */
int ogl_lua_interrupts_new(lua_State *L);
/* Makes its class. */
void ogl_lua_interrupts_class(lua_State *L);

/* system.responder(pieces, gap) -> responder | nil, message, errno. */
int ogl_lua_responder_new(lua_State *L);
/* Makes its class. */
void ogl_lua_responder_class(lua_State *L);

OGL_END

#endif
