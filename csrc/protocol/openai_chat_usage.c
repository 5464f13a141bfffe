/* SPDX-License-Identifier: MIT
** openai_chat_usage.c - the usage object of Chat Completions and of the gateways that speak it.
**
** OpenGateLLM adds cost, requests, and the energy twice: `impacts` {kWh, kgCO2eq}, and before 0.9 `carbon`, flat or as
** {min, max}. Cached tokens have a name each with DeepSeek, Mistral and Moonshot. xAI counts reasoning beside completion_tokens,
** Mistral audio beside prompt_tokens.
*/
#include "openai_chat_state.h"
#include "read.h"

/* Numbers that only help to compute a field. */
struct extra {
  struct ogl_usage carbon;
  struct ogl_usage cached[3]; /* by another name each: the first that is there counts */
  double audio;               /* in the prompt, or beside it */
};

static void read_prompt_details(struct ogl_json *j, struct ogl_usage *u, struct extra *x) {
  struct ogl_span key;
  struct ogl_number v;
  if (!ogl_json_enter_or_skip(j, '{')) return;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "cached_tokens")) ogl_read_usage(j, u, OGL_USAGE_CACHED);
    else if (ogl_span_is(key, "cache_write_tokens")) ogl_read_usage(j, u, OGL_USAGE_CACHE_WRITE);
    else if (ogl_span_is(key, "audio_tokens")) x->audio = ogl_json_number_or_skip(j, &v) ? v.d : 0;
    else ogl_json_skip(j, NULL);
  }
}

static void read_completion_details(struct ogl_json *j, struct ogl_usage *u) {
  struct ogl_span key;
  if (!ogl_json_enter_or_skip(j, '{')) return;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "reasoning_tokens")) ogl_read_usage(j, u, OGL_USAGE_REASONING);
    else ogl_json_skip(j, NULL);
  }
}

/* A number, or the middle of {min, max}. */
static void take_range(struct ogl_json *j, struct ogl_usage *u, int field) {
  struct ogl_span key;
  struct ogl_number v;
  double sum = 0;
  int n = 0;
  if (ogl_json_peek(j) != '{') {
    ogl_read_usage(j, u, field);
    return;
  }
  ogl_json_enter(j, '{');
  while (ogl_json_key(j, &key) > 0) {
    if (!ogl_span_is(key, "min") && !ogl_span_is(key, "max")) ogl_json_skip(j, NULL);
    else if (ogl_json_number_or_skip(j, &v)) sum += v.d, n++;
  }
  if (n) ogl_usage_set(u, field, sum / n);
}

static void read_impacts(struct ogl_json *j, struct ogl_usage *u) {
  struct ogl_span key;
  if (!ogl_json_enter_or_skip(j, '{')) return;
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "kWh")) take_range(j, u, OGL_USAGE_ENERGY);
    else if (ogl_span_is(key, "kgCO2eq")) take_range(j, u, OGL_USAGE_CO2);
    else ogl_json_skip(j, NULL);
  }
}

static void read_member(struct ogl_json *j, struct ogl_span key, struct ogl_usage *u, struct extra *x) {
  if (ogl_span_is(key, "prompt_tokens")) ogl_read_usage(j, u, OGL_USAGE_INPUT);
  else if (ogl_span_is(key, "completion_tokens")) ogl_read_usage(j, u, OGL_USAGE_OUTPUT);
  else if (ogl_span_is(key, "total_tokens")) ogl_read_usage(j, u, OGL_USAGE_TOTAL);
  else if (ogl_span_is(key, "prompt_tokens_details")) read_prompt_details(j, u, x);
  else if (ogl_span_is(key, "completion_tokens_details")) read_completion_details(j, u);
  else if (ogl_span_is(key, "prompt_cache_hit_tokens")) ogl_read_usage(j, &x->cached[0], OGL_USAGE_CACHED);
  else if (ogl_span_is(key, "num_cached_tokens")) ogl_read_usage(j, &x->cached[1], OGL_USAGE_CACHED);
  else if (ogl_span_is(key, "cached_tokens")) ogl_read_usage(j, &x->cached[2], OGL_USAGE_CACHED);
  else if (ogl_span_is(key, "cost")) ogl_read_cost(j, u);
  else if (ogl_span_is(key, "requests")) ogl_read_usage(j, u, OGL_USAGE_REQUESTS);
  else if (ogl_span_is(key, "impacts")) read_impacts(j, u);
  else if (ogl_span_is(key, "carbon")) read_impacts(j, &x->carbon);
  else ogl_json_skip(j, NULL);
}

/* What the merged numbers mean: output with reasoning, and a total in any case. */
static void interpret(const struct ogl_usage *sent, struct ogl_usage *u) {
  *u = *sent;
  double in = ogl_usage_has(sent, OGL_USAGE_INPUT) ? sent->v[OGL_USAGE_INPUT] : 0;
  double out = ogl_usage_has(sent, OGL_USAGE_OUTPUT) ? sent->v[OGL_USAGE_OUTPUT] : 0;
  double thought = ogl_usage_has(sent, OGL_USAGE_REASONING) ? sent->v[OGL_USAGE_REASONING] : 0;
  if (ogl_usage_has(sent, OGL_USAGE_TOTAL)) {
    if (thought > 0 && in + out + thought == sent->v[OGL_USAGE_TOTAL])
      ogl_usage_set(u, OGL_USAGE_OUTPUT, out + thought);
  } else if (ogl_usage_has(sent, OGL_USAGE_INPUT) || ogl_usage_has(sent, OGL_USAGE_OUTPUT)) {
    ogl_usage_set(u, OGL_USAGE_TOTAL, in + out);
  }
}

/* Audio that is counted beside the prompt is input too. */
static void add_audio(struct ogl_usage *now, double audio) {
  if (audio <= 0 || !ogl_usage_has(now, OGL_USAGE_INPUT) || !ogl_usage_has(now, OGL_USAGE_TOTAL)) return;
  double out = ogl_usage_has(now, OGL_USAGE_OUTPUT) ? now->v[OGL_USAGE_OUTPUT] : 0;
  if (now->v[OGL_USAGE_INPUT] + audio + out == now->v[OGL_USAGE_TOTAL]) now->v[OGL_USAGE_INPUT] += audio;
}

int ogl_chat_read_usage(struct ogl_span json, struct ogl_usage *sent, struct ogl_usage *usage) {
  struct ogl_json j;
  struct ogl_span key;
  struct ogl_usage now;
  struct extra x;
  if (!json.n) return 0;
  memset(&now, 0, sizeof now);
  memset(&x, 0, sizeof x);
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (ogl_json_key(&j, &key) > 0) read_member(&j, key, &now, &x);
  add_audio(&now, x.audio);
  for (int i = 2; i >= 0; i--) ogl_usage_merge(&x.carbon, &x.cached[i]);
  ogl_usage_merge(&x.carbon, &now); /* impacts and cached_tokens of the details win over their other names */
  if (!x.carbon.known) return 0;
  ogl_usage_merge(sent, &x.carbon);
  interpret(sent, usage);
  return 1;
}
