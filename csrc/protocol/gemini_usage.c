/* SPDX-License-Identifier: MIT
** gemini_usage.c - usageMetadata, whose numbers leave each other out: the prompt without what tools added to it, and the
** candidates without their thoughts.
*/
#include "gemini_decode.h"

/* Where the numbers as they came are kept: each in a field that it is not summed into. */
enum {
  PROMPT = OGL_USAGE_INPUT,
  TOOL_PROMPT = OGL_USAGE_CACHE_WRITE,
  CANDIDATES = OGL_USAGE_OUTPUT,
  THOUGHTS = OGL_USAGE_REASONING
};

static void take_number(struct ogl_json *j, struct ogl_usage *u, int field) {
  struct ogl_number v;
  if (ogl_json_number_or_skip(j, &v)) ogl_usage_set(u, field, v.d);
}

/* The sum of two numbers that were sent, absent where both are. */
static void sum(const struct ogl_usage *sent, int one, int two, struct ogl_usage *u, int field) {
  double v = 0;
  if (ogl_usage_has(sent, one)) v += sent->v[one];
  if (ogl_usage_has(sent, two)) v += sent->v[two];
  if (ogl_usage_has(sent, one) || ogl_usage_has(sent, two)) ogl_usage_set(u, field, v);
}

static void interpret(const struct ogl_usage *sent, struct ogl_usage *u) {
  memset(u, 0, sizeof *u);
  sum(sent, PROMPT, TOOL_PROMPT, u, OGL_USAGE_INPUT);
  sum(sent, CANDIDATES, THOUGHTS, u, OGL_USAGE_OUTPUT);
  sum(u, OGL_USAGE_INPUT, OGL_USAGE_OUTPUT, u, OGL_USAGE_TOTAL);
  if (ogl_usage_has(sent, OGL_USAGE_TOTAL)) ogl_usage_set(u, OGL_USAGE_TOTAL, sent->v[OGL_USAGE_TOTAL]);
  if (ogl_usage_has(sent, OGL_USAGE_CACHED)) ogl_usage_set(u, OGL_USAGE_CACHED, sent->v[OGL_USAGE_CACHED]);
  if (ogl_usage_has(sent, THOUGHTS)) ogl_usage_set(u, OGL_USAGE_REASONING, sent->v[THOUGHTS]);
}

int ogl_gemini_read_usage(struct ogl_span json, struct ogl_usage *sent, struct ogl_usage *usage) {
  struct ogl_json j;
  struct ogl_span key;
  struct ogl_usage before = *sent;
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "promptTokenCount")) take_number(&j, sent, PROMPT);
    else if (ogl_span_is(key, "toolUsePromptTokenCount")) take_number(&j, sent, TOOL_PROMPT);
    else if (ogl_span_is(key, "cachedContentTokenCount")) take_number(&j, sent, OGL_USAGE_CACHED);
    else if (ogl_span_is(key, "candidatesTokenCount")) take_number(&j, sent, CANDIDATES);
    else if (ogl_span_is(key, "thoughtsTokenCount")) take_number(&j, sent, THOUGHTS);
    else if (ogl_span_is(key, "totalTokenCount")) take_number(&j, sent, OGL_USAGE_TOTAL);
    else ogl_json_skip(&j, NULL);
  }
  if (!memcmp(&before, sent, sizeof before)) return 0;
  interpret(sent, usage);
  return 1;
}
