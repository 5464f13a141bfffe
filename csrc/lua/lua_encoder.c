/* SPDX-License-Identifier: MIT
** lua_encoder.c - encoders and transcoders for Lua.
**
**   core.encoder(protocol, mode, context) -> encoder          mode: "stream" or "whole"
**     encoder:put(event, now) -> true | nil, code, message    an event's table; {type = "error", message, kind, code} ends it
**     encoder:finish(now) -> true | nil, code, message        the reply is complete
**     encoder:take() -> bytes since the last take             encoder:lost() -> events that it could not carry
**     encoder:close()
**   core.transcoder(from, to, mode, context) -> transcoder
**     transcoder:feed(bytes, now) -> bytes, ended | nil, code, message
**     transcoder:finish(now) -> bytes | nil, code, message
**     transcoder:tally() -> chunks with a piece of the answer, the bytes of their texts, the usage or nil
**     transcoder:counts() -> events, lost                     transcoder:committed(), framing(): as those of a decoder
**     transcoder:problem() -> kind of what ended the answer, message, type, code, json | nil
**     transcoder:fail(message, kind, code, now) -> bytes | nil, code, message       ends the answer with an error
**     transcoder:close()
**
**   context = {id, model, created (seconds), now, include_usage, echo (JSON members), max_reply (bytes), generate (of Ollama: the form
**              of /api/generate), remote_model, remote_host; for a transcoder also content_type, strict and needs_reason of what
**              comes in; silent: a problem of it is told by `fail` alone; untouched: the bytes go out as
**              they came}
**   now: seconds since 1970 with their fraction; that of the context is when the request came. The core has no clock: without it
**        Ollama's durations are 1 ns.
*/
#include <string.h>

#include "../core/mem.h"
#include "../core/transcoder.h"
#include "../protocol/registry.h"
#include "lua_encoder.h"
#include "lua_event.h"
#include "lua_field.h"
#include "lua_parts.h"

#define ENCODER    "opengatellm.encoder"
#define TRANSCODER "opengatellm.transcoder"

struct encoder {
  struct ogl_lua_object object;
  struct ogl_encoder *e; /* NULL: closed */
};

struct transcoder {
  struct ogl_lua_object object;
  struct ogl_transcoder *t; /* NULL: closed */
};

/* Seconds as nanoseconds, of which a number holds too few digits; where there is no time, the last one stays. */
static void read_now(lua_State *L, int at, int64_t *now) {
  lua_Number seconds = lua_tonumber(L, at);
  if (!(seconds > 0 && seconds < 9e9)) return; /* 9e9: the year 2255 */
  int64_t full = (int64_t)seconds;
  *now = full * 1000000000 + (int64_t)((seconds - (lua_Number)full) * 1e9);
}

static struct ogl_encoder_context read_context(lua_State *L, int table) {
  struct ogl_encoder_context c;
  c.id = ogl_lua_field_text(L, table, "id");
  c.model = ogl_lua_field_text(L, table, "model");
  c.echo = ogl_lua_field_text(L, table, "echo");
  c.created = (int64_t)ogl_lua_field_number(L, table, "created", 9e15);
  c.include_usage = ogl_lua_field_true(L, table, "include_usage");
  c.now = 0;
  lua_getfield(L, table, "now");
  read_now(L, lua_gettop(L), &c.now);
  lua_pop(L, 1);
  c.is_generate = ogl_lua_field_true(L, table, "generate");
  c.remote_model = ogl_lua_field_text(L, table, "remote_model");
  c.remote_host = ogl_lua_field_text(L, table, "remote_host");
  c.max_reply = (size_t)ogl_lua_field_number(L, table, "max_reply", (lua_Number)(SIZE_MAX / 2));
  return c;
}

/* --- encoders ----------------------------------------------------------------------------------------------------- */

static struct encoder *to_encoder(lua_State *L) { return ogl_lua_self(L, ENCODER); }

static int l_encoder_put(lua_State *L) {
  struct encoder *u = to_encoder(L);
  struct ogl_event event;
  struct ogl_usage usage;
  ogl_lua_event_read(L, 2, &event, &usage);
  if (u->e) read_now(L, 3, &u->e->now);
  return ogl_lua_done(L, u->e ? ogl_encoder_put(u->e, &event) : OGL_ERR_CLOSED);
}

static int l_encoder_finish(lua_State *L) {
  struct encoder *u = to_encoder(L);
  if (u->e) read_now(L, 2, &u->e->now);
  return ogl_lua_done(L, u->e ? ogl_encoder_end(u->e) : OGL_ERR_CLOSED);
}

static void push_out(lua_State *L, void *self, struct ogl_buf *out) {
  struct ogl_span s = ogl_buf_span(out);
  ogl_lua_hold(self);
  lua_pushlstring(L, s.p, s.n);
  ogl_buf_reset(out);
  ogl_lua_let_go(L, self);
}

static int l_encoder_take(lua_State *L) {
  struct encoder *u = to_encoder(L);
  if (!u->e) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  ogl_encoder_end_frame(u->e); /* its error stays: the next put gives it */
  push_out(L, u, &u->e->out);
  return 1;
}

static int l_encoder_lost(lua_State *L) {
  struct encoder *u = to_encoder(L);
  ogl_lua_push_int64(L, u->e ? (int64_t)u->e->lost : 0);
  return 1;
}

static void release_encoder(lua_State *L, void *self) {
  struct encoder *u = self;
  (void)L;
  if (!u->e) return;
  ogl_encoder_clear(u->e);
  ogl_free(u->e);
  u->e = NULL;
}

static const struct ogl_encoding *check_encoding(lua_State *L, int arg) {
  const struct ogl_encoding *encoding = ogl_encoding_find(luaL_checkstring(L, arg));
  if (!encoding) luaL_argerror(L, arg, "no such protocol");
  return encoding;
}

static const char *const modes[] = { "stream", "whole", NULL };

static int l_encoder(lua_State *L) {
  const struct ogl_encoding *encoding = check_encoding(L, 1);
  int is_whole = luaL_checkoption(L, 2, "stream", modes);
  luaL_checktype(L, 3, LUA_TTABLE);
  struct ogl_encoder_context context = read_context(L, 3);
  struct encoder *u = ogl_lua_new(L, ENCODER, sizeof *u, release_encoder);
  u->e = ogl_realloc(NULL, sizeof *u->e);
  int err = u->e ? ogl_encoder_init(u->e, encoding, is_whole, &context) : OGL_ERR_MEMORY;
  return err ? ogl_lua_fail(L, err) : 1;
}

/* --- transcoders -------------------------------------------------------------------------------------------------- */

static struct transcoder *to_transcoder(lua_State *L) { return ogl_lua_self(L, TRANSCODER); }

void *ogl_lua_transcoder(lua_State *L, int arg, int now) {
  struct transcoder *u = luaL_checkudata(L, arg, TRANSCODER);
  if (ogl_lua_is_held(u)) luaL_error(L, TRANSCODER ": it is in use: a finalizer cannot use what is being read");
  if (u->t) read_now(L, now, &u->t->encoder.now);
  return u;
}

int ogl_lua_transcoder_feed(void *transcoder, struct ogl_span in) {
  struct transcoder *u = transcoder;
  return u->t ? ogl_transcoder_feed(u->t, in.p, in.n) : OGL_ERR_CLOSED;
}

void ogl_lua_transcoder_push(lua_State *L, void *transcoder) {
  struct transcoder *u = transcoder;
  int ended = u->t->ended;
  push_out(L, u, &u->t->encoder.out);
  lua_pushboolean(L, ended);
}

static int l_transcoder_feed(lua_State *L) {
  struct transcoder *u = to_transcoder(L);
  struct ogl_span in = ogl_lua_check_span(L, 2);
  if (u->t) read_now(L, 3, &u->t->encoder.now);
  int code = ogl_lua_transcoder_feed(u, in);
  if (code < 0) return ogl_lua_fail(L, code);
  ogl_lua_transcoder_push(L, u);
  return 2;
}

static int l_transcoder_finish(lua_State *L) {
  struct transcoder *u = to_transcoder(L);
  if (u->t) read_now(L, 2, &u->t->encoder.now);
  int code = u->t ? ogl_transcoder_finish(u->t) : OGL_ERR_CLOSED;
  if (code < 0) return ogl_lua_fail(L, code);
  push_out(L, u, &u->t->encoder.out);
  return 1;
}

static struct ogl_span text_of(lua_State *L, int arg) {
  size_t n = 0;
  const char *p = luaL_optlstring(L, arg, "", &n);
  return (struct ogl_span){ p, n };
}

static int l_transcoder_fail(lua_State *L) {
  struct transcoder *u = to_transcoder(L);
  struct ogl_event error;
  memset(&error, 0, sizeof error);
  error.kind = OGL_EVENT_ERROR;
  error.a = text_of(L, 2);
  error.b = text_of(L, 3);
  error.c = text_of(L, 4);
  if (u->t) read_now(L, 5, &u->t->encoder.now);
  int code = u->t ? ogl_transcoder_fail(u->t, &error) : OGL_ERR_CLOSED;
  if (code < 0) return ogl_lua_fail(L, code);
  push_out(L, u, &u->t->encoder.out);
  return 1;
}

static int l_transcoder_tally(lua_State *L) {
  struct transcoder *u = to_transcoder(L);
  return u->t ? ogl_lua_tally_push(L, u->t->tally, u->t->encoder.usage) : 0;
}

static int l_transcoder_committed(lua_State *L) {
  struct transcoder *u = to_transcoder(L);
  lua_pushboolean(L, u->t && ogl_tally_committed(&u->t->tally));
  return 1;
}

static int l_transcoder_framing(lua_State *L) {
  struct transcoder *u = to_transcoder(L);
  if (!u->t) return 0;
  lua_pushstring(L, ogl_framing_name(u->t->decoder.framer.framing)); /* nil for NULL */
  return 1;
}

static int l_transcoder_counts(lua_State *L) {
  struct transcoder *u = to_transcoder(L);
  if (!u->t) return 0;
  ogl_lua_push_int64(L, (int64_t)u->t->events);
  ogl_lua_push_int64(L, (int64_t)u->t->encoder.lost);
  return 2;
}

static int l_transcoder_problem(lua_State *L) {
  struct transcoder *u = to_transcoder(L);
  if (!u->t || !u->t->problem) return 0;
  const struct ogl_problem *p = ogl_decoder_problem(&u->t->decoder);
  ogl_lua_hold(u);
  lua_pushstring(L, ogl_code_name(u->t->problem));
  if (u->t->problem == OGL_ERR_PROVIDER) ogl_lua_push_or_nil(L, ogl_buf_span(&p->message));
  else lua_pushstring(L, ogl_code_text(u->t->problem));
  ogl_lua_push_or_nil(L, ogl_buf_span(&p->type));
  ogl_lua_push_or_nil(L, ogl_buf_span(&p->code));
  ogl_lua_push_or_nil(L, ogl_buf_span(&p->json));
  ogl_lua_let_go(L, u);
  return 5;
}

static void release_transcoder(lua_State *L, void *self) {
  struct transcoder *u = self;
  (void)L;
  if (!u->t) return;
  ogl_transcoder_clear(u->t);
  ogl_free(u->t);
  u->t = NULL;
}

static int l_transcoder(lua_State *L) {
  const struct ogl_protocol *from = ogl_protocol_find(luaL_checkstring(L, 1));
  const struct ogl_encoding *to = check_encoding(L, 2);
  int is_whole = luaL_checkoption(L, 3, "stream", modes);
  struct ogl_decoder_options options = { NULL, 0, 0, 0, 0 };
  if (!from) return luaL_argerror(L, 1, "no such protocol");
  luaL_checktype(L, 4, LUA_TTABLE);
  struct ogl_encoder_context context = read_context(L, 4);
  struct ogl_span content_type = ogl_lua_field_text(L, 4, "content_type");
  options.content_type = content_type.n ? content_type.p : NULL;
  options.strict = ogl_lua_field_true(L, 4, "strict");
  options.max_reply = context.max_reply;
  options.reason_required = ogl_lua_field_true(L, 4, "needs_reason");
  struct transcoder *u = ogl_lua_new(L, TRANSCODER, sizeof *u, release_transcoder);
  u->t = ogl_realloc(NULL, sizeof *u->t);
  int err = u->t ? ogl_transcoder_init(u->t, from, &options, to, is_whole, &context) : OGL_ERR_MEMORY;
  if (err) return ogl_lua_fail(L, err);
  u->t->silent = ogl_lua_field_true(L, 4, "silent");
  u->t->untouched = ogl_lua_field_true(L, 4, "untouched");
  return 1;
}

void ogl_lua_encoder_open(lua_State *L) {
  static const luaL_Reg encoder[] = {
    { "finish", l_encoder_finish },
    { "take", l_encoder_take },
    { "lost", l_encoder_lost },
    { NULL, NULL },
  };
  static const luaL_Reg transcoder[] = {
    { "feed", l_transcoder_feed },           { "finish", l_transcoder_finish },   { "fail", l_transcoder_fail },
    { "tally", l_transcoder_tally },         { "counts", l_transcoder_counts },   { "problem", l_transcoder_problem },
    { "committed", l_transcoder_committed }, { "framing", l_transcoder_framing }, { NULL, NULL },
  };
  ogl_lua_class(L, ENCODER, encoder);
  ogl_lua_event_method(L, ENCODER, "put", l_encoder_put);
  ogl_lua_class(L, TRANSCODER, transcoder);
  lua_pushcfunction(L, l_encoder);
  lua_setfield(L, -2, "encoder");
  lua_pushcfunction(L, l_transcoder);
  lua_setfield(L, -2, "transcoder");
}
