/* SPDX-License-Identifier: MIT
** transcoder.c - see transcoder.h.
*/
#include "transcoder.h"

#include <string.h>

int ogl_transcoder_init(struct ogl_transcoder *t, const struct ogl_protocol *from,
                        const struct ogl_decoder_options *options, const struct ogl_encoding *to, int is_whole,
                        const struct ogl_encoder_context *context) {
  struct ogl_decoder_options own = *options;
  own.keep = 0; /* no caller can ask this decoder for the reply */
  memset(t, 0, sizeof *t);
  int code = ogl_decoder_init(&t->decoder, from, &own);
  int other = ogl_encoder_init(&t->encoder, to, is_whole, context);
  ogl_buf_init(&t->rest, OGL_MAX_BODY, OGL_ERR_BODY);
  return code < 0 ? code : other;
}

void ogl_transcoder_clear(struct ogl_transcoder *t) {
  ogl_decoder_clear(&t->decoder);
  ogl_encoder_clear(&t->encoder);
  ogl_buf_clear(&t->rest);
}

/* Puts the error that ended the answer, in the words of the target. */
static int put_problem(struct ogl_transcoder *t, int code) {
  struct ogl_event e;
  const struct ogl_problem *p = ogl_decoder_problem(&t->decoder);
  memset(&e, 0, sizeof e);
  e.kind = OGL_EVENT_ERROR;
  if (code == OGL_ERR_PROVIDER) {
    e.a = ogl_buf_span(&p->message);
    e.b = ogl_buf_span(&p->type);
    e.c = ogl_buf_span(&p->code);
    e.d = ogl_buf_span(&p->json);
  } else {
    const char *text = ogl_code_text(code), *name = ogl_code_name(code);
    e.a = (struct ogl_span){ text, strlen(text) };
    e.b = (struct ogl_span){ name, strlen(name) };
  }
  return ogl_encoder_put(&t->encoder, &e);
}

static int end_with_problem(struct ogl_transcoder *t, int code) {
  t->problem = code;
  t->ended = 1;
  ogl_usage_merge(&t->encoder.usage, &t->decoder.fold.usage); /* what stood behind the error */
  return t->silent ? OGL_OK : put_problem(t, code);
}

/* Moves all events that there are. */
static int drain(struct ogl_transcoder *t) {
  struct ogl_event event;
  int code;
  while ((code = ogl_decoder_next(&t->decoder, &event)) == OGL_OK) {
    t->events++;
    ogl_tally_add(&t->tally, &event);
    if ((code = ogl_encoder_put(&t->encoder, &event)) < 0) return code;
    int last = t->decoder.queue.next == t->decoder.queue.n; /* of its frame */
    if (last && (code = ogl_encoder_end_frame(&t->encoder)) < 0) return code;
  }
  if (code == OGL_ERR_MEMORY) return code;
  if (code < 0) return end_with_problem(t, code);
  if (!ogl_decoder_ended(&t->decoder)) return OGL_MORE;
  t->ended = 1;
  return ogl_encoder_end(&t->encoder);
}

/* Takes bytes behind the end: where the server failed, its usage may still come. */
static int feed_ended(struct ogl_transcoder *t, const char *p, size_t n) {
  if (t->problem == OGL_ERR_PROVIDER) {
    if (n) ogl_decoder_feed(&t->decoder, p, n);
    else ogl_decoder_finish(&t->decoder);
    ogl_usage_merge(&t->encoder.usage, &t->decoder.fold.usage);
    if (OGL_UNLIKELY(t->decoder.err == OGL_ERR_MEMORY)) return OGL_ERR_MEMORY;
  }
  return t->encoder.err ? t->encoder.err : OGL_OK;
}

/* --- untouched ---------------------------------------------------------------------------------------------------- */

/* How many bytes the whole lines in front have. */
static size_t lines_of(const char *p, size_t n) {
  while (n && p[n - 1] != '\n') n--;
  return n;
}

static int failed(const struct ogl_transcoder *t) { return t->encoder.out.err ? t->encoder.out.err : t->rest.err; }

static int pass(struct ogl_transcoder *t, const char *p, size_t n) {
  struct ogl_buf *out = &t->encoder.out;
  size_t lines = t->encoder.is_whole ? 0 : lines_of(p, n);
  if (lines) {
    ogl_buf_append(out, t->rest.p, t->rest.n);
    ogl_buf_append(out, p, lines);
    ogl_buf_reset(&t->rest);
  }
  ogl_buf_append(&t->rest, p + lines, n - lines);
  return failed(t);
}

/* Counts all events that there are. An error that the server told goes out with its other bytes; any other ends the answer. */
static int count(struct ogl_transcoder *t) {
  struct ogl_event event;
  int code;
  while ((code = ogl_decoder_next(&t->decoder, &event)) == OGL_OK) {
    t->events++;
    ogl_tally_add(&t->tally, &event);
    if (event.kind == OGL_EVENT_USAGE) t->encoder.usage = *event.usage;
  }
  if (code == OGL_ERR_MEMORY) return code;
  if (code >= 0) return OGL_MORE;
  t->problem = code;
  t->ended = code != OGL_ERR_PROVIDER;
  ogl_usage_merge(&t->encoder.usage, &t->decoder.fold.usage);
  return t->ended ? OGL_OK : OGL_MORE;
}

static int feed_untouched(struct ogl_transcoder *t, const char *p, size_t n) {
  int code = t->ended ? OGL_OK : pass(t, p, n);
  if (code < 0) return code;
  if (t->problem || t->ended) return feed_ended(t, p, n);
  ogl_decoder_feed(&t->decoder, p, n);
  return count(t);
}

static int finish_untouched(struct ogl_transcoder *t) {
  if (t->ended) return OGL_OK;
  int code = t->problem ? feed_ended(t, NULL, 0) : OGL_OK;
  if (!t->problem) {
    ogl_decoder_finish(&t->decoder);
    code = count(t);
  }
  if (code < 0) return code;
  if (!t->problem || t->problem == OGL_ERR_PROVIDER) ogl_buf_append(&t->encoder.out, t->rest.p, t->rest.n);
  t->ended = 1;
  return failed(t) ? failed(t) : OGL_OK;
}

/* --- feeding ------------------------------------------------------------------------------------------------------ */

int ogl_transcoder_feed(struct ogl_transcoder *t, const char *p, size_t n) {
  if (t->untouched) return feed_untouched(t, p, n);
  if (t->ended) return n ? feed_ended(t, p, n) : OGL_OK;
  ogl_decoder_feed(&t->decoder, p, n); /* its error is sticky: drain meets it */
  return drain(t);
}

int ogl_transcoder_finish(struct ogl_transcoder *t) {
  if (t->untouched) return finish_untouched(t);
  if (!t->ended) {
    ogl_decoder_finish(&t->decoder);
    int code = drain(t);
    if (!t->problem) return code;
  }
  return feed_ended(t, NULL, 0);
}

int ogl_transcoder_fail(struct ogl_transcoder *t, const struct ogl_event *error) {
  const char *type = t->encoder.encoding->content_type;
  t->ended = 1;
  if (t->untouched && t->problem == OGL_ERR_PROVIDER) return OGL_OK; /* it is told */
  if (t->untouched && type && strcmp(type, "text/event-stream") == 0) ogl_buf_text(&t->encoder.out, "\n");
  return ogl_encoder_put(&t->encoder, error);
}
