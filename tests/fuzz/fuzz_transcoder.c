/* SPDX-License-Identifier: MIT
** fuzz_transcoder.c - any bytes as an answer of one protocol, written in another. The first byte chooses both, the mode and the
** content type (`pick_pair`); the rest is the answer. The bytes that come out are the same however it was cut; what was a
** complete answer decodes as one, without a frame that is no JSON, and what was none, or ended with an error, as an error.
*/
#include "../../csrc/core/transcoder.h"
#include "../../csrc/protocol/registry.h"
#include "must.h"

struct pair {
  const struct ogl_protocol *from, *back;
  const struct ogl_encoding *to;
  int is_whole;
  const char *content_type;
  int is_generate;
};

/* source + 5 * target + 25 * whole + 50 * content type; from 200 on in the form of /api/generate. */
static struct pair pick_pair(unsigned byte) {
  static const char *const names[] = { "openai_chat", "openai_responses", "anthropic", "gemini", "ollama" };
  static const char *const types[] = { NULL, "text/event-stream", "application/json", "application/x-ndjson" };
  const char *to = names[byte / 5 % 5];
  struct pair p = { ogl_protocol_find(names[byte % 5]),
                    ogl_protocol_find(to),
                    ogl_encoding_find(to),
                    (int)(byte / 25 & 1),
                    types[byte / 50 & 3],
                    byte >= 200 };
  return p;
}

static void take(struct ogl_buf *out, struct ogl_transcoder *t) {
  struct ogl_span made = ogl_buf_span(&t->encoder.out);
  ogl_buf_append(out, made.p, made.n);
  ogl_buf_reset(&t->encoder.out);
}

/* All of it in pieces of `step` bytes; what ended it: 0 where it was complete. */
static int transcode(const struct pair *p, struct ogl_span s, size_t step, struct ogl_buf *out) {
  struct ogl_decoder_options options = { p->content_type, 0, 0, 0, 0 };
  struct ogl_encoder_context context = { { "id1", 3 },   { "", 0 },  1700000000, 1, { "\"tools\":[]", 10 }, 0, 1,
                                         p->is_generate, { "r", 1 }, { "h", 1 } };
  struct ogl_transcoder t;
  MUST(ogl_transcoder_init(&t, p->from, &options, p->to, p->is_whole, &context) == 0);
  for (size_t at = 0; at < s.n; at += step) {
    MUST(ogl_transcoder_feed(&t, s.p + at, s.n - at < step ? s.n - at : step) >= 0);
    take(out, &t);
  }
  MUST(ogl_transcoder_finish(&t) == OGL_OK);
  take(out, &t);
  int problem = t.problem;
  ogl_transcoder_clear(&t);
  return problem;
}

/* Whether the reply ended with a finish reason of error, which two protocols tell as an error. */
static int has_failed(const struct ogl_decoder *d) {
  const struct ogl_answer *a = ogl_fold_answer(&d->fold, 0);
  return a && ogl_span_is(ogl_buf_span(&a->reason), "error");
}

static void check_back(const struct pair *p, struct ogl_span bytes, int problem) {
  struct ogl_decoder_options options = { p->is_whole ? "application/json" : p->to->content_type, 1, 1, 0, 0 };
  struct ogl_decoder d;
  struct ogl_event e;
  int code;
  must_be_utf8(bytes);
  if (p->is_whole) MUST(ogl_json_check(bytes.p, bytes.n) == OGL_OK);
  MUST(ogl_decoder_init(&d, p->back, &options) == 0);
  ogl_decoder_feed(&d, bytes.p, bytes.n);
  ogl_decoder_finish(&d);
  while ((code = ogl_decoder_next(&d, &e)) == OGL_OK) continue;
  problem |= code == OGL_ERR_PROVIDER && has_failed(&d);
  if (code != (problem ? OGL_ERR_PROVIDER : OGL_MORE))
    fprintf(stderr, "%s to %s: %s\n%.*s\n", p->from->name, p->to->name, ogl_code_name(code), (int)bytes.n, bytes.p);
  MUST(code == (problem ? OGL_ERR_PROVIDER : OGL_MORE));
  ogl_decoder_clear(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!size) return 0;
  struct ogl_span s = { (const char *)data + 1, size - 1 };
  struct pair p = pick_pair(data[0]);
  struct ogl_buf whole, cut;
  ogl_buf_init(&whole, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&cut, OGL_MAX_BODY, OGL_ERR_BODY);
  int problem = transcode(&p, s, s.n + 1, &whole);
  MUST(transcode(&p, s, 1 + mixed(data, size) % 61, &cut) == problem);
  must_equal(&whole, &cut);
  check_back(&p, ogl_buf_span(&whole), problem);
  ogl_buf_clear(&whole);
  ogl_buf_clear(&cut);
  return 0;
}
