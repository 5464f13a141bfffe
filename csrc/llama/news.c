/* SPDX-License-Identifier: MIT
** news.c - see news.h.
*/
#define _GNU_SOURCE /* pipe2 */
#include "news.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../core/mem.h"

/* Neither end blocks, and no program that is started inherits them. */
static int open_bell(int bell[2]) {
#if defined(__linux__)
  return pipe2(bell, O_NONBLOCK | O_CLOEXEC);
#else
  if (pipe(bell)) return -1;
  for (int i = 0; i < 2; i++) {
    fcntl(bell[i], F_SETFL, O_NONBLOCK);
    fcntl(bell[i], F_SETFD, FD_CLOEXEC);
  }
  return 0;
#endif
}

static void ring(const struct ogl_llama_news *n) {
  while (write(n->bell[1], "", 1) < 0 && errno == EINTR) continue;
}

static void quiet(const struct ogl_llama_news *n) {
  char rung[8];
  while (read(n->bell[0], rung, sizeof rung) < 0 && errno == EINTR) continue;
}

struct ogl_llama_news *ogl_llama_news_new(void) {
  struct ogl_llama_news *n = ogl_realloc(NULL, sizeof *n);
  if (!n) return NULL;
  memset(n, 0, sizeof *n);
  if (open_bell(n->bell)) return ogl_free(n), NULL;
  pthread_mutex_init(&n->lock, NULL);
  n->owners = 1;
  n->process = (int)getpid();
  return n;
}

struct ogl_llama_news *ogl_llama_news_keep(struct ogl_llama_news *n) {
  ogl_llama_news_lock(n);
  n->owners++;
  ogl_llama_news_unlock(n);
  return n;
}

void ogl_llama_news_drop(struct ogl_llama_news *n) {
  if (ogl_llama_news_is_foreign(n)) return; /* the lock may be held by a thread that is not here */
  ogl_llama_news_lock(n);
  unsigned left = --n->owners;
  ogl_llama_news_unlock(n);
  if (left) return;
  close(n->bell[0]);
  close(n->bell[1]);
  pthread_mutex_destroy(&n->lock);
  ogl_free(n);
}

int ogl_llama_news_is_foreign(const struct ogl_llama_news *n) { return n->process != (int)getpid(); }

void ogl_llama_news_lock(struct ogl_llama_news *n) { pthread_mutex_lock(&n->lock); }

void ogl_llama_news_unlock(struct ogl_llama_news *n) { pthread_mutex_unlock(&n->lock); }

void ogl_llama_news_add(struct ogl_llama_news *n, struct ogl_llama_item *item) { item->id = ++n->ids; }

void ogl_llama_news_post(struct ogl_llama_news *n, struct ogl_llama_item *item) {
  if (item->listed) return;
  item->listed = 1;
  item->next = NULL;
  if (n->last) n->last->next = item;
  else {
    n->first = item;
    ring(n);
  }
  n->last = item;
}

void ogl_llama_news_forget(struct ogl_llama_news *n, struct ogl_llama_item *item) {
  if (!item->listed) return;
  struct ogl_llama_item **at = &n->first, *before = NULL;
  for (; *at != item; at = &(*at)->next) before = *at;
  *at = item->next;
  if (n->last == item) n->last = before;
  item->listed = 0;
  if (!n->first) quiet(n);
}

uint32_t ogl_llama_news_take(struct ogl_llama_news *n) {
  ogl_llama_news_lock(n);
  uint32_t id = n->first ? n->first->id : 0;
  if (id) ogl_llama_news_forget(n, n->first);
  ogl_llama_news_unlock(n);
  return id;
}

int ogl_llama_news_fd(const struct ogl_llama_news *n) { return n->bell[0]; }

static int milliseconds(double seconds) {
  if (seconds < 0) return -1;
  return seconds >= INT_MAX / 1000 ? INT_MAX : (int)(seconds * 1e3 + 0.999);
}

int ogl_llama_news_wait(const struct ogl_llama_news *n, double seconds) {
  struct pollfd bell;
  memset(&bell, 0, sizeof bell);
  bell.fd = n->bell[0];
  bell.events = POLLIN;
  return poll(&bell, 1, milliseconds(seconds)) > 0;
}
