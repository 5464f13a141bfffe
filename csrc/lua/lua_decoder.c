/* SPDX-License-Identifier: MIT
** lua_decoder.c - decoders and framers for Lua.
**
**   core.decoder(protocol [, content_type, strict, keep, max_reply, needs_reason]) -> decoder
**   core.next(decoder) -> event | nil (feed more) | nil, false (the reply is complete) | nil, code, message
**   core.late(decoder) -> list of events         of one with keep = false: the usage, and how it ended, that stand behind an error of
**                                                the server; a fold of its events lacks no more than them
**     decoder:text(joined) -> text | as next       the next text of the first choice; joined: with all that has arrived behind it
**     decoder:skip()      the same for all events that there are, without making tables; like next it may fail
**     decoder:committed() -> whether part of an answer has left: text, reasoning, a refusal, a part, a tool call, or its end
**     decoder:tally() -> chunks with a piece of the answer and the bytes of their texts, that left by next and skip; the last usage, or nil
**     decoder:feed(bytes) -> true | nil, code, message      decoder:ended() -> the reply is complete
**     decoder:finish()    no more bytes will come           decoder:reply() -> the reply so far
**     decoder:raw() -> text of the last frame               decoder:problem() -> message, type, code, json of an error
**     decoder:framing() -> how it is cut, or nil            decoder:close()
**     decoder:wants() -> more bytes can add to the reply: behind an error of the server, what it cost and how it ended
**
**   core.framer(mode, content_type) -> framer               mode: "llm" or "whatwg"
**     framer:feed(bytes), framer:finish(), framer:close()
**     framer:next() -> {event, data, kind, id, retry} | nil | nil, code, message
**
** A framing is "sse", "ndjson", "json_array" or "whole". `next` and `late` are no methods: they have all names of events as upvalues,
** for `next` is called once a token.
*/
#include <string.h>

#include "../core/decoder.h"
#include "../core/mem.h"
#include "../protocol/registry.h"
#include "lua_event.h"
#include "lua_parts.h"
#include "lua_reply.h"
#include "sink.h"

#define DECODER "opengatellm.decoder"
#define FRAMER  "opengatellm.framer"

enum { FIRST_NAME = 2 }; /* upvalue 1 of next is the class */

/* A small box: were the decoder itself in it, the collector would count its size, and run more often. */
struct decoder {
  struct ogl_lua_object object;
  struct ogl_decoder *d;  /* NULL: closed */
  struct ogl_event event; /* taken from the decoder and not yet given: a memory error of Lua must lose nothing */
  int waiting;
  struct ogl_tally tally; /* of the events that have left, by next or by skip */
  struct ogl_usage usage; /* of the last that told it */
};

static struct decoder *to_decoder(lua_State *L) { return ogl_lua_self(L, DECODER); }

/* Notes that the event leaves. */
static void count(struct decoder *u) {
  ogl_tally_add(&u->tally, &u->event);
  if (u->event.kind == OGL_EVENT_USAGE) u->usage = *u->event.usage;
}

/* Returns the results without an event: nothing (feed more), or nil and false at the end. */
static int nothing(lua_State *L, const struct decoder *u) {
  if (!ogl_decoder_ended(u->d)) return 0;
  lua_pushnil(L);
  lua_pushboolean(L, 0);
  return 2;
}

static int l_decoder_next(lua_State *L) {
  struct decoder *u = to_decoder(L);
  if (OGL_UNLIKELY(!u->d)) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  if (OGL_LIKELY(!u->waiting)) {
    int code = ogl_decoder_next(u->d, &u->event);
    if (code == OGL_MORE) return nothing(L, u);
    if (OGL_UNLIKELY(code < 0)) return ogl_lua_fail(L, code);
    u->waiting = 1;
  }
  ogl_lua_hold(u);
  ogl_lua_event_push(L, &u->event, FIRST_NAME);
  u->waiting = 0;
  count(u);
  ogl_lua_let_go(L, u);
  return 1;
}

/* Appends an event to the list on top, which has n. */
static void append_event(lua_State *L, const struct ogl_event *e, int n) {
  ogl_lua_event_push(L, e, FIRST_NAME);
  lua_rawseti(L, -2, n + 1);
}

static void push_late(lua_State *L, const struct ogl_fold *f) {
  struct ogl_event e;
  int n = 0;
  memset(&e, 0, sizeof e);
  lua_newtable(L);
  e.kind = OGL_EVENT_USAGE;
  e.usage = &f->usage;
  if (f->usage.known) append_event(L, &e, n++);
  e.kind = OGL_EVENT_FINISH;
  for (size_t i = 0; i < f->n; i++) {
    e.choice = f->answers[i].choice;
    e.a = ogl_buf_span(&f->answers[i].reason);
    e.b = ogl_buf_span(&f->answers[i].raw_reason);
    append_event(L, &e, n++);
  }
}

static int l_decoder_late(lua_State *L) {
  struct decoder *u = to_decoder(L);
  if (!u->d) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  if (u->d->keep) return luaL_argerror(L, 1, "it keeps the reply, which has what came behind an error");
  ogl_lua_hold(u);
  push_late(L, &u->d->fold);
  ogl_lua_let_go(L, u);
  return 1;
}

/* A text that Lua had no memory for waits as an event, so that next gives it too. */
static int take_text(struct decoder *u, int joined) {
  struct ogl_event *e = &u->event;
  if (OGL_UNLIKELY(u->waiting) && e->kind == OGL_EVENT_TEXT && !e->choice) return OGL_OK;
  if (u->waiting) count(u);
  u->waiting = 0;
  int code = ogl_decoder_text(u->d, joined, e, &u->tally.kinds);
  u->waiting = code == OGL_OK;
  return code;
}

static int l_decoder_text(lua_State *L) {
  struct decoder *u = to_decoder(L);
  if (OGL_UNLIKELY(!u->d)) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  int code = take_text(u, lua_toboolean(L, 2));
  if (code == OGL_MORE) return nothing(L, u);
  if (OGL_UNLIKELY(code < 0)) return ogl_lua_fail(L, code);
  ogl_lua_hold(u);
  lua_pushlstring(L, u->event.a.p, u->event.a.n);
  u->waiting = 0;
  ogl_lua_let_go(L, u);
  return 1;
}

/* Goes past all events that there are. */
static int l_decoder_skip(lua_State *L) {
  struct decoder *u = to_decoder(L);
  int code = OGL_ERR_CLOSED;
  if (u->waiting) count(u);
  u->waiting = 0;
  while (u->d && (code = ogl_decoder_next(u->d, &u->event)) == OGL_OK) count(u);
  return code < 0 ? ogl_lua_fail(L, code) : nothing(L, u);
}

static int l_decoder_committed(lua_State *L) {
  lua_pushboolean(L, ogl_tally_committed(&to_decoder(L)->tally));
  return 1;
}

static int l_decoder_tally(lua_State *L) {
  struct decoder *u = to_decoder(L);
  return ogl_lua_tally_push(L, u->tally, u->usage);
}

static int feed(struct decoder *u, const char *p, size_t n) {
  if (!u->d) return OGL_ERR_CLOSED;
  if (u->waiting) return OGL_ERR_MEMORY; /* its texts would move: Lua had no memory, and next was not tried again */
  return ogl_decoder_feed(u->d, p, n);
}

static int l_decoder_feed(lua_State *L) {
  struct decoder *u = to_decoder(L);
  struct ogl_span in = ogl_lua_check_span(L, 2);
  int code = feed(u, in.p, in.n);
  return ogl_lua_done(L, code);
}

static void take(void *self, const char *p, size_t n) { feed(self, p, n); }

/* Puts the sink where transfer:pour looks for it, and where no program can put another value. */
static void add_sink(lua_State *L) {
  static const struct ogl_lua_sink sink = { DECODER, take };
  lua_pushlightuserdata(L, (void *)(uintptr_t)&sink);
  lua_setfield(L, LUA_REGISTRYINDEX, OGL_LUA_SINK);
}

static int l_decoder_finish(lua_State *L) {
  struct decoder *u = to_decoder(L);
  if (u->d) ogl_decoder_finish(u->d);
  return 0;
}

static int l_decoder_ended(lua_State *L) {
  struct decoder *u = to_decoder(L);
  lua_pushboolean(L, u->d && !u->waiting && ogl_decoder_ended(u->d));
  return 1;
}

static int l_decoder_wants(lua_State *L) {
  struct decoder *u = to_decoder(L);
  lua_pushboolean(L, u->d && ogl_decoder_wants(u->d));
  return 1;
}

static int l_decoder_reply(lua_State *L) {
  struct decoder *u = to_decoder(L);
  if (!u->d) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  ogl_lua_hold(u);
  ogl_lua_reply_push(L, &u->d->fold);
  ogl_lua_let_go(L, u);
  return 1;
}

static int l_decoder_raw(lua_State *L) {
  struct decoder *u = to_decoder(L);
  if (!u->d) return ogl_lua_fail(L, OGL_ERR_CLOSED);
  struct ogl_span s = u->d->frame.data;
  ogl_lua_hold(u);
  lua_pushlstring(L, s.n ? s.p : "", s.n);
  ogl_lua_let_go(L, u);
  return 1;
}

static int l_decoder_problem(lua_State *L) {
  struct decoder *u = to_decoder(L);
  if (!u->d) return 0;
  const struct ogl_problem *p = ogl_decoder_problem(u->d);
  ogl_lua_hold(u);
  ogl_lua_push_or_nil(L, ogl_buf_span(&p->message));
  ogl_lua_push_or_nil(L, ogl_buf_span(&p->type));
  ogl_lua_push_or_nil(L, ogl_buf_span(&p->code));
  ogl_lua_push_or_nil(L, ogl_buf_span(&p->json));
  ogl_lua_let_go(L, u);
  return 4;
}

static int l_decoder_framing(lua_State *L) {
  struct decoder *u = to_decoder(L);
  if (!u->d) return 0;
  lua_pushstring(L, ogl_framing_name(u->d->framer.framing)); /* nil for NULL */
  return 1;
}

static void release(lua_State *L, void *self) {
  struct decoder *u = self;
  (void)L;
  if (!u->d) return;
  ogl_decoder_clear(u->d);
  ogl_free(u->d);
  u->d = NULL;
  u->waiting = 0;
}

/* decoder(protocol, content_type, strict, keep, max_reply, needs_reason): all but the first may be nil; keep defaults to true. */
static int l_decoder(lua_State *L) {
  struct ogl_decoder_options options = { NULL, 0, 1, 0, 0 };
  const struct ogl_protocol *protocol = ogl_protocol_find(luaL_checkstring(L, 1));
  if (!protocol) return luaL_argerror(L, 1, "no such protocol");
  options.content_type = luaL_optstring(L, 2, NULL);
  options.strict = lua_toboolean(L, 3);
  options.keep = lua_isnoneornil(L, 4) || lua_toboolean(L, 4);
  lua_Number most = luaL_optnumber(L, 5, 0);
  luaL_argcheck(L, most >= 0, 5, "a number of bytes");
  options.max_reply = most < (lua_Number)(SIZE_MAX / 2) ? (size_t)most : SIZE_MAX / 2;
  options.reason_required = lua_toboolean(L, 6);
  struct decoder *u = ogl_lua_new(L, DECODER, sizeof *u, release);
  u->d = ogl_realloc(NULL, sizeof *u->d);
  int err = u->d ? ogl_decoder_init(u->d, protocol, &options) : OGL_ERR_MEMORY;
  if (err) return ogl_lua_fail(L, err);
  return 1;
}

/* --- framers -------------------------------------------------------------------------------------------------- */

struct framer {
  struct ogl_lua_object object;
  struct ogl_framer f;
  int open;
};

static struct framer *to_framer(lua_State *L) { return ogl_lua_self(L, FRAMER); }

static int l_framer_feed(lua_State *L) {
  struct framer *u = to_framer(L);
  struct ogl_span in = ogl_lua_check_span(L, 2);
  int code = u->open ? ogl_framer_feed(&u->f, in.p, in.n) : OGL_ERR_CLOSED;
  return ogl_lua_done(L, code);
}

static int l_framer_finish(lua_State *L) {
  struct framer *u = to_framer(L);
  if (u->open) ogl_framer_finish(&u->f);
  return 0;
}

static void set_span(lua_State *L, const char *key, struct ogl_span s) {
  lua_pushlstring(L, s.p, s.n);
  lua_setfield(L, -2, key);
}

static void push_frame(lua_State *L, const struct framer *u, const struct ogl_frame *frame) {
  static const char *const kinds[] = { "event", "bare", "error", "whole" };
  lua_createtable(L, 0, 6);
  set_span(L, "event", frame->event);
  set_span(L, "data", frame->data);
  lua_pushstring(L, kinds[frame->kind]);
  lua_setfield(L, -2, "kind");
  lua_pushboolean(L, frame->repaired);
  lua_setfield(L, -2, "repaired");
  if (u->f.framing != OGL_FRAMING_SSE) return;
  set_span(L, "id", ogl_buf_span(&u->f.u.sse.id));
  if (u->f.u.sse.retry < 0) return;
  ogl_lua_push_int64(L, u->f.u.sse.retry);
  lua_setfield(L, -2, "retry");
}

static int l_framer_next(lua_State *L) {
  struct framer *u = to_framer(L);
  struct ogl_frame frame;
  int code = u->open ? ogl_framer_next(&u->f, &frame) : OGL_ERR_CLOSED;
  if (code < 0) return ogl_lua_fail(L, code);
  if (code == OGL_MORE) return 0;
  ogl_lua_hold(u);
  push_frame(L, u, &frame);
  ogl_lua_let_go(L, u);
  return 1;
}

static void release_framer(lua_State *L, void *self) {
  struct framer *u = self;
  (void)L;
  if (u->open) ogl_framer_clear(&u->f);
  u->open = 0;
}

static int l_framer(lua_State *L) {
  static const char *const modes[] = { "llm", "whatwg", NULL };
  int mode = luaL_checkoption(L, 1, "llm", modes);
  const char *content_type = luaL_optstring(L, 2, NULL);
  struct framer *u = ogl_lua_new(L, FRAMER, sizeof *u, release_framer);
  ogl_framer_init(&u->f, content_type, mode);
  u->open = 1;
  return 1;
}

/* Adds a function with the class and the names of events as upvalues. */
static void add_with_names(lua_State *L, const char *name, lua_CFunction function) {
  luaL_getmetatable(L, DECODER);
  lua_pushcclosure(L, function, 1 + ogl_lua_event_names(L));
  lua_setfield(L, -2, name);
}

void ogl_lua_decoder_open(lua_State *L) {
  static const luaL_Reg decoder[] = {
    { "feed", l_decoder_feed },
    { "text", l_decoder_text },
    { "skip", l_decoder_skip },
    { "committed", l_decoder_committed },
    { "finish", l_decoder_finish },
    { "ended", l_decoder_ended },
    { "reply", l_decoder_reply },
    { "raw", l_decoder_raw },
    { "problem", l_decoder_problem },
    { "framing", l_decoder_framing },
    { "wants", l_decoder_wants },
    { "tally", l_decoder_tally },
    { NULL, NULL },
  };
  static const luaL_Reg framer[] = {
    { "feed", l_framer_feed },
    { "finish", l_framer_finish },
    { "next", l_framer_next },
    { NULL, NULL },
  };
  ogl_lua_class(L, DECODER, decoder);
  add_sink(L);
  ogl_lua_class(L, FRAMER, framer);
  lua_pushcfunction(L, l_decoder);
  lua_setfield(L, -2, "decoder");
  add_with_names(L, "next", l_decoder_next);
  add_with_names(L, "late", l_decoder_late);
  lua_pushcfunction(L, l_framer);
  lua_setfield(L, -2, "framer");
}
