/* SPDX-License-Identifier: MIT
** news.h - what one thread has to tell another: a list of items under a lock, and one descriptor that is readable while it is not empty.
**
** Life: `new`; it is counted, so that whoever keeps a pointer calls `keep` and `drop`. The thread that computes locks, changes what an item
** stands for, calls `post` and unlocks; the one that reads polls `fd`, asks `take` until it gives 0, and looks at what it was told of.
**
** A process that forks has no thread that computes: there `is_foreign` is true, and only `drop` may be called, which leaves everything
** as it is.
*/
#ifndef OGL_LLAMA_NEWS_H
#define OGL_LLAMA_NEWS_H

#include <pthread.h>

#include "../core/ogl.h"

OGL_BEGIN

/* Embedded in what there is news of; zero-filled at first. */
struct ogl_llama_item {
  struct ogl_llama_item *next;
  uint32_t id; /* another one for each item of a list; 0: none yet */
  int listed;
};

struct ogl_llama_news {
  pthread_mutex_t lock;
  struct ogl_llama_item *first, *last; /* oldest first */
  uint32_t ids;
  unsigned owners;
  int bell[2]; /* of a pipe: what reads, what writes */
  int process; /* that made it */
};

/* NULL without memory or descriptors. */
struct ogl_llama_news *ogl_llama_news_new(void);
/* Takes one more share; gives the list. */
struct ogl_llama_news *ogl_llama_news_keep(struct ogl_llama_news *n);
/* The last owner's drop frees it. */
void ogl_llama_news_drop(struct ogl_llama_news *n);

/* Is this a child of the process that made it? */
int ogl_llama_news_is_foreign(const struct ogl_llama_news *n);
/* Takes the lock. */
void ogl_llama_news_lock(struct ogl_llama_news *n);
/* Gives it back. */
void ogl_llama_news_unlock(struct ogl_llama_news *n);

/* Gives an item its number. The caller has the lock, here and in the next two. */
void ogl_llama_news_add(struct ogl_llama_news *n, struct ogl_llama_item *item);
/* Lists an item; one that is listed stays where it is. */
void ogl_llama_news_post(struct ogl_llama_news *n, struct ogl_llama_item *item);
/* Takes an item off the list that is about to go. */
void ogl_llama_news_forget(struct ogl_llama_news *n, struct ogl_llama_item *item);

/* Takes the oldest item off the list; its number, 0 where there is none. */
uint32_t ogl_llama_news_take(struct ogl_llama_news *n);
/* The descriptor that is readable while an item is listed. */
int ogl_llama_news_fd(const struct ogl_llama_news *n);
/* Waits at most so many seconds (negative: no limit) until an item is listed. 1; 0 when the time is over or a signal came. */
int ogl_llama_news_wait(const struct ogl_llama_news *n, double seconds);

OGL_END

#endif
