/* SPDX-License-Identifier: MIT
** lua_reply.c - see lua_reply.h.
**
**   reply = { role, id, model, text, reasoning, refusal, content, tool_calls, finish_reason, raw_finish_reason, logprobs,
**             usage, warnings, search_results, choices }
**
** `text` and `content` are always there; every other field only when the server gave it.
*/
#include "lua_reply.h"

#include <string.h>

#include "lua_event.h"
#include "lua_json.h"

static void set_text(lua_State *L, const char *field, const struct ogl_buf *b) {
  struct ogl_span s = ogl_buf_span(b);
  if (!s.n) return;
  lua_pushlstring(L, s.p, s.n);
  lua_setfield(L, -2, field);
}

/* Sets the field to all texts of one kind, joined; without such texts it leaves the field absent, unless `always`. */
static void set_joined(lua_State *L, const char *field, const struct ogl_answer *a, int kind, int always) {
  const struct ogl_part *only = NULL;
  int n = 0;
  for (size_t i = 0; a && i < a->n; i++)
    if (a->parts[i].kind == kind) only = &a->parts[i], n++;
  if (n == 0 && !always) return;
  if (n == 1) { /* the usual case: no second copy of a long text */
    struct ogl_span s = ogl_buf_span(&only->text);
    lua_pushlstring(L, s.p, s.n);
  } else {
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (size_t i = 0; a && i < a->n; i++)
      if (a->parts[i].kind == kind) luaL_addlstring(&b, ogl_buf_span(&a->parts[i].text).p, a->parts[i].text.n);
    luaL_pushresult(&b);
  }
  lua_setfield(L, -2, field);
}

static void push_call(lua_State *L, const struct ogl_part *p) {
  lua_createtable(L, 0, 5);
  ogl_lua_call_id_push(L, ogl_buf_span(&p->id), p->index);
  lua_setfield(L, -2, "id");
  set_text(L, "name", &p->name);
  set_text(L, "arguments", &p->text);
  set_text(L, "signature", &p->signature);
}

static void set_calls(lua_State *L, const struct ogl_answer *a) {
  int n = 0;
  for (size_t i = 0; a && i < a->n; i++) {
    if (a->parts[i].kind != OGL_EVENT_TOOL_CALL) continue;
    if (n == 0) lua_newtable(L);
    push_call(L, &a->parts[i]);
    lua_rawseti(L, -2, ++n);
  }
  if (n) lua_setfield(L, -2, "tool_calls");
}

static int is_search(const struct ogl_part *p) {
  return p->kind == OGL_EVENT_PART && ogl_span_is(ogl_buf_span(&p->name), "search_results");
}

static const char *type_of(const struct ogl_part *p) {
  switch (p->kind) {
    case OGL_EVENT_TEXT: return "text";
    case OGL_EVENT_REASONING: return "reasoning";
    case OGL_EVENT_REFUSAL: return "refusal";
    case OGL_EVENT_TOOL_CALL: return "tool_call";
    case OGL_EVENT_CITATION: return "citation";
    default: return "part";
  }
}

/* A part as it goes into `content`. What has to be echoed stays exact JSON text in `json`. */
static void push_part(lua_State *L, const struct ogl_part *p) {
  int opaque = p->kind == OGL_EVENT_PART || p->kind == OGL_EVENT_CITATION;
  if (p->kind == OGL_EVENT_TOOL_CALL) {
    push_call(L, p);
  } else {
    lua_createtable(L, 0, 4);
    set_text(L, opaque ? "json" : "text", &p->text);
    set_text(L, "kind", &p->name);
    set_text(L, "signature", &p->signature);
  }
  lua_pushstring(L, type_of(p));
  lua_setfield(L, -2, "type");
}

static void set_content(lua_State *L, const struct ogl_answer *a) {
  int n = 0;
  lua_newtable(L);
  for (size_t i = 0; a && i < a->n; i++) {
    if (is_search(&a->parts[i])) continue;
    push_part(L, &a->parts[i]);
    lua_rawseti(L, -2, ++n);
  }
  lua_setfield(L, -2, "content");
}

/* The JSON values that came, as a list. */
static void set_logprobs(lua_State *L, const struct ogl_answer *a) {
  if (!a || !a->logprobs.n) return;
  lua_pushliteral(L, "[");
  lua_pushlstring(L, ogl_buf_span(&a->logprobs).p, a->logprobs.n);
  lua_pushliteral(L, "]");
  lua_concat(L, 3);
  struct ogl_span text;
  text.p = lua_tolstring(L, -1, &text.n);
  ogl_lua_json_value(L, text);
  lua_setfield(L, -3, "logprobs");
  lua_pop(L, 1);
}

/* The fields that a choice and the whole reply share, into the table on top; `a` may be NULL. */
static void set_answer(lua_State *L, const struct ogl_answer *a) {
  set_joined(L, "text", a, OGL_EVENT_TEXT, 1);
  set_joined(L, "reasoning", a, OGL_EVENT_REASONING, 0);
  set_joined(L, "refusal", a, OGL_EVENT_REFUSAL, 0);
  set_calls(L, a);
  set_content(L, a);
  set_logprobs(L, a);
  if (!a) return;
  set_text(L, "finish_reason", &a->reason);
  set_text(L, "raw_finish_reason", &a->raw_reason);
}

/* `choices`, in the order of their numbers, when there are several. */
static void set_choices(lua_State *L, const struct ogl_fold *f) {
  int n = 0, last = -1;
  if (f->n < 2) return;
  lua_newtable(L);
  for (size_t k = 0; k < f->n; k++) {
    const struct ogl_answer *next = NULL;
    for (size_t i = 0; i < f->n; i++)
      if (f->answers[i].choice > last && (!next || f->answers[i].choice < next->choice)) next = &f->answers[i];
    if (!next) break;
    last = next->choice;
    lua_createtable(L, 0, 6);
    lua_pushinteger(L, last + 1);
    lua_setfield(L, -2, "choice");
    set_answer(L, next);
    lua_rawseti(L, -2, ++n);
  }
  lua_setfield(L, -2, "choices");
}

static void set_warnings(lua_State *L, const struct ogl_fold *f) {
  lua_newtable(L);
  for (size_t i = 0; i < f->warned; i++) {
    lua_createtable(L, 0, 3);
    set_text(L, "code", &f->warnings[i].code);
    set_text(L, "message", &f->warnings[i].message);
    set_text(L, "detail", &f->warnings[i].detail);
    lua_rawseti(L, -2, (int)i + 1);
  }
  if (f->dropped) {
    lua_createtable(L, 0, 2);
    lua_pushliteral(L, "more_warnings");
    lua_setfield(L, -2, "code");
    lua_pushfstring(L, "%d more warnings were not kept", (int)f->dropped);
    lua_setfield(L, -2, "message");
    lua_rawseti(L, -2, (int)f->warned + 1);
  }
  lua_setfield(L, -2, "warnings");
}

static void set_search_results(lua_State *L, const struct ogl_answer *a) {
  for (size_t i = 0; a && i < a->n; i++) {
    if (!is_search(&a->parts[i])) continue;
    ogl_lua_json_value(L, ogl_buf_span(&a->parts[i].text));
    lua_setfield(L, -2, "search_results");
  }
}

void ogl_lua_reply_push(lua_State *L, const struct ogl_fold *f) {
  const struct ogl_answer *first = ogl_fold_answer(f, 0);
  lua_createtable(L, 0, 16);
  lua_pushliteral(L, "assistant");
  lua_setfield(L, -2, "role");
  set_text(L, "id", &f->id);
  set_text(L, "model", &f->model);
  set_answer(L, first);
  set_choices(L, f);
  set_warnings(L, f);
  set_search_results(L, first);
  if (!f->usage.known) return;
  ogl_lua_usage_push(L, &f->usage);
  lua_setfield(L, -2, "usage");
}
