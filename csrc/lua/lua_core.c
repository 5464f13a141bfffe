/* SPDX-License-Identifier: MIT
** lua_core.c - the module opengatellm.core: decoders, framers, encoders, the fold, JSON (whole, and while it
** comes), answers of HTTP, WebSockets. It links no libcurl and does no I/O.
*/
#include "lua_parts.h"

#include "lua_json.h"

#if OGL_HAS_ISYIELDABLE
/* isyieldable() -> boolean     as coroutine.isyieldable, which nginx leaves out of its own `coroutine`; absent on 5.1 and 5.2 */
static int l_isyieldable(lua_State *L) {
  lua_pushboolean(L, lua_isyieldable(L));
  return 1;
}
#endif

LUALIB_API int luaopen_opengatellm_core(lua_State *L);

LUALIB_API int luaopen_opengatellm_core(lua_State *L) {
  lua_newtable(L);
  ogl_lua_decoder_open(L);
  ogl_lua_bytes_open(L);
  ogl_lua_encoder_open(L);
  ogl_lua_fold_open(L);
  ogl_lua_http1_open(L);
  ogl_lua_json_open(L);
  ogl_lua_json_partial_open(L);
  ogl_lua_member_open(L);
  ogl_lua_outline_open(L);
  ogl_lua_websocket_open(L);
#if OGL_HAS_ISYIELDABLE
  lua_pushcfunction(L, l_isyieldable);
  lua_setfield(L, -2, "isyieldable");
#endif
  return 1;
}
