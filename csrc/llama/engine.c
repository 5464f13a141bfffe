/* SPDX-License-Identifier: MIT
** engine.c - see engine.h.
*/
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "../core/mem.h"
#include "devices.h"
#include "slots.h"

struct ogl_llama_engine {
  struct ogl_llama_settings settings;
  char *path;
  struct ogl_llama_news *news; /* its lock is the engine's, too */
  pthread_t thread;
  pthread_cond_t wake;
  struct ogl_llama_job *first, *last; /* those that wait for a slot, under the lock */
  struct ogl_llama_model model;
  struct ogl_llama_slots slots;         /* the thread's */
  atomic_int closing, state, progress;  /* progress: in thousandths */
  struct ogl_llama_engine *prev, *next; /* of those that are open in this process */
  int joined;
};

/* Exit -------------------------------------------------------------------------------------------------------------- */

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ogl_llama_engine *open_engines;

static void list(struct ogl_llama_engine *e) {
  pthread_mutex_lock(&open_lock);
  e->prev = NULL;
  e->next = open_engines;
  if (open_engines) open_engines->prev = e;
  open_engines = e;
  pthread_mutex_unlock(&open_lock);
}

static void unlist(struct ogl_llama_engine *e) {
  pthread_mutex_lock(&open_lock);
  *(e->prev ? &e->prev->next : &open_engines) = e->next;
  if (e->next) e->next->prev = e->prev;
  pthread_mutex_unlock(&open_lock);
}

/* Has the thread end what it does, and waits for it. */
static void stop(struct ogl_llama_engine *e) {
  if (e->joined) return;
  atomic_store(&e->closing, 1);
  ogl_llama_news_lock(e->news);
  pthread_cond_signal(&e->wake);
  ogl_llama_news_unlock(e->news);
  pthread_join(e->thread, NULL);
  e->joined = 1;
}

/* The lock is not taken: no other thread opens or closes engines any more, and the child of a fork may have got it locked. */
static void stop_all(void) {
  for (struct ogl_llama_engine *e = open_engines; e; e = e->next)
    if (!ogl_llama_news_is_foreign(e->news)) stop(e);
}

/* Handlers run in the reverse order of their registration. What libllama makes when it first needs it, such as its list of buffer types
   or its tables of characters, registers its own end then; so this is registered anew once a model is loaded and once it has computed, to
   run before those. */
static void stop_all_at_exit(void) { atexit(stop_all); }

/* The thread -------------------------------------------------------------------------------------------------------- */

static bool on_progress(float progress, void *data) {
  struct ogl_llama_engine *e = data;
  atomic_store(&e->progress, (int)(progress * 1000));
  return !atomic_load(&e->closing);
}

static bool on_abort(void *data) {
  struct ogl_llama_engine *e = data;
  return ogl_llama_slots_unwanted(&e->slots);
}

static enum ogl_llama_state load(struct ogl_llama_engine *e) {
  struct ogl_llama_watch watch = { on_progress, on_abort, e };
  if (ogl_llama_model_load(&e->model, &e->settings, &watch)) return OGL_LLAMA_BROKEN;
  if (!ogl_llama_slots_init(&e->slots, &e->model, &e->closing)) return OGL_LLAMA_READY;
  ogl_llama_model_clear(&e->model);
  e->model.failure = OGL_LLAMA_LIMIT;
  snprintf(e->model.why, sizeof e->model.why, "out of memory");
  return OGL_LLAMA_BROKEN;
}

/* The next job that waits, or NULL; waits for one where `idle`. */
static struct ogl_llama_job *next_job(struct ogl_llama_engine *e, int idle) {
  ogl_llama_news_lock(e->news);
  while (idle && !e->first && !atomic_load(&e->closing)) pthread_cond_wait(&e->wake, &e->news->lock);
  struct ogl_llama_job *j = e->first;
  if (j) e->first = j->next;
  if (!e->first) e->last = NULL;
  ogl_llama_news_unlock(e->news);
  return j;
}

static enum ogl_llama_end end_without_slot(struct ogl_llama_engine *e) {
  if (atomic_load(&e->closing)) return OGL_LLAMA_CANCELLED;
  return atomic_load(&e->state) == OGL_LLAMA_READY ? OGL_LLAMA_STOP : OGL_LLAMA_UNLOADED;
}

/* A job that only waits for the model needs no slot, and one whose model is broken gets none. */
static void admit(struct ogl_llama_engine *e, struct ogl_llama_job *j) {
  int computes = j->kind != OGL_LLAMA_LOAD && atomic_load(&e->state) == OGL_LLAMA_READY && !atomic_load(&e->closing);
  if (computes) ogl_llama_slots_enter(&e->slots, j);
  else ogl_llama_job_end(j, end_without_slot(e));
}

/* Where all slots are taken, the others wait in the queue. */
static void admit_some(struct ogl_llama_engine *e) {
  struct ogl_llama_job *j;
  int broken = atomic_load(&e->state) == OGL_LLAMA_BROKEN;
  while ((broken || ogl_llama_slots_has_room(&e->slots)) && (j = next_job(e, !e->slots.busy)) != NULL) admit(e, j);
}

static void *run(void *data) {
  struct ogl_llama_engine *e = data;
  int has_computed = 0;
  atomic_store(&e->state, (int)load(e));
  stop_all_at_exit();
  while (!atomic_load(&e->closing)) {
    admit_some(e);
    if (e->slots.busy) ogl_llama_slots_turn(&e->slots);
    if (e->slots.jobs && !has_computed) has_computed = 1, stop_all_at_exit();
  }
  for (struct ogl_llama_job *j; (j = next_job(e, 0)) != NULL;) admit(e, j);
  ogl_llama_slots_clear(&e->slots);
  ogl_llama_model_clear(&e->model);
  return NULL;
}

/* From outside ------------------------------------------------------------------------------------------------------ */

static void destroy(struct ogl_llama_engine *e) {
  pthread_cond_destroy(&e->wake);
  if (e->news) ogl_llama_news_drop(e->news);
  ogl_free(e->path);
  ogl_free(e);
}

/* Signals stay with the threads that the program knows: the new one and those that it starts begin with all of them blocked. */
static int start_thread(struct ogl_llama_engine *e) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failure = pthread_create(&e->thread, NULL, run, e);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failure;
}

static char *copy(const char *text) {
  size_t n = strlen(text) + 1;
  char *p = ogl_realloc(NULL, n);
  return p ? memcpy(p, text, n) : NULL;
}

struct ogl_llama_engine *ogl_llama_engine_open(const struct ogl_llama_settings *settings) {
  if (!ogl_llama_devices_find()) return errno = ENODEV, NULL;
  struct ogl_llama_engine *e = ogl_realloc(NULL, sizeof *e);
  if (!e) return NULL;
  memset(e, 0, sizeof *e);
  pthread_cond_init(&e->wake, NULL);
  e->settings = *settings;
  e->settings.path = e->path = copy(settings->path);
  e->news = ogl_llama_news_new();
  stop_all_at_exit();
  int failure = e->path && e->news ? start_thread(e) : errno;
  if (!e->path || !e->news || failure) {
    destroy(e);
    errno = failure;
    return NULL;
  }
  list(e);
  return e;
}

void ogl_llama_engine_close(struct ogl_llama_engine *e) {
  if (ogl_llama_news_is_foreign(e->news)) return;
  unlist(e);
  stop(e);
  destroy(e);
}

struct ogl_llama_news *ogl_llama_engine_news(struct ogl_llama_engine *e) {
  return e->news;
}

enum ogl_llama_state ogl_llama_engine_state(struct ogl_llama_engine *e) {
  return (enum ogl_llama_state)atomic_load(&e->state);
}

double ogl_llama_engine_progress(struct ogl_llama_engine *e) { return atomic_load(&e->progress) / 1000.0; }

const struct ogl_llama_model *ogl_llama_engine_model(const struct ogl_llama_engine *e) { return &e->model; }

void ogl_llama_engine_start(struct ogl_llama_engine *e, struct ogl_llama_job *j) {
  ogl_llama_job_keep(j);
  ogl_llama_news_lock(e->news);
  j->next = NULL;
  if (e->last) e->last->next = j;
  else e->first = j;
  e->last = j;
  pthread_cond_signal(&e->wake);
  ogl_llama_news_unlock(e->news);
}
