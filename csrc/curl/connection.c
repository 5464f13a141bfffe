/* SPDX-License-Identifier: MIT
** connection.c - see connection.h.
*/
#include "connection.h"

#include <string.h>

enum { PIECE = 16 * 1024 }; /* bytes of a TLS record */

void ogl_connection_init(struct ogl_connection *c, struct ogl_multi *m, struct ogl_multi_member *member,
                         struct ogl_buf *unread, struct ogl_buf *unsent, size_t most) {
  memset(c, 0, sizeof *c);
  c->multi = m;
  c->member = member;
  c->unread = unread;
  c->unsent = unsent;
  c->most = most;
}

/* Tells the poller which readiness to report: none once the connection has ended. */
static void watch(struct ogl_connection *c) {
  curl_socket_t fd = CURL_SOCKET_BAD;
  int want = 0;
  curl_easy_getinfo(c->member->easy, CURLINFO_ACTIVESOCKET, &fd);
  c->is_full = c->unread->n >= c->most;
  if (c->end == OGL_CONNECTION_OPEN) want = (c->is_full ? 0 : OGL_POLL_READ) | (c->unsent->n ? OGL_POLL_WRITE : 0);
  ogl_multi_watch(c->multi, c->member, fd, want);
}

/* `receive` and `transmit` go on until the socket has no more: bytes that TLS keeps inside make no descriptor ready. */
static int receive(struct ogl_connection *c) {
  char bytes[PIECE];
  int news = 0;
  while (c->end == OGL_CONNECTION_OPEN && c->unread->n < c->most) {
    size_t n = 0;
    CURLcode result = curl_easy_recv(c->member->easy, bytes, sizeof bytes, &n);
    if (result == CURLE_AGAIN) return news;
    if (result != CURLE_OK) c->end = OGL_CONNECTION_BROKEN;
    else if (!n) c->end = OGL_CONNECTION_ENDED;
    else if (ogl_buf_append(c->unread, bytes, n)) c->end = OGL_CONNECTION_MEMORY;
    news = 1;
  }
  return news;
}

static int transmit(struct ogl_connection *c) {
  while (c->end == OGL_CONNECTION_OPEN && c->unsent->n) {
    size_t n = 0;
    CURLcode result = curl_easy_send(c->member->easy, ogl_buf_bytes(c->unsent), c->unsent->n, &n);
    if (result == CURLE_AGAIN) return 0;
    if (result == CURLE_OK) ogl_buf_consume(c->unsent, n);
    else c->end = OGL_CONNECTION_BROKEN;
  }
  return c->end != OGL_CONNECTION_OPEN;
}

void ogl_connection_opened(struct ogl_connection *c) { watch(c); }

int ogl_connection_touched(struct ogl_connection *c, int what) {
  int news = 0;
  if (what & (OGL_POLL_WRITE | OGL_POLL_ERROR)) news |= transmit(c);
  if (what & (OGL_POLL_READ | OGL_POLL_ERROR)) news |= receive(c);
  watch(c);
  return news;
}

int ogl_connection_feed(struct ogl_connection *c, const char *p, size_t n) {
  struct ogl_broken_pipe pipe;
  if (c->end != OGL_CONNECTION_OPEN) return 0;
  if (ogl_buf_append(c->unsent, p, n)) return c->end = OGL_CONNECTION_MEMORY, 1;
  ogl_multi_shield(c->multi, &pipe);
  int news = transmit(c);
  watch(c);
  ogl_multi_unshield(c->multi, &pipe);
  return news;
}

int ogl_connection_resume(struct ogl_connection *c) {
  if (c->end != OGL_CONNECTION_OPEN) return 0;
  int news = receive(c);
  watch(c);
  return news;
}
