/* SPDX-License-Identifier: MIT
** gemini_answer.c - see gemini_answer.h.
*/
#include "gemini_answer.h"

/* --- parts ------------------------------------------------------------------------------------------------------ */

void ogl_gemini_put_text(struct ogl_encoder *e, int kind, struct ogl_span text, struct ogl_span signature) {
  ogl_out_text(e, "{\"text\":");
  ogl_out_string(e, text);
  if (kind == OGL_EVENT_REASONING) ogl_out_text(e, ",\"thought\":true");
  if (signature.n) {
    ogl_out_text(e, ",\"thoughtSignature\":");
    ogl_out_string(e, signature);
  }
  ogl_out_text(e, "}");
}

/* A functionCall, its part still open. */
void ogl_gemini_put_call(struct ogl_buf *b, struct ogl_span id, struct ogl_span name, struct ogl_span arguments) {
  ogl_buf_text(b, "{\"functionCall\":{");
  if (id.n) {
    ogl_buf_text(b, "\"id\":");
    ogl_json_write_string(b, id.p, id.n);
    ogl_buf_text(b, ",");
  }
  ogl_buf_text(b, "\"name\":");
  ogl_json_write_string(b, name.p, name.n);
  ogl_buf_text(b, ",\"args\":");
  ogl_out_arguments(b, arguments);
  ogl_buf_text(b, "}");
}

/* What the decoder keeps: a part of this protocol, which has its kind or its data as a member; a list beside the parts, whose
   kind is the member that it was; or something else. */
enum gemini_origin ogl_gemini_origin(struct ogl_span kind, struct ogl_span json) {
  struct ogl_json j;
  struct ogl_span key;
  enum gemini_origin found = GEMINI_FOREIGN;
  if (ogl_span_is(kind, "groundingMetadata") || ogl_span_is(kind, "urlContextMetadata")) return GEMINI_BESIDE;
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return GEMINI_FOREIGN;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "type")) return GEMINI_FOREIGN; /* a block or an item: Anthropic, Responses */
    if (ogl_span_equal(key, kind.p, kind.n) || ogl_span_is(key, "inlineData") || ogl_span_is(key, "fileData"))
      found = GEMINI_PART;
    ogl_json_skip(&j, NULL);
  }
  return found;
}

/* --- what stands beside the parts ------------------------------------------------------------------------------- */

/* Sources of the search are in groundingMetadata, which comes by itself. */
enum gemini_cited ogl_gemini_cited(struct ogl_span json, struct ogl_citation *c) {
  if (!ogl_citation_read(json, c)) return GEMINI_CITED_NOT;
  return c->nested && !c->type.n ? GEMINI_CITED_ELSEWHERE : GEMINI_CITED_HERE;
}

static void put_raw_member(struct ogl_encoder *e, const char *name, struct ogl_json_text text) {
  if (!text.raw.n) return;
  ogl_out_text(e, name);
  ogl_out_text(e, "\"");
  ogl_out_span(e, text.raw);
  ogl_out_text(e, "\"");
}

static void put_place(struct ogl_encoder *e, const char *name, int64_t at) {
  if (at < 0) return;
  ogl_out_text(e, name);
  ogl_out_integer(e, at);
}

/* One of citationSources: this protocol's own, which has no type, as it is. */
void ogl_gemini_put_source(struct ogl_encoder *e, struct ogl_span json, const struct ogl_citation *c) {
  struct ogl_json j;
  ogl_json_open(&j, json.p, json.n);
  if (!c->type.n && ogl_json_peek(&j) == '{') {
    ogl_out_json(e, json);
    return;
  }
  put_raw_member(e, "{\"uri\":", c->url);
  put_raw_member(e, ",\"title\":", c->title);
  put_place(e, ",\"startIndex\":", c->start);
  put_place(e, ",\"endIndex\":", c->end);
  ogl_out_text(e, "}");
}

/* This protocol's own form of logprobs. */
int ogl_gemini_is_logprobs(struct ogl_span json) {
  struct ogl_json j;
  struct ogl_span key;
  int found = 0;
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (ogl_json_key(&j, &key) > 0) {
    found |= ogl_span_is(key, "chosenCandidates") || ogl_span_is(key, "topCandidates");
    ogl_json_skip(&j, NULL);
  }
  return found;
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static int is_word(struct ogl_span s) {
  for (size_t i = 0; i < s.n; i++)
    if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9' && i) || s.p[i] == '_')) return 0;
  return s.n != 0;
}

static int is_one_of(struct ogl_span word, const char *const *words) {
  for (; *words; words++)
    if (ogl_span_equal(word, *words, strlen(*words))) return 1;
  return 0;
}

/* The server's own word where it is one of this protocol and means the same, else the usual one. */
struct ogl_span ogl_gemini_reason(struct ogl_span reason, struct ogl_span raw) {
  static const char *const filters[] = { "SAFETY", "RECITATION", "BLOCKLIST",    "PROHIBITED_CONTENT",
                                         "SPII",   "LANGUAGE",   "IMAGE_SAFETY", "MODEL_ARMOR",
                                         NULL };
  static const char *const errors[] = { "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", NULL };
  static const char *const usual[] = { "STOP", "MAX_TOKENS", NULL };
  const char *word = "STOP";
  if (ogl_span_is(reason, "content_filter")) word = is_one_of(raw, filters) ? NULL : "SAFETY";
  else if (ogl_span_is(reason, "error")) word = is_one_of(raw, errors) ? NULL : "MALFORMED_FUNCTION_CALL";
  else if (ogl_span_is(reason, "length")) word = "MAX_TOKENS";
  else if (ogl_span_is(reason, "other"))
    word =
        is_word(raw) && !is_one_of(raw, filters) && !is_one_of(raw, errors) && !is_one_of(raw, usual) ? NULL : "OTHER";
  return word ? (struct ogl_span){ word, strlen(word) } : raw;
}

static void put_count(struct ogl_encoder *e, const char *name, int field, double less, int *any) {
  double v = e->usage.v[field] - less;
  if (!ogl_usage_has(&e->usage, field)) return;
  ogl_out_text(e, *any ? "," : "");
  ogl_out_text(e, name);
  ogl_out_count(e, v > 0 ? v : 0);
  *any = 1;
}

/* Here the output is what was said, without what was thought; where a server counts more thoughts than output, their number cannot
   be told. */
void ogl_gemini_put_usage(struct ogl_encoder *e) {
  const struct ogl_usage *u = &e->usage;
  double thoughts = ogl_usage_has(u, OGL_USAGE_REASONING) ? u->v[OGL_USAGE_REASONING] : 0;
  int any = 0;
  if (!u->known) return;
  ogl_out_text(e, ",\"usageMetadata\":{");
  put_count(e, "\"promptTokenCount\":", OGL_USAGE_INPUT, 0, &any);
  put_count(e, "\"cachedContentTokenCount\":", OGL_USAGE_CACHED, 0, &any);
  put_count(e, "\"candidatesTokenCount\":", OGL_USAGE_OUTPUT, thoughts <= u->v[OGL_USAGE_OUTPUT] ? thoughts : 0, &any);
  if (thoughts <= u->v[OGL_USAGE_OUTPUT] || !ogl_usage_has(u, OGL_USAGE_OUTPUT))
    put_count(e, "\"thoughtsTokenCount\":", OGL_USAGE_REASONING, 0, &any);
  put_count(e, "\"totalTokenCount\":", OGL_USAGE_TOTAL, 0, &any);
  ogl_out_text(e, "}");
}

void ogl_gemini_put_foot(struct ogl_encoder *e) {
  ogl_out_text(e, ",\"modelVersion\":");
  ogl_out_string(e, ogl_encoder_model(e));
  ogl_out_text(e, ",\"responseId\":");
  ogl_out_string(e, ogl_encoder_id(e));
  ogl_out_text(e, "}");
}

/* --- errors ----------------------------------------------------------------------------------------------------- */

static const struct {
  int code;
  const char *status, *types[4]; /* how others say it */
} statuses[] = {
  { 400, "INVALID_ARGUMENT", { "invalid_request_error", "BadRequestError" } },
  { 401, "UNAUTHENTICATED", { "authentication_error", "invalid_api_key" } },
  { 403, "PERMISSION_DENIED", { "permission_error" } },
  { 404, "NOT_FOUND", { "not_found_error", "model_not_found" } },
  { 429, "RESOURCE_EXHAUSTED", { "rate_limit_error", "rate_limit_exceeded", "insufficient_quota" } },
  { 503, "UNAVAILABLE", { "overloaded_error", "overloaded", "engine_overloaded" } },
  { 504, "DEADLINE_EXCEEDED", { "timeout_error", "timeout" } },
  { 400, "FAILED_PRECONDITION", { NULL } },
  { 500, "INTERNAL", { "server_error", "api_error" } },
};

enum { STATUSES = sizeof statuses / sizeof statuses[0] };

/* 400 to 599, or 0. */
static int http_code(struct ogl_span s) {
  if (s.n != 3 || s.p[0] < '4' || s.p[0] > '5' || s.p[1] < '0' || s.p[1] > '9' || s.p[2] < '0' || s.p[2] > '9')
    return 0;
  return (s.p[0] - '0') * 100 + (s.p[1] - '0') * 10 + (s.p[2] - '0');
}

static int row_of(struct ogl_span word, int code) {
  for (int i = 0; i < STATUSES; i++) {
    if (word.n && ogl_span_equal(word, statuses[i].status, strlen(statuses[i].status))) return i;
    for (int k = 0; k < 4 && statuses[i].types[k]; k++)
      if (ogl_span_equal(word, statuses[i].types[k], strlen(statuses[i].types[k]))) return i;
  }
  for (int i = 0; i < STATUSES && code; i++)
    if (statuses[i].code == code) return i;
  return -1;
}

/* Clients take it for an error only with a code from 400 to 599. */
int ogl_gemini_put_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  int code = http_code(error->c), row = row_of(error->b, 0);
  if (row < 0) row = row_of(error->c, code);
  if (row < 0) row = code && code < 500 ? 0 : STATUSES - 1;
  ogl_out_text(e, "{\"error\":{\"code\":");
  ogl_out_integer(e, code ? code : statuses[row].code);
  ogl_out_text(e, ",\"message\":");
  ogl_out_string(e, error->a);
  ogl_out_text(e, ",\"status\":\"");
  ogl_out_text(e, statuses[row].status);
  ogl_out_text(e, "\"}}");
  return 0;
}
