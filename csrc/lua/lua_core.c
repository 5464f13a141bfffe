/* SPDX-License-Identifier: MIT
** lua_core.c - the module opengatellm.core: decoders, framers, JSON, answers of HTTP, WebSockets. It links no libcurl and does no I/O.
*/
#include "lua_core.h"

#include "lua_json.h"

LUALIB_API int luaopen_opengatellm_core(lua_State *L) {
  lua_newtable(L);
  ogl_lua_decoder_open(L);
  ogl_lua_bytes_open(L);
  ogl_lua_encoder_open(L);
  ogl_lua_http1_open(L);
  ogl_lua_json_open(L);
  ogl_lua_member_open(L);
  ogl_lua_websocket_open(L);
  return 1;
}
