/* SPDX-License-Identifier: MIT
** llama_options.c - see llama_options.h.
**
**   settings   path, context, slots, threads, gpu_layers, embeddings (bool), pooling ("mean", "cls", "last", "none")
**   a job      kind             "chat", "embed" or "load"
**              pieces           list of { text, special = bool }, see ../llama/prompt.h
**              max_tokens, temperature, top_k, top_p, min_p, repeat_penalty, frequency_penalty, presence_penalty, seed
**              stop             list of texts
**              logprobs (bool), top_logprobs (up to 20)
**              logit_bias       token -> number; a token may be a text of digits, as in JSON
**              grammar          GBNF, whose first rule is `root`
**              thought          { open = text, close = text, is_open = bool }: the grammar begins behind it
*/
#include "llama_options.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "../core/mem.h"
#include "../llama/likelihood.h"
#include "typed_field.h"

static int whole(lua_State *L, int table, const char *key, int otherwise, int least, int most) {
  return (int)ogl_lua_typed_number(L, table, key, otherwise, least, most);
}

static float real(lua_State *L, int table, const char *key, float otherwise, double least, double most) {
  return (float)ogl_lua_typed_number(L, table, key, (double)otherwise, least, most);
}

/* The place of a field's text among names; `otherwise` where it is nil. */
static int choice(lua_State *L, int table, const char *key, const char *const *names, int otherwise) {
  const char *text = ogl_lua_typed_text(L, table, key, NULL);
  for (int i = 0; text && names[i]; i++)
    if (!strcmp(names[i], text)) return i;
  if (text) luaL_error(L, "field '%s': there is no '%s'", key, text);
  return otherwise;
}

struct ogl_llama_settings ogl_lua_llama_settings(lua_State *L, int table) {
  static const char *const poolings[] = { "none", "mean", "cls", "last", NULL }; /* in the order of libllama's enum */
  struct ogl_llama_settings s;
  luaL_checktype(L, table, LUA_TTABLE);
  luaL_checkstack(L, 8, NULL);
  s.path = ogl_lua_typed_text(L, table, "path", NULL);
  if (!s.path) luaL_error(L, "field 'path': expected string, got nil");
  s.context = whole(L, table, "context", 0, 1, 1 << 22);
  s.slots = whole(L, table, "slots", 0, 1, OGL_LLAMA_MAX_SLOTS);
  s.threads = whole(L, table, "threads", 0, 1, 512);
  s.gpu_layers = whole(L, table, "gpu_layers", -1, 0, 10000);
  s.embeddings = ogl_lua_typed_flag(L, table, "embeddings", 0);
  s.pooling = choice(L, table, "pooling", poolings, -1);
  return s;
}

/* Calls `each` with the texts of a list in turn, for as long as it gives 0. */
static int each_text(lua_State *L, int list, int (*each)(lua_State *L, void *to, const char *p, size_t n), void *to) {
  int err = 0;
  for (int i = 1, n = (int)lua_rawlen(L, list); i <= n && !err; i++) {
    size_t length;
    lua_rawgeti(L, list, i);
    const char *p = luaL_checklstring(L, -1, &length);
    err = each(L, to, p, length);
    lua_pop(L, 1);
  }
  return err;
}

int ogl_lua_llama_pieces(lua_State *L, int list, struct ogl_llama_prompt *p) {
  int err = 0;
  for (int i = 1, n = (int)lua_rawlen(L, list); i <= n && !err; i++) {
    lua_rawgeti(L, list, i);
    int piece = lua_gettop(L);
    luaL_checktype(L, piece, LUA_TTABLE);
    int special = ogl_lua_typed_flag(L, piece, "special", 0);
    if (!ogl_lua_typed_push(L, piece, "text", LUA_TSTRING)) luaL_error(L, "field 'text': expected string, got nil");
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    err = ogl_llama_prompt_add(p, text, length, special);
    lua_pop(L, 2);
  }
  return err;
}

static int add_stop(lua_State *L, void *to, const char *p, size_t n) {
  int err = ogl_llama_text_stop(to, p, n);
  if (err == OGL_ERR_PARTS)
    return luaL_error(L, "field 'stop': expected at most %d texts of 1 to %d bytes", OGL_LLAMA_MAX_STOPS,
                      OGL_LLAMA_MAX_STOP);
  return err;
}

static int read_stops(lua_State *L, int table, struct ogl_llama_job *j) {
  if (!ogl_lua_typed_push(L, table, "stop", LUA_TTABLE)) return 0;
  int err = each_text(L, lua_gettop(L), add_stop, &j->text);
  lua_pop(L, 1);
  return err;
}

/* Reads a pair of a table of biases, whose key lies below its value. */
static struct llama_logit_bias bias_of(lua_State *L) {
  lua_pushvalue(L, -2); /* a copy: a text that becomes a number would end the walk */
  lua_Number token = lua_tonumber(L, -1), bias = lua_tonumber(L, -2);
  int good = lua_isnumber(L, -1) && lua_isnumber(L, -2) && token >= 0 && token < INT_MAX && fabs(bias) <= 1000;
  lua_pop(L, 1);
  if (!good) luaL_error(L, "field 'logit_bias': expected numbers of tokens with numbers from -1000 to 1000");
  struct llama_logit_bias row = { (llama_token)token, (float)bias };
  return row;
}

static int read_biases(lua_State *L, int table, struct ogl_llama_sampling *s) {
  if (!ogl_lua_typed_push(L, table, "logit_bias", LUA_TTABLE)) return 0;
  s->bias = ogl_realloc(NULL, OGL_LLAMA_MAX_BIASES * sizeof *s->bias);
  if (!s->bias) return OGL_ERR_MEMORY;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (s->n_bias == OGL_LLAMA_MAX_BIASES)
      luaL_error(L, "field 'logit_bias': more than %d tokens", OGL_LLAMA_MAX_BIASES);
    s->bias[s->n_bias++] = bias_of(L);
  }
  lua_pop(L, 1);
  return 0;
}

/* A copy of a field's text, NULL where it is nil; without memory *err is set. */
static char *copy_text(lua_State *L, int table, const char *key, size_t most, int *err) {
  const char *text = ogl_lua_typed_text(L, table, key, NULL);
  if (!text) return NULL;
  size_t n = strlen(text) + 1;
  if (n > most) luaL_error(L, "field '%s': longer than %d bytes", key, (int)most - 1);
  char *p = ogl_realloc(NULL, n);
  if (p) memcpy(p, text, n);
  else *err = OGL_ERR_MEMORY;
  lua_pop(L, 1);
  return p;
}

static int read_rules(lua_State *L, int table, struct ogl_llama_sampling *s) {
  int err = 0;
  s->grammar = copy_text(L, table, "grammar", OGL_MAX_BODY, &err);
  if (!ogl_lua_typed_push(L, table, "thought", LUA_TTABLE)) return err;
  int thought = lua_gettop(L);
  s->open = copy_text(L, thought, "open", OGL_LLAMA_MAX_MARK, &err);
  s->close = copy_text(L, thought, "close", OGL_LLAMA_MAX_MARK, &err);
  s->is_open = ogl_lua_typed_flag(L, thought, "is_open", 0);
  lua_pop(L, 1);
  return err;
}

static void read_sampling(lua_State *L, int table, struct ogl_llama_sampling *s) {
  double seed = ogl_lua_typed_number(L, table, "seed", -1, -9.1e15, 9.1e15);
  s->temperature = real(L, table, "temperature", s->temperature, 0, 100);
  s->top_k = whole(L, table, "top_k", s->top_k, 0, INT_MAX);
  s->top_p = real(L, table, "top_p", s->top_p, 0, 1);
  s->min_p = real(L, table, "min_p", s->min_p, 0, 1);
  s->repeat = real(L, table, "repeat_penalty", s->repeat, 0.01, 100);
  s->frequency = real(L, table, "frequency_penalty", s->frequency, -100, 100);
  s->presence = real(L, table, "presence_penalty", s->presence, -100, 100);
  s->is_seeded = seed >= 0;
  s->seed = (uint32_t)fmod(fabs(seed), 4294967295.0); /* the one above is libllama's word for a random one */
}

int ogl_lua_llama_options(lua_State *L, int table, struct ogl_llama_job *j) {
  static const char *const kinds[] = { "chat", "embed", "load", NULL }; /* in the order of enum ogl_llama_kind */
  int err = 0;
  luaL_checktype(L, table, LUA_TTABLE);
  luaL_checkstack(L, 16, NULL);
  j->kind = (enum ogl_llama_kind)choice(L, table, "kind", kinds, OGL_LLAMA_CHAT);
  j->max_tokens = whole(L, table, "max_tokens", 0, 1, INT_MAX);
  j->likelihoods = ogl_lua_typed_flag(L, table, "logprobs", 0);
  j->likeliest = whole(L, table, "top_logprobs", 0, 0, OGL_LLAMA_MAX_LIKELIEST);
  read_sampling(L, table, &j->sampling);
  if (ogl_lua_typed_push(L, table, "pieces", LUA_TTABLE)) err = ogl_lua_llama_pieces(L, lua_gettop(L), &j->prompt);
  if (!err) err = read_stops(L, table, j);
  if (!err) err = read_biases(L, table, &j->sampling);
  return err ? err : read_rules(L, table, &j->sampling);
}
