/* SPDX-License-Identifier: MIT
** poller.c - see poller.h. The first half is the same everywhere; the second half is one backend of four functions.
*/
#define _GNU_SOURCE /* epoll, timerfd, kqueue's types under -std=c99 */
#include "poller.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/rows.h"
#include "clock.h"

struct ogl_poller_slot {
  void *owner;
  uint32_t serial;    /* another one each time the number may mean another socket */
  unsigned char want; /* what libcurl waits for */
  unsigned char have; /* what the kernel watches */
  unsigned char ours; /* its closing will be told */
};

enum { BATCH = 64 };

/* The backend. Each returns an errno, or 0; sys_wait the number of events, or -1 with errno set. */
static int sys_open(struct ogl_poller *p);
static int sys_watch(struct ogl_poller *p, int fd, const struct ogl_poller_slot *slot, int want);
static int sys_arm(struct ogl_poller *p, double seconds);
static int sys_wait(struct ogl_poller *p, double seconds, struct ogl_poller_event *events, int max);

void ogl_poller_init(struct ogl_poller *p) {
  memset(p, 0, sizeof *p);
  p->fd = p->timer = -1;
  p->alarm = p->armed = -1;
}

static void close_both(struct ogl_poller *p) {
  if (p->timer >= 0) close(p->timer);
  if (p->fd >= 0 && p->failed != EBADF) close(p->fd); /* bad: somebody did, and the number may be another's */
}

void ogl_poller_clear(struct ogl_poller *p) {
  close_both(p);
  ogl_free(p->slots);
  ogl_poller_init(p);
}

static void note(struct ogl_poller *p, int failure) {
  if (failure && !p->failed) p->failed = failure;
}

static int ensure_open(struct ogl_poller *p) {
  if (p->fd < 0) note(p, sys_open(p));
  return p->fd >= 0;
}

static void watch_anew(struct ogl_poller *p, int fd) {
  struct ogl_poller_slot *slot = &p->slots[fd];
  slot->have = 0;
  if (!slot->want || !ensure_open(p)) return;
  if (sys_watch(p, fd, slot, slot->want)) slot->want = 0;
  else slot->have = slot->want;
}

void ogl_poller_renew(struct ogl_poller *p) {
  close_both(p);
  p->fd = p->timer = -1;
  p->armed = -1;
  p->failed = 0;
  for (size_t fd = 0; fd < p->n_slots; fd++) watch_anew(p, (int)fd);
}

static int grow(struct ogl_poller *p, int fd) {
  size_t cap = p->n_slots;
  int err = 0;
  void *rows = ogl_rows_grown(p->slots, (size_t)fd + 1, &cap, sizeof *p->slots, INT32_MAX, &err);
  if (!rows) return 0;
  p->slots = rows;
  memset(p->slots + p->n_slots, 0, (cap - p->n_slots) * sizeof *p->slots);
  p->n_slots = cap;
  return 1;
}

/* The slot of a descriptor; NULL (and failed) without memory. */
static struct ogl_poller_slot *slot_of(struct ogl_poller *p, int fd) {
  if ((size_t)fd < p->n_slots || grow(p, fd)) return &p->slots[fd];
  note(p, ENOMEM);
  return NULL;
}

static void renew(struct ogl_poller_slot *slot, int ours) {
  uint32_t serial = slot->serial + 1;
  memset(slot, 0, sizeof *slot);
  slot->serial = serial;
  slot->ours = (unsigned char)ours;
}

void ogl_poller_opened(struct ogl_poller *p, int fd) {
  struct ogl_poller_slot *slot = slot_of(p, fd);
  if (slot) renew(slot, 1);
}

void ogl_poller_closed(struct ogl_poller *p, int fd) {
  if ((size_t)fd < p->n_slots) renew(&p->slots[fd], 0); /* close(2) takes it out of the kernel's set */
}

static void set(struct ogl_poller *p, int fd, struct ogl_poller_slot *slot, int want) {
  note(p, sys_watch(p, fd, slot, want));
  slot->have = (unsigned char)want;
  if (!want) slot->serial++; /* a socket that is not ours may be closed now, and its number used again */
}

/* Whether it may stay in the set although no caller waits for it. Not when watched for writing: that is always ready. */
static int may_rest(const struct ogl_poller_slot *slot) {
  return slot->want == 0 && slot->have == OGL_POLL_READ && slot->ours;
}

void *ogl_poller_watch(struct ogl_poller *p, int fd, int want, void *owner) {
  struct ogl_poller_slot *slot = slot_of(p, fd);
  if (!slot || !ensure_open(p)) return NULL;
  void *before = slot->owner;
  slot->owner = owner;
  slot->want = (unsigned char)want;
  if (slot->have != want && !may_rest(slot)) set(p, fd, slot, want);
  return before;
}

void ogl_poller_disown(struct ogl_poller *p, const void *owner) {
  for (size_t fd = 0; fd < p->n_slots; fd++)
    if (p->slots[fd].owner == owner) p->slots[fd].owner = NULL;
}

int ogl_poller_current(struct ogl_poller *p, const struct ogl_poller_event *event, void **owner) {
  if (event->fd < 0 || (size_t)event->fd >= p->n_slots) return 0;
  struct ogl_poller_slot *slot = &p->slots[event->fd];
  if (slot->serial != event->serial) return 0;
  if (!slot->want) set(p, event->fd, slot, 0); /* it rested, and its peer closed it */
  *owner = slot->owner;
  return slot->want != 0;
}

void ogl_poller_alarm(struct ogl_poller *p, double at) { p->alarm = at; }

int ogl_poller_fd(struct ogl_poller *p) {
  if (!ensure_open(p)) return -1;
  p->timed = 1;
  ogl_poller_settle(p);
  return p->failed ? -1 : p->fd;
}

/* A timer that fires too early costs one empty step; setting it anew for every change costs a call for each. */
void ogl_poller_settle(struct ogl_poller *p) {
  if (!p->timed || p->alarm < 0 || !ensure_open(p)) return;
  if (p->armed >= 0 && p->armed <= p->alarm) return;
  double left = p->alarm - ogl_clock_now();
  note(p, sys_arm(p, left > 1e-6 ? left : 1e-6));
  p->armed = p->alarm;
}

static double until_alarm(const struct ogl_poller *p, double seconds) {
  if (p->alarm < 0) return seconds;
  double left = p->alarm - ogl_clock_now();
  if (left < 0) left = 0;
  return seconds < 0 || left < seconds ? left : seconds;
}

int ogl_poller_wait(struct ogl_poller *p, double seconds, struct ogl_poller_event *events, int max) {
  if (!ensure_open(p)) return -2;
  int n = sys_wait(p, until_alarm(p, seconds), events, max < BATCH ? max : BATCH);
  if (n >= 0) return n;
  if (errno == EINTR) return -1;
  note(p, errno);
  return -2;
}

#if defined(__linux__)
/* epoll and timerfd ---------------------------------------------------------------------------------------------- */

#include <sys/epoll.h>
#include <sys/timerfd.h>

static int sys_open(struct ogl_poller *p) {
  p->fd = epoll_create1(EPOLL_CLOEXEC);
  return p->fd < 0 ? errno : 0;
}

static uint32_t to_epoll(int want) {
  return (want & OGL_POLL_READ ? (uint32_t)EPOLLIN : 0u) | (want & OGL_POLL_WRITE ? (uint32_t)EPOLLOUT : 0u);
}

static int from_epoll(uint32_t got) {
  int what = 0;
  if (got & (EPOLLIN | EPOLLHUP)) what |= OGL_POLL_READ;
  if (got & EPOLLOUT) what |= OGL_POLL_WRITE;
  if (got & EPOLLERR) what |= OGL_POLL_ERROR;
  return what;
}

static int sys_watch(struct ogl_poller *p, int fd, const struct ogl_poller_slot *slot, int want) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = to_epoll(want);
  event.data.u64 = (uint64_t)slot->serial << 32 | (uint32_t)fd;
  if (!want) { /* gone already: as wanted */
    epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, &event);
    return 0;
  }
  int op = slot->have ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (epoll_ctl(p->fd, op, fd, &event) == 0) return 0;
  if (errno == EEXIST && epoll_ctl(p->fd, EPOLL_CTL_MOD, fd, &event) == 0) return 0;
  if (errno == ENOENT && epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &event) == 0) return 0;
  return errno;
}

static int add_timer(struct ogl_poller *p) {
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (timer < 0) return errno;
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = EPOLLIN;
  event.data.u64 = (uint32_t)timer;
  if (epoll_ctl(p->fd, EPOLL_CTL_ADD, timer, &event)) {
    int failure = errno;
    close(timer);
    return failure;
  }
  p->timer = timer;
  return 0;
}

static int sys_arm(struct ogl_poller *p, double seconds) {
  int failure = p->timer < 0 ? add_timer(p) : 0;
  if (failure) return failure;
  struct itimerspec at;
  memset(&at, 0, sizeof at);
  at.it_value.tv_sec = (time_t)seconds;
  at.it_value.tv_nsec = (long)((seconds - (double)at.it_value.tv_sec) * 1e9);
  return timerfd_settime(p->timer, 0, &at, NULL) ? errno : 0;
}

/* Reads the timer, so that it is no longer ready; the clock says the rest. */
static void quiet_timer(struct ogl_poller *p) {
  uint64_t times;
  if (read(p->timer, &times, sizeof times) < 0) return;
  p->armed = -1;
}

/* Rounded up: a wait that ends too early would be followed by many empty ones. */
static int milliseconds(double seconds) {
  if (seconds < 0) return -1;
  double ms = seconds * 1e3;
  if (ms >= INT_MAX) return INT_MAX;
  int whole = (int)ms;
  return whole < ms ? whole + 1 : whole;
}

static int sys_wait(struct ogl_poller *p, double seconds, struct ogl_poller_event *events, int max) {
  struct epoll_event got[BATCH];
  int n = epoll_wait(p->fd, got, max, milliseconds(seconds));
  int kept = 0;
  for (int i = 0; i < n; i++) {
    struct ogl_poller_event event;
    event.fd = (int)(uint32_t)got[i].data.u64;
    event.serial = (uint32_t)(got[i].data.u64 >> 32);
    event.what = from_epoll(got[i].events);
    if (event.fd == p->timer) quiet_timer(p);
    else events[kept++] = event;
  }
  return n < 0 ? n : kept;
}

#else
/* kqueue --------------------------------------------------------------------------------------------------------- */

#include <sys/types.h>

#include <sys/event.h>
#include <sys/time.h>

enum { TIMER_IDENT = 1 }; /* timers have numbers of their own: no descriptor is meant */

static int sys_open(struct ogl_poller *p) {
  p->fd = kqueue();
  if (p->fd < 0) return errno;
  fcntl(p->fd, F_SETFD, FD_CLOEXEC);
  return 0;
}

/* One filter on or off. What is to go may be gone already. */
static int turn(struct ogl_poller *p, int fd, int filter, int on, uint32_t serial) {
  struct kevent change;
  EV_SET(&change, (uintptr_t)fd, (short)filter, on ? EV_ADD : EV_DELETE, 0, 0, (void *)(uintptr_t)serial);
  return kevent(p->fd, &change, 1, NULL, 0, NULL) < 0 && on ? errno : 0;
}

static int sys_watch(struct ogl_poller *p, int fd, const struct ogl_poller_slot *slot, int want) {
  int changed = slot->have ^ want, failure = 0;
  if (changed & OGL_POLL_READ) failure = turn(p, fd, EVFILT_READ, want & OGL_POLL_READ, slot->serial);
  if (!failure && changed & OGL_POLL_WRITE) failure = turn(p, fd, EVFILT_WRITE, want & OGL_POLL_WRITE, slot->serial);
  return failure;
}

static int sys_arm(struct ogl_poller *p, double seconds) {
  if (seconds > INT_MAX / 1000) seconds = INT_MAX / 1000;
  struct kevent change;
  EV_SET(&change, TIMER_IDENT, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, (intptr_t)(seconds * 1e3) + 1, NULL);
  return kevent(p->fd, &change, 1, NULL, 0, NULL) < 0 ? errno : 0;
}

static int from_kevent(const struct kevent *got) {
  if (got->flags & EV_ERROR) return OGL_POLL_ERROR;
  return got->filter == EVFILT_WRITE ? OGL_POLL_WRITE : OGL_POLL_READ;
}

static int sys_wait(struct ogl_poller *p, double seconds, struct ogl_poller_event *events, int max) {
  struct kevent got[BATCH];
  struct timespec limit;
  limit.tv_sec = seconds > INT_MAX ? INT_MAX : (time_t)seconds;
  limit.tv_nsec = seconds > INT_MAX ? 0 : (long)((seconds - (double)limit.tv_sec) * 1e9);
  int n = kevent(p->fd, NULL, 0, got, max, seconds < 0 ? NULL : &limit);
  int kept = 0;
  for (int i = 0; i < n; i++) {
    if (got[i].filter == EVFILT_TIMER) {
      p->armed = -1;
      continue;
    }
    events[kept].fd = (int)got[i].ident;
    events[kept].serial = (uint32_t)(uintptr_t)got[i].udata;
    events[kept++].what = from_kevent(&got[i]);
  }
  return n < 0 ? n : kept;
}
#endif
