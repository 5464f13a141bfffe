/* SPDX-License-Identifier: MIT
** gemini_usage.c - usageMetadata, whose numbers leave each other out: the prompt without what tools added to it, and the
** candidates without their thoughts.
*/
#include "gemini_state.h"

/* Where the numbers as they came are kept: each in a field that it is not summed into. */
enum {
  PROMPT = OGL_USAGE_INPUT,
  TOOL_PROMPT = OGL_USAGE_CACHE_WRITE,
  CANDIDATES = OGL_USAGE_OUTPUT,
  THOUGHTS = OGL_USAGE_REASONING
};

/* Those that grow from answer to answer. */
static const int counted[] = { CANDIDATES, THOUGHTS, OGL_USAGE_TOTAL };
enum { COUNTED = sizeof counted / sizeof counted[0] };

static void take_number(struct gemini_state *s, struct ogl_json *j, int field) {
  struct ogl_number v;
  ogl_json_peek(j); /* past the blanks */
  struct ogl_span raw = { j->p, 0 };
  if (!ogl_json_number_or_skip(j, &v)) return;
  raw.n = (size_t)(j->p - raw.p);
  ogl_usage_set(&s->sent, field, v.d);
  for (int i = 0; i < COUNTED; i++)
    if (counted[i] == field) s->counts[i] = raw;
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

int ogl_gemini_count(struct gemini_state *s, const int64_t *numbers) {
  int changed = 0;
  for (int i = 0; i < s->repeat.n; i++) {
    int at = s->repeat.kinds[i] - OGL_HOLE_NUMBER;
    if (at < 0 || s->sent.v[counted[at]] == (double)numbers[at]) continue;
    s->sent.v[counted[at]] = (double)numbers[at];
    changed = 1;
  }
  if (changed) interpret(&s->sent, &s->usage);
  return changed;
}

int ogl_gemini_read_usage(struct gemini_state *s, struct ogl_span json) {
  struct ogl_json j;
  struct ogl_span key;
  struct ogl_usage before = s->sent;
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "promptTokenCount")) take_number(s, &j, PROMPT);
    else if (ogl_span_is(key, "toolUsePromptTokenCount")) take_number(s, &j, TOOL_PROMPT);
    else if (ogl_span_is(key, "cachedContentTokenCount")) take_number(s, &j, OGL_USAGE_CACHED);
    else if (ogl_span_is(key, "candidatesTokenCount")) take_number(s, &j, CANDIDATES);
    else if (ogl_span_is(key, "thoughtsTokenCount")) take_number(s, &j, THOUGHTS);
    else if (ogl_span_is(key, "totalTokenCount")) take_number(s, &j, OGL_USAGE_TOTAL);
    else ogl_json_skip(&j, NULL);
  }
  if (!memcmp(&before, &s->sent, sizeof before)) return 0;
  interpret(&s->sent, &s->usage);
  return 1;
}
