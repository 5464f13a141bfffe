/* SPDX-License-Identifier: MIT
** frames.c - see frames.h.
*/
#include "frames.h"

#include <stdlib.h>
#include <string.h>

#include "../../csrc/core/json_write.h"

static void text(struct ogl_buf *log, struct ogl_span s) {
  ogl_buf_byte(log, ' ');
  ogl_json_write_string(log, s.p, s.n);
}

void frames_add(struct ogl_buf *log, const struct ogl_frame *frame, const struct ogl_framer *f) {
  static const char *const kinds[] = { "event", "bare", "error", "whole" };
  struct ogl_span message = { "message", 7 };
  ogl_buf_text(log, kinds[frame->kind]);
  text(log, frame->event.n ? frame->event : message);
  text(log, frame->data);
  if (f->framing == OGL_FRAMING_SSE && f->u.sse.id.n) {
    ogl_buf_text(log, " id=");
    ogl_json_write_string(log, ogl_buf_span(&f->u.sse.id).p, f->u.sse.id.n);
  }
  if (f->framing == OGL_FRAMING_SSE && f->u.sse.retry >= 0) {
    ogl_buf_text(log, " retry=");
    ogl_json_write_integer(log, f->u.sse.retry);
  }
  ogl_buf_byte(log, '\n');
}

static int drain(struct ogl_buf *log, struct ogl_framer *f) {
  struct ogl_frame frame;
  int code;
  while ((code = ogl_framer_next(f, &frame)) == OGL_OK) frames_add(log, &frame, f);
  return code;
}

static void feed_copy(struct ogl_framer *f, const char *p, size_t n) {
  char *copy = malloc(n ? n : 1);
  if (!copy) abort();
  if (n) memcpy(copy, p, n);
  ogl_framer_feed(f, copy, n);
  free(copy);
}

void frames_play(struct ogl_buf *log, struct ogl_framer *f, struct ogl_span s, size_t first, size_t step) {
  for (size_t at = 0, n = first ? first : step; at < s.n; at += n, n = step) {
    if (n == 0 || n > s.n - at) n = s.n - at;
    feed_copy(f, s.p + at, n);
    drain(log, f);
  }
  ogl_framer_finish(f);
  int code = drain(log, f);
  ogl_buf_text(log, code == OGL_MORE ? "end" : ogl_code_name(code));
  ogl_buf_byte(log, '\n');
}

void frames_run(struct ogl_buf *log, const char *content_type, int mode, struct ogl_span s, size_t first, size_t step) {
  struct ogl_framer f;
  ogl_framer_init(&f, content_type, mode);
  frames_play(log, &f, s, first, step);
  ogl_framer_clear(&f);
}
