/* SPDX-License-Identifier: MIT
** llama_engine.c - the userdata opengatellm.llama.engine: a model, and the thread that computes it.
**
**   engine:state() -> "loading", progress | "ready" | nil, kind, message     progress: from 0 to 1
**   engine:start(options) -> job | nil, kind, message        see llama_options.c and llama_job.c; a model that still loads gets it then
**   engine:next() -> id | nil                                of the next job that has news
**   engine:wait(seconds | nil) -> bool                       until there is news; false: the time is over, or a signal came
**   engine:fd() -> number                                    readable while there is news
**   engine:facts() -> table | nil, kind, message             of a model that is loaded: see below
**   engine:meta(key) -> text | nil                           a value of its GGUF file
**   engine:count(pieces) -> tokens | nil, kind, message      of a prompt
**   engine:is_foreign() -> bool                              a child of the process that made it cannot use it
**   engine:close()                                           ends its jobs, and waits for the thread
*/
#include <errno.h>
#include <string.h>

#include "../core/mem.h"
#include "llama_handle.h"
#include "llama_options.h"

#define ENGINE "opengatellm.llama.engine"

struct engine {
  struct ogl_lua_object object;
  struct ogl_llama_engine *e; /* NULL: closed */
};

static void release(lua_State *L, void *self) {
  struct engine *u = self;
  struct ogl_llama_engine *e = u->e;
  (void)L;
  u->e = NULL;
  if (e) ogl_llama_engine_close(e);
}

int ogl_lua_engine_new(lua_State *L) {
  struct ogl_llama_settings settings = ogl_lua_llama_settings(L, 1);
  struct engine *u = ogl_lua_new(L, ENGINE, sizeof *u, release);
  u->e = ogl_llama_engine_open(&settings);
  return u->e ? 1 : ogl_lua_fail_text(L, "limit", strerror(errno));
}

static struct ogl_llama_engine *engine_of(lua_State *L) { return ((struct engine *)ogl_lua_self(L, ENGINE))->e; }

static int is_foreign(struct ogl_llama_engine *e) { return ogl_llama_news_is_foreign(ogl_llama_engine_news(e)); }

/* NULL, or why the engine cannot be used any more. */
static const char *unusable(struct ogl_llama_engine *e) {
  if (!e) return "the engine is closed";
  return is_foreign(e) ? "the process has forked, and the model computes in its parent: make a client in the child"
                       : NULL;
}

/* The model where it is ready; else NULL, with the failure pushed. */
static const struct ogl_llama_model *ready_model(lua_State *L, struct ogl_llama_engine *e, int *pushed) {
  static const char *const kinds[] = { NULL, "file", "unsupported",
                                       "limit" }; /* in the order of enum ogl_llama_failure */
  const char *problem = unusable(e), *kind = "closed";
  enum ogl_llama_state state = problem ? OGL_LLAMA_BROKEN : ogl_llama_engine_state(e);
  const struct ogl_llama_model *model = problem ? NULL : ogl_llama_engine_model(e);
  if (state == OGL_LLAMA_READY) return model;
  if (state == OGL_LLAMA_LOADING) problem = "the model is not loaded yet";
  else if (model) problem = model->why, kind = kinds[model->failure];
  *pushed = ogl_lua_fail_text(L, kind, problem);
  return NULL;
}

static int l_engine_state(lua_State *L) {
  struct ogl_llama_engine *e = engine_of(L);
  int pushed;
  if (!unusable(e) && ogl_llama_engine_state(e) == OGL_LLAMA_LOADING) {
    lua_pushliteral(L, "loading");
    lua_pushnumber(L, ogl_llama_engine_progress(e));
    return 2;
  }
  if (!ready_model(L, e, &pushed)) return pushed;
  lua_pushliteral(L, "ready");
  return 1;
}

static int l_engine_start(lua_State *L) {
  struct ogl_llama_engine *e = engine_of(L);
  const char *problem = unusable(e);
  return problem ? ogl_lua_fail_text(L, "closed", problem) : ogl_lua_job_new(L, e);
}

static int l_engine_next(lua_State *L) {
  struct ogl_llama_engine *e = engine_of(L);
  uint32_t id = unusable(e) ? 0 : ogl_llama_news_take(ogl_llama_engine_news(e));
  if (id) lua_pushinteger(L, (lua_Integer)id);
  else lua_pushnil(L);
  return 1;
}

static int l_engine_wait(lua_State *L) {
  struct ogl_llama_engine *e = engine_of(L);
  double seconds = luaL_optnumber(L, 2, -1);
  lua_pushboolean(L, unusable(e) || ogl_llama_news_wait(ogl_llama_engine_news(e), seconds));
  return 1;
}

static int l_engine_fd(lua_State *L) {
  struct ogl_llama_engine *e = engine_of(L);
  const char *problem = unusable(e);
  if (problem) return ogl_lua_fail_text(L, "closed", problem);
  lua_pushinteger(L, ogl_llama_news_fd(ogl_llama_engine_news(e)));
  return 1;
}

static int l_engine_is_foreign(lua_State *L) {
  struct ogl_llama_engine *e = engine_of(L);
  lua_pushboolean(L, e && is_foreign(e));
  return 1;
}

static void set_text(lua_State *L, const char *key, const char *text) {
  if (!text) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, int64_t value) {
  ogl_lua_push_int64(L, value);
  lua_setfield(L, -2, key);
}

static const char *token_text(const struct llama_vocab *vocab, llama_token id) {
  return id == LLAMA_TOKEN_NULL ? NULL : llama_vocab_get_text(vocab, id);
}

/* The texts of the tokens that only a template may write. */
static void set_special_tokens(lua_State *L, const struct llama_vocab *vocab) {
  int n = llama_vocab_n_tokens(vocab), count = 0;
  lua_newtable(L);
  for (llama_token id = 0; id < n; id++) {
    if (!llama_vocab_is_control(vocab, id)) continue;
    lua_pushstring(L, llama_vocab_get_text(vocab, id));
    lua_rawseti(L, -2, ++count);
  }
  lua_setfield(L, -2, "special_tokens");
}

/* description, special_tokens, template, bos_token, eos_token; context (tokens of a chat), trained_context, slots, threads, bytes,
   parameters, vector (its length), vocabulary. */
static int l_engine_facts(lua_State *L) {
  int pushed;
  char description[128] = "";
  const struct ogl_llama_model *m = ready_model(L, engine_of(L), &pushed);
  if (!m) return pushed;
  lua_newtable(L);
  llama_model_desc(m->model, description, sizeof description);
  set_text(L, "description", description);
  set_text(L, "template", llama_model_chat_template(m->model, NULL));
  set_special_tokens(L, m->vocab);
  set_text(L, "bos_token", token_text(m->vocab, llama_vocab_bos(m->vocab)));
  set_text(L, "eos_token", token_text(m->vocab, llama_vocab_eos(m->vocab)));
  set_number(L, "context", m->room);
  set_number(L, "trained_context", llama_model_n_ctx_train(m->model));
  set_number(L, "slots", m->slots);
  set_number(L, "threads", m->threads);
  set_number(L, "bytes", (int64_t)llama_model_size(m->model));
  set_number(L, "parameters", (int64_t)llama_model_n_params(m->model));
  set_number(L, "vector", llama_model_n_embd(m->model));
  set_number(L, "vocabulary", llama_vocab_n_tokens(m->vocab));
  return 1;
}

static int l_engine_meta(lua_State *L) {
  int pushed;
  const struct ogl_llama_model *m = ready_model(L, engine_of(L), &pushed);
  const char *key = luaL_checkstring(L, 2);
  if (!m) return pushed;
  char few[1];
  int n = llama_model_meta_val_str(m->model, key, few, sizeof few);
  if (n < 0) return 0;
  char *text = lua_newuserdatauv(L, (size_t)n + 1, 0);
  llama_model_meta_val_str(m->model, key, text, (size_t)n + 1);
  lua_pushlstring(L, text, (size_t)n);
  return 1;
}

/* A prompt that the collector frees where reading it raises. */
struct counted {
  struct ogl_lua_object object;
  struct ogl_llama_prompt prompt;
  struct ogl_llama_tokens tokens;
};

#define COUNTED "opengatellm.llama.counted"

static void release_counted(lua_State *L, void *self) {
  struct counted *u = self;
  (void)L;
  ogl_llama_prompt_clear(&u->prompt);
  ogl_llama_tokens_clear(&u->tokens);
}

static int l_engine_count(lua_State *L) {
  int pushed;
  const struct ogl_llama_model *m = ready_model(L, engine_of(L), &pushed);
  luaL_checktype(L, 2, LUA_TTABLE);
  if (!m) return pushed;
  struct counted *u = ogl_lua_new(L, COUNTED, sizeof *u, release_counted);
  ogl_llama_prompt_init(&u->prompt);
  int err = ogl_lua_llama_pieces(L, 2, &u->prompt);
  if (!err) err = ogl_llama_prompt_read(&u->prompt, m->vocab, &u->tokens);
  lua_Integer n = (lua_Integer)u->tokens.n;
  release_counted(L, u);
  if (err) return ogl_lua_fail_text(L, "limit", ogl_code_text(err));
  lua_pushinteger(L, n);
  return 1;
}

static const luaL_Reg methods[] = { { "state", l_engine_state }, { "start", l_engine_start },
                                    { "next", l_engine_next },   { "wait", l_engine_wait },
                                    { "fd", l_engine_fd },       { "is_foreign", l_engine_is_foreign },
                                    { "facts", l_engine_facts }, { "meta", l_engine_meta },
                                    { "count", l_engine_count }, { NULL, NULL } };

static const luaL_Reg none[] = { { NULL, NULL } };

void ogl_lua_engine_class(lua_State *L) {
  ogl_lua_class(L, ENGINE, methods);
  ogl_lua_class(L, COUNTED, none);
}
