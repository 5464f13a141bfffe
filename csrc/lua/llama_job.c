/* SPDX-License-Identifier: MIT
** llama_job.c - the userdata opengatellm.llama.job: something that an engine was asked for.
**
**   job:id() -> number       engine:next gives it when there is news
**   job:take() -> bytes | false | nil, end, prompt, cached, output      false: none yet
**   job:logprobs() -> text | nil      of the tokens since the last time: items of JSON, a comma between two
**   job:close()              ends it, at any time
**
** The bytes are text, whole characters of UTF-8, or the floats of a vector. `end`: "stop", "length", "cancelled", "context", "empty",
** "grammar", "memory", "failed", "unloaded", and "forked" in a child of the process that began it; the three numbers count tokens.
*/
#include "llama_handle.h"
#include "llama_options.h"

#define JOB "opengatellm.llama.job"

struct job {
  struct ogl_lua_object object;
  struct ogl_llama_job *j;   /* NULL: closed */
  struct ogl_buf taken;      /* what has come; Lua may lack the memory for it, and ask again */
  struct ogl_buf likelihood; /* the same of what was said of the tokens */
};

static void release(lua_State *L, void *self) {
  struct job *u = self;
  struct ogl_llama_job *j = u->j;
  (void)L;
  u->j = NULL;
  ogl_buf_clear(&u->taken);
  ogl_buf_clear(&u->likelihood);
  if (!j) return;
  ogl_llama_job_cancel(j);
  ogl_llama_job_drop(j);
}

static struct job *to_job(lua_State *L) { return ogl_lua_self(L, JOB); }

int ogl_lua_job_new(lua_State *L, struct ogl_llama_engine *e) {
  struct job *u = ogl_lua_new(L, JOB, sizeof *u, release);
  int place = lua_gettop(L);
  ogl_buf_init(&u->taken, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&u->likelihood, OGL_MAX_REPLY, OGL_ERR_REPLY);
  u->j = ogl_llama_job_new(ogl_llama_engine_news(e));
  int err = u->j ? ogl_lua_llama_options(L, 2, u->j) : OGL_ERR_MEMORY;
  if (err) return ogl_lua_fail_text(L, "limit", ogl_code_text(err));
  ogl_llama_engine_start(e, u->j);
  lua_pushvalue(L, place);
  return 1;
}

static int l_job_id(lua_State *L) {
  struct job *u = to_job(L);
  lua_pushinteger(L, u->j ? (lua_Integer)u->j->item.id : 0);
  return 1;
}

static int ended(lua_State *L, const char *how, struct ogl_llama_counts counts) {
  lua_pushnil(L);
  lua_pushstring(L, how);
  lua_pushinteger(L, counts.prompt);
  lua_pushinteger(L, counts.cached);
  lua_pushinteger(L, counts.output);
  return 5;
}

/* Pushes the bytes of a buffer, then drops them: where there is no memory for the string, no byte is lost. */
static int give(lua_State *L, struct job *u, struct ogl_buf *some) {
  struct ogl_span bytes = ogl_buf_span(some);
  ogl_lua_hold(u);
  lua_pushlstring(L, bytes.p, bytes.n);
  ogl_buf_reset(some);
  ogl_lua_let_go(L, u);
  return 1;
}

static int l_job_take(lua_State *L) {
  static const char *const ends[] = {
    NULL, "stop", "length", "cancelled", "context", "empty", "grammar", "memory", "failed", "unloaded"
  }; /* in the order of enum ogl_llama_end */
  struct job *u = to_job(L);
  struct ogl_llama_counts counts = { 0, 0, 0 };
  enum ogl_llama_end end = OGL_LLAMA_GOES_ON;
  if (!u->j) return ended(L, "cancelled", counts);
  if (ogl_llama_news_is_foreign(u->j->news)) return ended(L, "forked", counts);
  if (!u->taken.n) end = ogl_llama_job_take(u->j, &u->taken, &counts);
  if (!u->taken.n) {
    if (end) return ended(L, ends[end], counts);
    lua_pushboolean(L, 0);
    return 1;
  }
  return give(L, u, &u->taken);
}

static int l_job_logprobs(lua_State *L) {
  struct job *u = to_job(L);
  int gone = !u->j || ogl_llama_news_is_foreign(u->j->news);
  if (!gone && !u->likelihood.n) ogl_llama_job_take_likelihood(u->j, &u->likelihood);
  if (u->likelihood.n) return give(L, u, &u->likelihood);
  lua_pushnil(L);
  return 1;
}

static const luaL_Reg methods[] = {
  { "id", l_job_id }, { "take", l_job_take }, { "logprobs", l_job_logprobs }, { NULL, NULL }
};

void ogl_lua_job_class(lua_State *L) { ogl_lua_class(L, JOB, methods); }
