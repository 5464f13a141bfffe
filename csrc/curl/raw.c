/* SPDX-License-Identifier: MIT
** raw.c - see raw.h.
*/
#include "raw.h"

enum { PIECE = 16 * 1024 }; /* a TLS record */

static void watch(struct ogl_transfer *t) {
  curl_socket_t fd = CURL_SOCKET_BAD;
  int full = t->body.n >= OGL_TRANSFER_UNREAD, want = 0;
  curl_easy_getinfo(t->member.easy, CURLINFO_ACTIVESOCKET, &fd);
  if (full) t->paused |= CURLPAUSE_RECV;
  if (t->state == OGL_TRANSFER_ACTIVE) want = (full ? 0 : OGL_POLL_READ) | (t->upload.n ? OGL_POLL_WRITE : 0);
  ogl_multi_watch(t->multi, &t->member, fd, want);
}

/* It stays in the multi until it is freed: its waiter has to hear of it first. */
static void end(struct ogl_transfer *t, enum ogl_failure_kind kind, const char *code, const char *message) {
  t->failure.sent = 1;
  if (kind == OGL_FAILURE_NONE) t->state = OGL_TRANSFER_DONE;
  else ogl_transfer_fail(t, kind, code, message);
  ogl_transfer_tell(t);
}

static void broken(struct ogl_transfer *t) { end(t, OGL_FAILURE_NETWORK, "reset", "the connection was broken off"); }

/* This and the next go on until the socket has no more: what TLS keeps inside makes no descriptor ready. */
static void receive(struct ogl_transfer *t) {
  char bytes[PIECE];
  size_t n = 0;
  while (t->state == OGL_TRANSFER_ACTIVE && t->body.n < OGL_TRANSFER_UNREAD) {
    CURLcode result = curl_easy_recv(t->member.easy, bytes, sizeof bytes, &n);
    if (result == CURLE_AGAIN) return;
    if (result != CURLE_OK) broken(t);
    else if (!n) end(t, OGL_FAILURE_NONE, NULL, NULL);
    else if (ogl_buf_append(&t->body, bytes, n)) end(t, OGL_FAILURE_LIMIT, "memory", "out of memory");
    else ogl_transfer_tell(t);
    t->received += (int64_t)n;
  }
}

static void transmit(struct ogl_transfer *t) {
  size_t n = 0;
  while (t->state == OGL_TRANSFER_ACTIVE && t->upload.n) {
    CURLcode result = curl_easy_send(t->member.easy, ogl_buf_bytes(&t->upload), t->upload.n, &n);
    if (result == CURLE_AGAIN) return;
    if (result == CURLE_OK) ogl_buf_consume(&t->upload, n);
    else broken(t);
  }
}

void ogl_raw_opened(struct ogl_multi_member *member) {
  struct ogl_transfer *t = (struct ogl_transfer *)(void *)member;
  t->head.complete = t->begun = 1;
  ogl_transfer_tell(t);
  watch(t);
}

void ogl_raw_touched(struct ogl_multi_member *member, int what) {
  struct ogl_transfer *t = (struct ogl_transfer *)(void *)member;
  if (what & (OGL_POLL_WRITE | OGL_POLL_ERROR)) transmit(t);
  if (what & (OGL_POLL_READ | OGL_POLL_ERROR)) receive(t);
  watch(t);
}

int ogl_raw_feed(struct ogl_transfer *t, const char *p, size_t n) {
  if (!t->member.open || t->state != OGL_TRANSFER_ACTIVE) return t->state != OGL_TRANSFER_FAILED;
  struct ogl_broken_pipe pipe;
  if (ogl_buf_append(&t->upload, p, n)) return ogl_transfer_fail(t, OGL_FAILURE_LIMIT, "memory", "out of memory");
  ogl_multi_shield(t->multi, &pipe);
  transmit(t);
  watch(t);
  ogl_multi_unshield(t->multi, &pipe);
  return t->state != OGL_TRANSFER_FAILED;
}

void ogl_raw_resume(struct ogl_transfer *t) {
  if (t->state != OGL_TRANSFER_ACTIVE) return;
  receive(t);
  watch(t);
}
