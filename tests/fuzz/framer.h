/* SPDX-License-Identifier: MIT
** framer.h - what fuzz_sse, fuzz_ndjson and fuzz_json_array have in common: the frames of an input are the same however it is cut,
** are valid UTF-8, and the framer holds no more than a small multiple of what it was fed.
*/
#ifndef FRAMER_H
#define FRAMER_H

#include "../c/frames.h"
#include "must.h"

static inline size_t framer_holds(const struct ogl_framer *f) {
  const struct ogl_sse *s = &f->u.sse;
  size_t n = f->first.cap + f->fixed.cap;
  if (f->framing == OGL_FRAMING_SSE)
    n += s->in.cap + s->data.cap + s->event.cap + s->id.cap + s->new_id.cap + s->bare.cap;
  if (f->framing == OGL_FRAMING_NDJSON) n += f->u.ndjson.in.cap;
  if (f->framing == OGL_FRAMING_JSON_ARRAY) n += f->u.array.in.cap;
  return n;
}

static inline void check_frames(const char *type, int mode, struct ogl_span s) {
  struct ogl_framer f;
  struct ogl_frame frame;
  size_t given = 0;
  ogl_framer_init(&f, type, mode);
  MUST(ogl_framer_feed(&f, s.p, s.n) == OGL_OK);
  ogl_framer_finish(&f);
  while (ogl_framer_next(&f, &frame) == OGL_OK) {
    must_be_utf8(frame.data);
    must_be_utf8(frame.event);
    given += frame.data.n;
  }
  MUST(f.err == 0);
  MUST(given <= 3 * s.n); /* U+FFFD is three bytes for one */
  MUST(framer_holds(&f) <= 16 * s.n + 16 * 256);
  ogl_framer_clear(&f);
}

static inline void check_split(const char *type, int mode, struct ogl_span s, size_t first, size_t step) {
  struct ogl_buf whole, split;
  ogl_buf_init(&whole, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&split, OGL_MAX_BODY, OGL_ERR_BODY);
  frames_run(&whole, type, mode, s, 0, 0);
  frames_run(&split, type, mode, s, first, step);
  must_equal(&whole, &split);
  ogl_buf_clear(&whole);
  ogl_buf_clear(&split);
}

static inline void check_framer(const char *type, int mode, const uint8_t *data, size_t size) {
  struct ogl_span s = { (const char *)data, size };
  uint32_t cut = mixed(data, size);
  check_frames(type, mode, s);
  check_split(type, mode, s, 0, 1);
  check_split(type, mode, s, size ? cut % size : 0, 0);
  check_split(type, mode, s, cut >> 8 & 15, 1 + (cut >> 16) % 37);
}

#endif
