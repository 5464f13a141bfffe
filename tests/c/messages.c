/* SPDX-License-Identifier: MIT
** messages.c - see messages.h.
*/
#include "messages.h"

#include <stdlib.h>

#include "../../csrc/core/json_write.h"

static const char *name_of(int kind) {
  switch (kind) {
    case OGL_WEBSOCKET_TEXT: return "text ";
    case OGL_WEBSOCKET_BINARY: return "binary ";
    case OGL_WEBSOCKET_CLOSE: return "close ";
    case OGL_WEBSOCKET_PING: return "ping ";
    case OGL_WEBSOCKET_PONG: return "pong ";
    default: return "? ";
  }
}

static void add(struct ogl_buf *log, const struct ogl_websocket_item *item) {
  ogl_buf_text(log, name_of(item->kind));
  if (item->kind == OGL_WEBSOCKET_CLOSE) {
    ogl_json_write_integer(log, item->code);
    ogl_buf_byte(log, ' ');
  }
  ogl_json_write_string(log, item->data.p, item->data.n);
  ogl_buf_byte(log, '\n');
}

int messages_drain(struct ogl_buf *log, struct ogl_websocket *w) {
  struct ogl_websocket_item item;
  int code;
  while ((code = ogl_websocket_next(w, &item)) == OGL_OK) add(log, &item);
  return code;
}

static int feed_copy(struct ogl_websocket *w, const char *p, size_t n) {
  char *copy = malloc(n ? n : 1);
  if (!copy) abort();
  if (n) memcpy(copy, p, n);
  int code = ogl_websocket_feed(w, copy, n);
  free(copy);
  return code;
}

static void add_end(struct ogl_buf *log, const struct ogl_websocket *w, int code) {
  ogl_buf_text(log, code < 0 ? ogl_code_name(code) : w->closed ? "end" : "more");
  if (code < 0) {
    ogl_buf_byte(log, ' ');
    ogl_json_write_integer(log, w->close_code);
    ogl_buf_text(log, ": ");
    ogl_buf_text(log, w->problem);
  }
  ogl_buf_byte(log, '\n');
}

void messages_play(struct ogl_buf *log, struct ogl_websocket *w, struct ogl_span s, size_t first, size_t step) {
  int code = OGL_MORE;
  for (size_t at = 0, n = first ? first : step; at < s.n; at += n, n = step) {
    if (n == 0 || n > s.n - at) n = s.n - at;
    feed_copy(w, s.p + at, n);
    code = messages_drain(log, w);
  }
  add_end(log, w, code);
}

void messages_run(struct ogl_buf *log, size_t max, struct ogl_span s, size_t first, size_t step) {
  struct ogl_websocket w;
  ogl_websocket_init(&w, max);
  messages_play(log, &w, s, first, step);
  ogl_websocket_clear(&w);
}
