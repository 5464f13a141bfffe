/* SPDX-License-Identifier: MIT
** citation.c - see citation.h.
**
**   {"type":"url_citation","url","title","start_index","end_index"}      openai_responses
**   {"type":"url_citation","url_citation":{…the same…}}                  openai_chat
**   {"type":"web_search_result_location","url","title","cited_text"}     anthropic
**   {"uri","title","startIndex","endIndex"}, {"web":{"uri","title"}}     gemini
**   "https://…"                                                          Perplexity
*/
#include "citation.h"

static int64_t place(struct ogl_json *j) {
  struct ogl_number n;
  return ogl_json_number_or_skip(j, &n) && n.is_integer && n.i >= 0 ? n.i : -1;
}

static int holds_another(struct ogl_span key) {
  return ogl_span_is(key, "url_citation") || ogl_span_is(key, "web") || ogl_span_is(key, "retrievedContext");
}

/* Reads the members of one object. Gives the raw value of the object inside of it that says more, if it has one. */
static struct ogl_span read_members(struct ogl_json *j, struct ogl_citation *c) {
  struct ogl_span key, inner = { "", 0 };
  struct ogl_json_text text;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "type") && ogl_json_string_or_skip(j, &text)) c->type = text.raw;
    else if (ogl_span_is(key, "type")) continue;
    else if (ogl_span_is(key, "url") || ogl_span_is(key, "uri")) ogl_json_string_or_skip(j, &c->url);
    else if (ogl_span_is(key, "title")) ogl_json_string_or_skip(j, &c->title);
    else if (ogl_span_is(key, "start_index") || ogl_span_is(key, "startIndex")) c->start = place(j);
    else if (ogl_span_is(key, "end_index") || ogl_span_is(key, "endIndex")) c->end = place(j);
    else ogl_json_skip(j, holds_another(key) ? &inner : NULL);
  }
  return inner;
}

int ogl_citation_read(struct ogl_span json, struct ogl_citation *c) {
  struct ogl_json j;
  memset(c, 0, sizeof *c);
  c->start = c->end = -1;
  ogl_json_open(&j, json.p, json.n);
  if (ogl_json_peek(&j) == '"') return ogl_json_string(&j, &c->url) == OGL_OK && c->url.raw.n;
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  struct ogl_span inner = read_members(&j, c);
  c->nested = inner.n != 0;
  ogl_json_open(&j, inner.p, inner.n);
  if (inner.n && ogl_json_enter_or_skip(&j, '{')) read_members(&j, c);
  return c->url.raw.n != 0;
}
