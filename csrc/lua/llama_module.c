/* SPDX-License-Identifier: MIT
** llama_module.c - the module opengatellm.llama: language models in this process, on libllama.
**
**   llama.engine(settings) -> engine | nil, kind, message     see llama_engine.c and llama_options.c
**   llama.devices() -> list                                   { name, description, kind, free, total (bytes) } of what it computes on
**   llama.threads() -> number                                 of an engine whose settings name none
**
** Loading the module fails where the library that is installed lays its structs out otherwise than the header that this was compiled with.
*/
#include "../llama/cores.h"
#include "../llama/devices.h"
#include "../llama/guard.h"
#include "llama_handle.h"

static void push_device(lua_State *L, size_t i) {
  struct ogl_llama_device d = ogl_llama_devices_at(i);
  lua_createtable(L, 0, 5);
  lua_pushstring(L, d.name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, d.description);
  lua_setfield(L, -2, "description");
  lua_pushstring(L, d.kind);
  lua_setfield(L, -2, "kind");
  ogl_lua_push_int64(L, (int64_t)d.free);
  lua_setfield(L, -2, "free");
  ogl_lua_push_int64(L, (int64_t)d.total);
  lua_setfield(L, -2, "total");
}

static int l_devices(lua_State *L) {
  size_t n = ogl_llama_devices_find();
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    push_device(L, i);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

static int l_engine(lua_State *L) {
  if (!ogl_llama_devices_find())
    return ogl_lua_fail_text(L, "config",
                             "libllama found nothing to compute on: its libraries libggml-cpu-*.so are not beside it");
  return ogl_lua_engine_new(L);
}

static int l_threads(lua_State *L) {
  lua_pushinteger(L, ogl_llama_cores());
  return 1;
}

static const luaL_Reg functions[] = {
  { "engine", l_engine }, { "devices", l_devices }, { "threads", l_threads }, { NULL, NULL }
};

LUALIB_API int luaopen_opengatellm_llama(lua_State *L);

LUALIB_API int luaopen_opengatellm_llama(lua_State *L) {
  const char *other = ogl_llama_guard();
  if (other)
    return luaL_error(
        L,
        "the libllama that is installed has another %s than the llama.h that opengatellm.llama was compiled with: "
        "compile opengatellm.llama again with the header of this libllama",
        other);
  ogl_lua_engine_class(L);
  ogl_lua_job_class(L);
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
