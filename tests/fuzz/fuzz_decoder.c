/* SPDX-License-Identifier: MIT
** fuzz_decoder.c - any bytes as an answer of PROTOCOL (-DPROTOCOL=ogl_ollama; default: openai_chat). However they are cut
** and drained, with the short way for repeated frames or without it, the events are the same; every text is valid UTF-8;
** the fold holds what the events said; joined texts are those of the events; the decoder holds no more than a multiple of what it was fed. The last byte of the
** input chooses content type and options.
*/
#include "../../csrc/protocol/registry.h"
#include "../c/journal.h"
#include "../c/long_way.h"
#include "must.h"

#ifndef PROTOCOL
#define PROTOCOL ogl_openai_chat
#endif

static struct ogl_decoder_options choose(unsigned byte) {
  static const char *const types[] = { "text/event-stream", "application/json", "application/x-ndjson", NULL };
  struct ogl_decoder_options o = { types[byte & 3], (byte >> 2 & 7) == 7, 1, 0, 0 };
  return o;
}

static void compare(const struct ogl_protocol *protocol, const struct ogl_decoder_options *options, struct ogl_span s,
                    struct journal_way way, const struct ogl_buf *want) {
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  journal_run(&log, protocol, options, s, way);
  must_equal(want, &log);
  ogl_buf_clear(&log);
}

static size_t texts_of(const struct ogl_fold *f) {
  size_t n = 0;
  for (size_t i = 0; i < f->n; i++)
    for (size_t k = 0; k < f->answers[i].n; k++) {
      const struct ogl_part *p = &f->answers[i].parts[k];
      if (p->kind == OGL_EVENT_TEXT || p->kind == OGL_EVENT_REASONING || p->kind == OGL_EVENT_REFUSAL) n += p->text.n;
    }
  return n;
}

static size_t holds(const struct ogl_decoder *d) {
  const struct ogl_sse *s = &d->framer.u.sse;
  size_t n = d->framer.first.cap + d->framer.fixed.cap + d->later.cap + d->queue.bytes.cap;
  if (d->framer.framing == OGL_FRAMING_SSE) n += s->in.cap + s->data.cap + s->bare.cap + s->event.cap;
  if (d->framer.framing == OGL_FRAMING_JSON_ARRAY) n += d->framer.u.array.in.cap;
  return n + d->queue.cap * sizeof *d->queue.events;
}

/* Each event by itself, in pieces of four bytes. */
static void check_events(const struct ogl_decoder_options *options, struct ogl_span s) {
  struct ogl_decoder d;
  struct ogl_event e;
  size_t texts = 0;
  MUST(ogl_decoder_init(&d, &PROTOCOL, options) == 0);
  for (size_t at = 0; at <= s.n; at += 4) {
    if (at < s.n) ogl_decoder_feed(&d, s.p + at, s.n - at < 4 ? s.n - at : 4);
    if (at + 4 > s.n) ogl_decoder_finish(&d);
    while (ogl_decoder_next(&d, &e) == OGL_OK) {
      must_be_utf8(e.a), must_be_utf8(e.b), must_be_utf8(e.c), must_be_utf8(e.d);
      if (e.kind == OGL_EVENT_TEXT || e.kind == OGL_EVENT_REASONING || e.kind == OGL_EVENT_REFUSAL) texts += e.a.n;
    }
  }
  MUST(d.err || ogl_decoder_ended(&d));
  must_be_utf8(ogl_buf_span(&ogl_decoder_problem(&d)->message));
  must_be_utf8(ogl_buf_span(&ogl_decoder_problem(&d)->json));
  MUST(texts == texts_of(&d.fold));
  MUST(holds(&d) <= 256 * s.n + 64 * 1024); /* a call of nine bytes is two events */
  ogl_decoder_clear(&d);
}

/* Appends the visible text, as `joined` says; fed in pieces of `step` bytes. The error that ended it. */
static int read_texts(const struct ogl_decoder_options *options, struct ogl_span s, size_t step, int joined,
                      struct ogl_buf *text) {
  struct ogl_decoder d;
  struct ogl_event e;
  unsigned passed = 0;
  MUST(ogl_decoder_init(&d, &PROTOCOL, options) == 0);
  for (size_t at = 0; at <= s.n; at += step) {
    if (at < s.n) ogl_decoder_feed(&d, s.p + at, s.n - at < step ? s.n - at : step);
    if (step > s.n - at) ogl_decoder_finish(&d);
    while (ogl_decoder_text(&d, joined, &e, &passed) == OGL_OK) {
      MUST(e.kind == OGL_EVENT_TEXT && e.choice == 0 && passed && (e.a.n || !joined));
      ogl_buf_append(text, e.a.p, e.a.n);
    }
  }
  int err = d.err;
  ogl_decoder_clear(&d);
  return err;
}

static void check_texts(const struct ogl_decoder_options *options, struct ogl_span s, size_t step) {
  struct ogl_buf single, joined;
  ogl_buf_init(&single, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&joined, OGL_MAX_BODY, OGL_ERR_BODY);
  MUST(read_texts(options, s, s.n + 1, 0, &single) == read_texts(options, s, step, 1, &joined));
  must_equal(&single, &joined);
  ogl_buf_clear(&single);
  ogl_buf_clear(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct ogl_span s = { (const char *)data, size };
  struct ogl_decoder_options options = choose(last_byte(data, size));
  uint32_t cut = mixed(data, size);
  struct journal_way whole = { 0, 0, 0, 0 }, bytes = { 0, 1, 0, 0 }, split = { size ? cut % size : 0, 0, 0, 0 };
  struct journal_way lazy = { 0, 1 + cut % 61, 1, cut };
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  journal_run(&log, &PROTOCOL, &options, s, whole);
  compare(long_way(&PROTOCOL), &options, s, whole, &log);
  compare(&PROTOCOL, &options, s, bytes, &log);
  compare(&PROTOCOL, &options, s, split, &log);
  compare(&PROTOCOL, &options, s, lazy, &log);
  check_events(&options, s);
  check_texts(&options, s, 1 + cut % 61);
  ogl_buf_clear(&log);
  return 0;
}
