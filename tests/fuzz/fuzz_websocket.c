/* SPDX-License-Identifier: MIT
** fuzz_websocket.c - any bytes as what a server sends behind the handshake: the items are the same however they are cut, texts and reasons are
** valid UTF-8, no message is above the limit, no more memory is held than was fed; and what we write comes back when it is unmasked.
*/
#include <string.h>

#include "../c/messages.h"
#include "must.h"

enum { MAX = 1000 };

static void check_items(struct ogl_span s) {
  struct ogl_websocket w;
  struct ogl_websocket_item item;
  ogl_websocket_init(&w, MAX);
  MUST(ogl_websocket_feed(&w, s.p, s.n) == OGL_OK);
  while (ogl_websocket_next(&w, &item) == OGL_OK) {
    MUST(item.data.n <= MAX);
    if (item.kind == OGL_WEBSOCKET_TEXT || item.kind == OGL_WEBSOCKET_CLOSE) must_be_utf8(item.data);
    if (item.kind >= OGL_WEBSOCKET_CLOSE) MUST(item.data.n <= OGL_WEBSOCKET_CONTROL);
    if (item.kind == OGL_WEBSOCKET_CLOSE) MUST(item.code == OGL_WEBSOCKET_NO_CODE || ogl_websocket_may_send(item.code));
  }
  MUST(!w.err == !w.problem);
  MUST(w.in.cap + w.message.cap <= 4 * s.n + 4 * 256);
  ogl_websocket_clear(&w);
}

static void check_split(struct ogl_span s, size_t first, size_t step) {
  struct ogl_buf whole, split;
  ogl_buf_init(&whole, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&split, OGL_MAX_BODY, OGL_ERR_BODY);
  messages_run(&whole, MAX, s, 0, 0);
  messages_run(&split, MAX, s, first, step);
  must_equal(&whole, &split);
  ogl_buf_clear(&whole);
  ogl_buf_clear(&split);
}

/* The input as the payload of a frame of ours: unmasked, it is the frame of a server, and that is read as it was written. */
static void check_written(struct ogl_span s, uint32_t key) {
  struct ogl_websocket w;
  struct ogl_websocket_item item;
  char *out = malloc(s.n + OGL_WEBSOCKET_HEAD), four[OGL_WEBSOCKET_KEY];
  if (!out) abort();
  memcpy(four, &key, sizeof four);
  size_t n = ogl_websocket_write(out, OGL_WEBSOCKET_BINARY, s, four), head = n - s.n;
  MUST(n <= s.n + OGL_WEBSOCKET_HEAD);
  for (size_t i = 0; i < s.n; i++) out[head + i] = (char)(out[head + i] ^ four[i % OGL_WEBSOCKET_KEY]);
  out[1] = (char)(out[1] & 0x7f);
  memmove(out + head - OGL_WEBSOCKET_KEY, out + head, s.n);
  ogl_websocket_init(&w, 0);
  MUST(ogl_websocket_feed(&w, out, n - OGL_WEBSOCKET_KEY) == OGL_OK);
  MUST(ogl_websocket_next(&w, &item) == OGL_OK && item.data.n == s.n);
  MUST(s.n == 0 || memcmp(item.data.p, s.p, s.n) == 0);
  ogl_websocket_clear(&w);
  free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct ogl_span s = { (const char *)data, size };
  uint32_t cut = mixed(data, size);
  check_items(s);
  check_split(s, 0, 1);
  check_split(s, size ? cut % size : 0, 0);
  check_split(s, cut >> 8 & 15, 1 + (cut >> 16) % 37);
  check_written(s, cut);
  return 0;
}
