/* SPDX-License-Identifier: MIT
** multi.h - libcurl's multi interface, driven by sockets: many transfers, one descriptor, kept-alive connections.
**
** Life: `new`; for each transfer `adopt` its easy handle, `start`, then `wait` or `step` until its `ended` is called,
** `stop` where it shall end earlier; `drop` at the end. It is counted: whoever keeps a pointer calls `keep` and `drop`,
** so that a transfer may outlive the owner of its multi and both may go in any order. What is no longer used may be
** given to `retire`, and `reuse` gives it back: a handle that has its options already makes an exchange cheaper by
** some microseconds.
**
** Many may wait at once: `await` says that a caller waits for a member, `notify` (by the member's own functions) puts
** it on the list of those that have news, `next` takes the list down. Whatever puts a member there, a foreign loop that
** polls `fd` hears of it.
**
** libcurl calls back from inside start, stop, step, wait and drop, also for handles that are not ours. Those
** callbacks only write into the poller. `ended` is called after libcurl has returned.
**
** A multi that libcurl declares unusable, or whose descriptor fails, ends its members (`ended` with a reason) and
** gets a new CURLM with the next start. The descriptor of `fd` stays the same where it is sound.
**
** Whoever drives the multi may be busy elsewhere for longer than a deadline allows. What has come meanwhile lies in the
** sockets, and counts: before a deadline is looked at, every socket that is ready is served once, and libcurl's own limit
** of a connect is moved on first (`excuse`).
**
** A process that forks shares its sockets with the child. There the multi is dead: its members are left alone, and its memory too,
** for closing a connection of TLS would speak on it, and unwatching a socket would take it out of the parent's epoll.
**
** Memory: idle connections are kept for reuse, some OGL_MULTI_IDLE; retired members, at most
** OGL_MULTI_SPARE, and in a crowd OGL_MULTI_CROWD. One thread at a time.
*/
#ifndef OGL_MULTI_H
#define OGL_MULTI_H

#include <curl/curl.h>

#include "applied_options.h"
#include "broken_pipe.h"
#include "deadline.h"
#include "poller.h"

OGL_BEGIN

enum {
  OGL_MULTI_IDLE = 256, /* kept-alive connections: a gateway talks to a few dozen servers with some to each */
  OGL_MULTI_CONNECTIONS = 1000 * 1000, /* more than descriptors: the idle ones are counted by us */
  OGL_MULTI_SPARE = 16, /* retired members, some 8 KiB each: enough for a caller that goes one by one or in fives */
  OGL_MULTI_CROWD = 256 /* the same, while as many others are in */
};

/* What a multi knows of a transfer, which embeds it. Zero-filled, then `easy`, `alone` and the functions are set. */
struct ogl_multi_member {
  CURL *easy;
  int secure;       /* speaks TLS, to the server or to a proxy */
  int alone;        /* speaks HTTP/1: what happens on its socket happens for it alone */
  unsigned sockets; /* sockets in the poller that name it as owner */
  int in;           /* started, and not ended or stopped */
  int connecting;   /* it is in, and its request has not begun to go out */
  int raw, open;    /* libcurl only connects it; it has, and the socket is the member's own (`touched`) */
  uint32_t id;      /* another one for each member of a multi */
  double heard;     /* when its socket was ready, or libcurl last gave it something; by ogl_clock_now */
  int awaited;      /* a caller waits for its news */
  int listed;       /* it is on the list of those that have some */
  struct ogl_multi_member *next_listed, *prev_listed;
  struct ogl_deadline deadline; /* when `due` shall look */
  /* It connects, and its sockets were not looked at for a while: libcurl must not count that time. */
  void (*excuse)(struct ogl_multi_member *member, double now);
  /* The time has come, from outside of libcurl. When to look again; negative: not by itself. */
  double (*due)(struct ogl_multi_member *member, double now);
  void (*opened)(struct ogl_multi_member *member);
  void (*touched)(struct ogl_multi_member *member, int what); /* OGL_POLL_* */
  /* The exchange is over and out of the multi. `broken` is NULL, or why the multi itself failed. */
  void (*ended)(struct ogl_multi_member *member, CURLcode result, const char *broken);
  /* Frees what was retired. */
  void (*destroy)(struct ogl_multi_member *member);
  struct ogl_multi_member *prev, *next;
};

struct ogl_multi {
  CURLM *curl; /* NULL before the first start, and after a failure */
  struct ogl_poller poller;
  struct ogl_multi_member *members; /* those that are in */
  size_t n_members, n_sockets, n_connecting;
  struct ogl_multi_member *listed, *last_listed; /* those with news, oldest first */
  struct ogl_deadlines deadlines;
  double alarm; /* libcurl's, by ogl_clock_now; negative: none */
  double now;   /* the clock as it was when libcurl was last entered */
  double left;  /* the same, when the sockets were last looked at */
  double heard; /* when a socket that several members share was last ready */
  uint32_t ids;
  int stepping;                   /* what is listed need not wake the foreign loop: the caller of step takes it */
  struct ogl_multi_member beside; /* stands for the descriptors that others watch here; it is never in */
  struct ogl_multi_member *spare[OGL_MULTI_CROWD];
  size_t n_spare;
  struct ogl_applied_options *applied; /* to the last handle that got new ones */
  const char *encodings; /* the encodings that this libcurl can decode, as Accept-Encoding lists them; NULL: none */
  unsigned owners;
  int secure;    /* one of its connections may speak TLS */
  int process;   /* that made it */
  int no_socket; /* 0, or the errno with which socket(2) failed last */
};

/* NULL without memory. */
struct ogl_multi *ogl_multi_new(void);
/* Takes one more share of the multi; gives the multi. */
struct ogl_multi *ogl_multi_keep(struct ogl_multi *m);
/* The last owner's drop closes all connections. */
void ogl_multi_drop(struct ogl_multi *m);

/* Is this a child of the process that made it? */
int ogl_multi_is_foreign(const struct ogl_multi *m);

/* Around whatever may make libcurl write: see broken_pipe.h. */
static inline void ogl_multi_shield(const struct ogl_multi *m, struct ogl_broken_pipe *before) {
  if (m->secure) ogl_broken_pipe_shield(before);
}
/* Ends that. */
static inline void ogl_multi_unshield(const struct ogl_multi *m, const struct ogl_broken_pipe *before) {
  if (m->secure) ogl_broken_pipe_unshield(before);
}

/* A retired member, unchanged; NULL if none is left. */
struct ogl_multi_member *ogl_multi_reuse(struct ogl_multi *m);
/* Keeps a member that is not in. 1; 0 when there are enough, and the caller destroys it. */
int ogl_multi_retire(struct ogl_multi *m, struct ogl_multi_member *member);

/* Are so many connections idle that one more had better be closed? libcurl's own limit makes it look at all of them
   each time it closes one. */
static inline int ogl_multi_full(const struct ogl_multi *m) { return m->n_sockets > m->n_members + OGL_MULTI_IDLE; }

/* Makes an easy handle one of this multi: the poller will know its sockets. */
void ogl_multi_adopt(struct ogl_multi *m, struct ogl_multi_member *member);

/* Keeps a list of options that a handle got, shared where the last handle got the same; the caller drops it. NULL without memory. */
struct ogl_applied_options *ogl_multi_share(struct ogl_multi *m, struct ogl_span bytes);

/* Begins the exchange at once: on a kept-alive connection the request is sent before this returns. NULL, or why it
   could not begin; then `ended` is not called for it. */
const char *ogl_multi_start(struct ogl_multi *m, struct ogl_multi_member *member);
/* Takes it out, wherever it is; its connection is closed unless the exchange was over. `ended` is not called. */
void ogl_multi_stop(struct ogl_multi *m, struct ogl_multi_member *member);
/* Pauses and resumes (CURLPAUSE_*). A failure ends the member. */
void ogl_multi_pause(struct ogl_multi *m, struct ogl_multi_member *member, int what);

/* Notes that a caller waits for the member, so that `notify` lists it. `due` is asked at `at` at the latest (by ogl_clock_now;
   negative: never). 0, or OGL_ERR_MEMORY. */
int ogl_multi_await(struct ogl_multi *m, struct ogl_multi_member *member, double at);
/* Ends that: the caller waits no longer. */
void ogl_multi_forsake(struct ogl_multi *m, struct ogl_multi_member *member);
/* Lists the member as one with news, if a caller waits for it. May be called inside of libcurl's callbacks. */
void ogl_multi_notify(struct ogl_multi *m, struct ogl_multi_member *member);
/* Notes that the request of a member begins to go out. May be called inside of libcurl's callbacks. */
void ogl_multi_begun(struct ogl_multi *m, struct ogl_multi_member *member);
/* Takes the next member that has news off the list; it is no longer awaited then. NULL if none has news. */
struct ogl_multi_member *ogl_multi_next(struct ogl_multi *m);

/* Watches the socket of a raw member that is open for OGL_POLL_*; -1: it has none (any more). */
void ogl_multi_watch(struct ogl_multi *m, struct ogl_multi_member *member, curl_socket_t fd, int want);

/* Wakes `wait` and a foreign loop while a descriptor of the caller's own is readable: another source of news that is to be waited for
   together with the transfers. `on` 0 ends that, before the descriptor is closed. */
void ogl_multi_watch_beside(struct ogl_multi *m, int fd, int on);

/* Waits at most so many seconds (negative: no limit) for something to do, and does it; does not wait where a member has news. 1;
   0 when a signal came. */
int ogl_multi_wait(struct ogl_multi *m, double seconds);
/* Serves every socket that is ready now, once, without waiting. */
void ogl_multi_catch_up(struct ogl_multi *m);
/* Does all work that needs no wait; then `next` has to be asked until it gives NULL. */
void ogl_multi_step(struct ogl_multi *m);

/* The descriptor for a foreign loop: readable when `step` has something to do. -1 and errno if it cannot be made. */
int ogl_multi_fd(struct ogl_multi *m);

OGL_END

#endif
