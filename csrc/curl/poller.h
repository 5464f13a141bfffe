/* SPDX-License-Identifier: MIT
** poller.h - one descriptor that stands for many sockets and one alarm: epoll on Linux, kqueue on macOS and BSD.
**
** Life: `init` (acquires nothing, cannot fail), then `opened`, `watch`, `closed` for each socket and `alarm` for the
** time, as often as wanted, from anywhere, libcurl's callbacks included; `wait`, and for each event `current`, from
** outside of them; `settle` when control goes back to the caller; `clear` at the end, also twice. The first failure
** of the system stays in `failed` (an errno) until `renew`.
**
** It is lazy, because a system call costs as much as the rest of a small transfer:
** - the kernel's object is made with the first socket, its timer only once a caller asked for `fd`. Until then the
**   alarm is the time limit of our own wait;
** - a socket that no caller waits for any more stays in the kernel's set if it is only watched for reading and was
**   opened by us (then we hear of its end). A kept-alive connection is added once, not once a request. When it
**   becomes readable meanwhile (the server closed it), the event is swallowed and the socket leaves the set.
**
** Memory: 16 bytes for each descriptor number up to the highest seen.
*/
#ifndef OGL_POLLER_H
#define OGL_POLLER_H

#include "../core/ogl.h"

OGL_BEGIN

enum { OGL_POLL_READ = 1, OGL_POLL_WRITE = 2, OGL_POLL_ERROR = 4 };

/* What is known of one descriptor number; see poller.c. */
struct ogl_poller_slot;

struct ogl_poller {
  int fd;                        /* epoll or kqueue; -1 before the first use */
  int timer;                     /* Linux: the timerfd; -1 before it is needed, and elsewhere */
  int timed;                     /* a caller asked for `fd`: the alarm must make it readable */
  int failed;                    /* 0, or the errno that made it useless */
  double alarm;                  /* when to wake, by ogl_clock_now; negative: never */
  double armed;                  /* what the kernel's timer was set to; negative: not set */
  struct ogl_poller_slot *slots; /* by descriptor number */
  size_t n_slots;
};

/* A socket is ready. Stale once the socket was closed or given up: ask `current` before use. */
struct ogl_poller_event {
  int fd;
  int what; /* OGL_POLL_* */
  uint32_t serial;
};

/* Acquires nothing. */
void ogl_poller_init(struct ogl_poller *p);
/* Closes the kernel's objects and frees the memory. */
void ogl_poller_clear(struct ogl_poller *p);
/* Forgets a failure, and gets new objects of the kernel when they are next needed; they watch what is still watched, but for what the
   kernel refuses. */
void ogl_poller_renew(struct ogl_poller *p);

/* The descriptor for a foreign loop: readable when `wait(0)` has something to do. From now on the alarm makes it
   readable too. -1 on failure. */
int ogl_poller_fd(struct ogl_poller *p);

/* Notes that we opened the socket, and will tell of its end before close(2). */
void ogl_poller_opened(struct ogl_poller *p, int fd);
/* Notes that a socket that we opened is about to be closed. */
void ogl_poller_closed(struct ogl_poller *p, int fd);

/* Watches fd for `want` (0: not at all). `owner` is kept for `current`; the earlier one is returned. */
void *ogl_poller_watch(struct ogl_poller *p, int fd, int want, void *owner);
/* Forgets an owner that is about to go. */
void ogl_poller_disown(struct ogl_poller *p, const void *owner);

/* Sets the one alarm, by ogl_clock_now; negative: none. */
void ogl_poller_alarm(struct ogl_poller *p, double at);
/* Brings the kernel's timer in line with the alarm, where a foreign loop depends on it. */
void ogl_poller_settle(struct ogl_poller *p);

/* Waits until a socket is ready, the alarm, or `seconds` (negative: no limit). The number of events written, -1 when
   a signal came, -2 when the poller failed. */
int ogl_poller_wait(struct ogl_poller *p, double seconds, struct ogl_poller_event *events, int max);

/* Is the event still about the socket that it was made for? Then 1, and its owner. */
int ogl_poller_current(struct ogl_poller *p, const struct ogl_poller_event *event, void **owner);

OGL_END

#endif
