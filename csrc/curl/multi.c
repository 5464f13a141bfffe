/* SPDX-License-Identifier: MIT
** multi.c - see multi.h.
*/
#define _GNU_SOURCE /* SOCK_CLOEXEC under -std=c99 */
#include "multi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/mem.h"
#include "clock.h"

enum { BATCH = 64 }; /* sockets served in one step; the others stay ready */

static const double AWAY = 0.05; /* seconds without a look at the sockets that no time limit of a connect may count */

/* libcurl from 7.84 on guards its own start; before, the first multi of the process does it for all. */
static void start_curl(void) {
  static int state; /* 0: not yet, 1: somebody is at it, 2: done */
  if (__sync_bool_compare_and_swap(&state, 0, 1)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    __sync_bool_compare_and_swap(&state, 1, 2);
  }
  while (!__sync_bool_compare_and_swap(&state, 2, 2)) ogl_clock_sleep(0.001);
}

/* Short on purpose: libcurl 7.88 spends 25 ns on each byte of a header. */
static const char *find_encodings(void) {
  long can = 0;
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  if (info->features & CURL_VERSION_LIBZ) can |= 1;
#if LIBCURL_VERSION_NUM >= 0x073900
  if (info->features & CURL_VERSION_BROTLI) can |= 2;
#endif
#if LIBCURL_VERSION_NUM >= 0x074800
  if (info->features & CURL_VERSION_ZSTD) can |= 4;
#endif
  static const char *const texts[] = { NULL, "gzip", "br", "gzip,br", "zstd", "gzip,zstd", "br,zstd", "gzip,br,zstd" };
  return texts[can];
}

/* Whoever watches a descriptor here asks its own list once `wait` or `step` has returned. */
static void pass_over(struct ogl_multi_member *beside, int what) {
  (void)beside;
  (void)what;
}

struct ogl_multi *ogl_multi_new(void) {
  struct ogl_multi *m = ogl_realloc(NULL, sizeof *m);
  if (!m) return NULL;
  start_curl();
  memset(m, 0, sizeof *m);
  ogl_poller_init(&m->poller);
  ogl_deadlines_init(&m->deadlines);
  m->alarm = -1;
  m->owners = 1;
  m->process = (int)getpid();
  m->encodings = find_encodings();
  m->beside.open = 1;
  m->beside.touched = pass_over;
  return m;
}

struct ogl_multi *ogl_multi_keep(struct ogl_multi *m) {
  m->owners++;
  return m;
}

int ogl_multi_is_foreign(const struct ogl_multi *m) { return m->process != (int)getpid(); }

/* The order is libcurl's: easy handles, then the multi, which closes its connections through our callbacks. */
void ogl_multi_drop(struct ogl_multi *m) {
  struct ogl_broken_pipe pipe;
  int secure = m->secure;
  if (--m->owners || ogl_multi_is_foreign(m)) return;
  ogl_multi_shield(m, &pipe);
  for (struct ogl_multi_member *member; (member = ogl_multi_reuse(m)) != NULL;) member->destroy(member);
  curl_multi_cleanup(m->curl);
  ogl_poller_clear(&m->poller);
  ogl_deadlines_clear(&m->deadlines);
  ogl_applied_options_drop(m->applied);
  ogl_free(m);
  if (secure) ogl_broken_pipe_unshield(&pipe);
}

/* Callbacks of libcurl: nothing in here may call libcurl back, but for getinfo. ----------------------------------- */

/* Our member behind a handle; NULL for the handles that libcurl makes for itself. */
static struct ogl_multi_member *member_of(CURL *easy) {
  char *member = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &member);
  return (struct ogl_multi_member *)(void *)member;
}

static void watch(struct ogl_multi *m, int fd, int want, struct ogl_multi_member *owner) {
  struct ogl_multi_member *before = ogl_poller_watch(&m->poller, fd, want, owner);
  if (before) before->sockets--;
  if (owner) owner->sockets++;
}

/* Always 0: any other answer would end every transfer of the multi. The poller keeps its failure for later. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused) {
  (void)unused;
  if (what == CURL_POLL_REMOVE || what == CURL_POLL_NONE) {
    watch(user, fd, 0, NULL);
    return 0;
  }
  struct ogl_multi_member *member = member_of(easy);
  int want = (what & CURL_POLL_IN ? OGL_POLL_READ : 0) | (what & CURL_POLL_OUT ? OGL_POLL_WRITE : 0);
  watch(user, fd, want, member && member->alone ? member : NULL);
  return 0;
}

static int on_timer(CURLM *curl, long milliseconds, void *user) {
  struct ogl_multi *m = user;
  (void)curl;
  m->alarm = milliseconds < 0 ? -1 : ogl_clock_now() + (double)milliseconds / 1e3;
  return 0;
}

/* Opening the sockets ourselves tells us when a number means a new socket, and no child process inherits them. */
static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
  struct ogl_multi *m = user;
  (void)purpose;
#ifdef SOCK_CLOEXEC
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
#else
  int fd = socket(address->family, address->socktype, address->protocol);
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
#endif
  m->no_socket = fd < 0 ? errno : 0;
  if (fd < 0) return CURL_SOCKET_BAD;
  ogl_poller_opened(&m->poller, fd);
  m->n_sockets++;
  return fd;
}

static int on_close(void *user, curl_socket_t fd) {
  struct ogl_multi *m = user;
  watch(m, fd, 0, NULL);
  ogl_poller_closed(&m->poller, fd);
  m->n_sockets--;
  return close(fd);
}

/* Members ---------------------------------------------------------------------------------------------------------- */

struct ogl_multi_member *ogl_multi_reuse(struct ogl_multi *m) {
  return m->n_spare ? m->spare[--m->n_spare] : NULL;
}

/* The most that are kept grows with the members that are in: one turn may end many and begin as many anew, but a crowd that has gone
   needs few. */
int ogl_multi_retire(struct ogl_multi *m, struct ogl_multi_member *member) {
  size_t most = OGL_MULTI_SPARE + m->n_members;
  if (most > OGL_MULTI_CROWD) most = OGL_MULTI_CROWD;
  while (m->n_spare > most) {
    struct ogl_multi_member *excess = ogl_multi_reuse(m);
    excess->destroy(excess);
  }
  if (m->n_spare == most) return 0;
  m->spare[m->n_spare++] = member;
  return 1;
}

void ogl_multi_adopt(struct ogl_multi *m, struct ogl_multi_member *member) {
  if (!member->id) member->id = ++m->ids;
  curl_easy_setopt(member->easy, CURLOPT_PRIVATE, (char *)(void *)member);
  curl_easy_setopt(member->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
  curl_easy_setopt(member->easy, CURLOPT_OPENSOCKETDATA, m);
  curl_easy_setopt(member->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  curl_easy_setopt(member->easy, CURLOPT_CLOSESOCKETDATA, m);
}

struct ogl_applied_options *ogl_multi_share(struct ogl_multi *m, struct ogl_span bytes) {
  struct ogl_applied_options *s = ogl_applied_options_of(m->applied, bytes);
  if (!s || s == m->applied) return s;
  ogl_applied_options_drop(m->applied);
  m->applied = ogl_applied_options_keep(s);
  return s;
}

static void take_in(struct ogl_multi *m, struct ogl_multi_member *member) {
  member->in = member->connecting = 1;
  m->n_connecting++;
  member->prev = NULL;
  member->next = m->members;
  if (m->members) m->members->prev = member;
  m->members = member;
  m->n_members++;
}

void ogl_multi_begun(struct ogl_multi *m, struct ogl_multi_member *member) {
  if (member->connecting) m->n_connecting--;
  member->connecting = 0;
}

static void take_out(struct ogl_multi *m, struct ogl_multi_member *member) {
  if (!member->in) return;
  ogl_multi_begun(m, member);
  member->in = 0;
  curl_multi_remove_handle(m->curl, member->easy);
  if (member->sockets) ogl_poller_disown(&m->poller, member);
  member->sockets = 0;
  if (member->prev) member->prev->next = member->next;
  if (member->next) member->next->prev = member->prev;
  if (m->members == member) m->members = member->next;
  m->n_members--;
}

static void end(struct ogl_multi *m, struct ogl_multi_member *member, CURLcode result, const char *broken) {
  take_out(m, member);
  member->ended(member, result, broken);
}

/* The end of a CURLM that cannot go on. Its sockets leave the poller as they are closed. */
static void give_up(struct ogl_multi *m, const char *why) {
  while (m->members) end(m, m->members, CURLE_FAILED_INIT, why);
  curl_multi_cleanup(m->curl);
  m->curl = NULL;
  m->alarm = -1;
  if (m->poller.failed) ogl_poller_renew(&m->poller);
}

/* Ends the members that are done. */
static void harvest(struct ogl_multi *m) {
  CURLMsg *message;
  int left;
  while (m->curl && (message = curl_multi_info_read(m->curl, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode result = message->data.result; /* the message ends with the handle's removal */
    struct ogl_multi_member *member = member_of(message->easy_handle);
    if (!member) continue;
    if (member->raw && result == CURLE_OK) {
      member->open = 1; /* it stays in: its removal would close it */
      ogl_multi_begun(m, member);
      member->opened(member);
    } else {
      end(m, member, result, NULL);
    }
  }
}

static void act(struct ogl_multi *m, curl_socket_t fd, int what) {
  int running;
  CURLMcode code;
  do code = curl_multi_socket_action(m->curl, fd, what, &running);
  while (code == CURLM_CALL_MULTI_PERFORM);
  if (code != CURLM_OK) give_up(m, curl_multi_strerror(code));
}

/* The alarm is taken down first: libcurl sets the next one itself. */
static void ring(struct ogl_multi *m) {
  if (!m->curl || m->alarm < 0) return;
  double now = ogl_clock_now();
  if (m->alarm > now) return;
  m->now = now;
  m->alarm = -1;
  act(m, CURL_SOCKET_TIMEOUT, 0);
}

/* When something is to be done next; negative: never. */
static double next_alarm(const struct ogl_multi *m) {
  if (m->listed && !m->stepping) return m->now;
  const struct ogl_deadline *first = ogl_deadlines_first(&m->deadlines);
  if (!first) return m->alarm;
  return m->alarm < 0 || first->at < m->alarm ? first->at : m->alarm;
}

/* Ends every entry into libcurl: gives out results, replaces a failed poller, and lets a foreign loop wake in time. */
static void settle(struct ogl_multi *m) {
  harvest(m);
  ogl_poller_alarm(&m->poller, next_alarm(m));
  ogl_poller_settle(&m->poller);
  if (m->poller.failed) give_up(m, strerror(m->poller.failed));
}

static CURLMcode ensure_curl(struct ogl_multi *m) {
  if (m->curl) return CURLM_OK;
  m->curl = curl_multi_init();
  if (!m->curl) return CURLM_OUT_OF_MEMORY;
  curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
  curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
  curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, (long)OGL_MULTI_CONNECTIONS);
  return CURLM_OK;
}

static const char *start(struct ogl_multi *m, struct ogl_multi_member *member) {
  CURLMcode code = ensure_curl(m);
  if (code == CURLM_OK) {
    code = curl_multi_add_handle(m->curl, member->easy);
    if (code != CURLM_OK) give_up(m, curl_multi_strerror(code));
  }
  if (code != CURLM_OK) return curl_multi_strerror(code);
  member->heard = m->now = ogl_clock_now();
  if (!m->n_connecting) m->left = m->now; /* until now no connect waited for a look */
  take_in(m, member);
  member->open = 0;
  ring(m);
  settle(m);
  return NULL;
}

/* Once a connection speaks TLS, any start may close it, idle, to make room. */
const char *ogl_multi_start(struct ogl_multi *m, struct ogl_multi_member *member) {
  struct ogl_broken_pipe pipe;
  if (ogl_multi_is_foreign(m)) return "the process has forked: make a client in the child";
  m->secure |= member->secure;
  ogl_multi_shield(m, &pipe);
  const char *problem = start(m, member);
  ogl_multi_unshield(m, &pipe);
  return problem;
}

void ogl_multi_stop(struct ogl_multi *m, struct ogl_multi_member *member) {
  struct ogl_broken_pipe pipe;
  ogl_multi_shield(m, &pipe);
  ogl_multi_forsake(m, member);
  take_out(m, member);
  ogl_poller_settle(&m->poller);
  ogl_multi_unshield(m, &pipe);
}

void ogl_multi_pause(struct ogl_multi *m, struct ogl_multi_member *member, int what) {
  struct ogl_broken_pipe pipe;
  if (!member->in) return;
  ogl_multi_shield(m, &pipe);
  CURLcode code = curl_easy_pause(member->easy, what);
  if (code != CURLE_OK && member->in) end(m, member, code, NULL);
  settle(m);
  ogl_multi_unshield(m, &pipe);
}

/* News -------------------------------------------------------------------------------------------------------------- */

static void unlist(struct ogl_multi *m, struct ogl_multi_member *member) {
  if (!member->listed) return;
  member->listed = 0;
  *(member->prev_listed ? &member->prev_listed->next_listed : &m->listed) = member->next_listed;
  *(member->next_listed ? &member->next_listed->prev_listed : &m->last_listed) = member->prev_listed;
  member->prev_listed = member->next_listed = NULL;
}

/* A deadline that comes earlier than wanted only looks and is set anew: a stream that is alive moves none. */
int ogl_multi_await(struct ogl_multi *m, struct ogl_multi_member *member, double at) {
  member->awaited = 1;
  if (at < 0 || (member->deadline.place && member->deadline.at <= at)) return 0;
  int failed = ogl_deadlines_set(&m->deadlines, &member->deadline, at);
  if (ogl_deadlines_first(&m->deadlines) == &member->deadline) settle(m);
  return failed;
}

void ogl_multi_forsake(struct ogl_multi *m, struct ogl_multi_member *member) {
  member->awaited = 0;
  unlist(m, member);
  ogl_deadlines_unset(&m->deadlines, &member->deadline);
}

void ogl_multi_notify(struct ogl_multi *m, struct ogl_multi_member *member) {
  if (!member->awaited) return;
  member->awaited = 0;
  member->listed = 1;
  member->prev_listed = m->last_listed;
  member->next_listed = NULL;
  *(m->last_listed ? &m->last_listed->next_listed : &m->listed) = member;
  m->last_listed = member;
}

struct ogl_multi_member *ogl_multi_next(struct ogl_multi *m) {
  struct ogl_multi_member *member = m->listed;
  if (member) unlist(m, member);
  return member;
}

static struct ogl_multi_member *member_with(struct ogl_deadline *deadline) {
  return (struct ogl_multi_member *)(void *)((char *)deadline - offsetof(struct ogl_multi_member, deadline));
}

static int is_due(const struct ogl_multi *m) {
  const struct ogl_deadline *first = ogl_deadlines_first(&m->deadlines);
  return first != NULL && first->at <= m->now;
}

static void look(struct ogl_multi *m) {
  struct ogl_deadline *first;
  if (!is_due(m)) return;
  ogl_multi_catch_up(m);
  while ((first = ogl_deadlines_first(&m->deadlines)) != NULL && first->at <= m->now) {
    double at = member_with(first)->due(member_with(first), m->now);
    if (at > m->now) ogl_deadlines_set(&m->deadlines, first, at);
    else ogl_deadlines_unset(&m->deadlines, first);
  }
}

/* Waiting ---------------------------------------------------------------------------------------------------------- */

void ogl_multi_watch(struct ogl_multi *m, struct ogl_multi_member *member, curl_socket_t fd, int want) {
  if (fd >= 0) watch(m, fd, want, member);
  settle(m);
}

/* A descriptor that was closed while it was watched may have had the same number, so the poller first forgets that one. */
void ogl_multi_watch_beside(struct ogl_multi *m, int fd, int on) {
  if (on) ogl_poller_closed(&m->poller, fd);
  watch(m, fd, on ? OGL_POLL_READ : 0, on ? &m->beside : NULL);
  settle(m);
}

static void serve(struct ogl_multi *m, const struct ogl_poller_event *event) {
  void *found;
  if (!ogl_poller_current(&m->poller, event, &found)) return;
  struct ogl_multi_member *owner = found;
  if (owner) owner->heard = m->now;
  else m->heard = m->now;
  if (owner && owner->open) {
    owner->touched(owner, event->what);
    return;
  }
  int what = 0;
  if (event->what & OGL_POLL_READ) what |= CURL_CSELECT_IN;
  if (event->what & OGL_POLL_WRITE) what |= CURL_CSELECT_OUT;
  if (event->what & OGL_POLL_ERROR) what |= CURL_CSELECT_ERR;
  act(m, event->fd, what);
}

/* The number of sockets that were ready, at most BATCH; negative as of the poller. */
static int serve_some(struct ogl_multi *m, double seconds) {
  struct ogl_poller_event events[BATCH];
  int n = ogl_poller_wait(&m->poller, seconds, events, BATCH);
  m->left = m->now = ogl_clock_now();
  for (int i = 0; i < n && m->curl; i++) serve(m, &events[i]);
  return n;
}

/* The kernel gives the sockets in turn, so that as many rounds as there are sockets reach each of them. One place of a round may have been
   the timer's. */
void ogl_multi_catch_up(struct ogl_multi *m) {
  size_t rounds = m->n_sockets / BATCH + 1;
  while (rounds-- && m->curl && serve_some(m, 0) >= BATCH - 1) continue;
  ring(m);
}

static void excuse(struct ogl_multi *m) {
  double now = m->n_connecting ? ogl_clock_now() : 0;
  if (!m->n_connecting || now - m->left < AWAY) return;
  for (struct ogl_multi_member *member = m->members; member; member = member->next)
    if (member->connecting) member->excuse(member, now);
}

int ogl_multi_wait(struct ogl_multi *m, double seconds) {
  struct ogl_broken_pipe pipe;
  ogl_multi_shield(m, &pipe);
  excuse(m);
  ogl_poller_alarm(&m->poller, next_alarm(m));
  int n = serve_some(m, seconds);
  ring(m);
  look(m);
  settle(m);
  ogl_multi_unshield(m, &pipe);
  return n != -1;
}

void ogl_multi_step(struct ogl_multi *m) {
  m->stepping = 1;
  ogl_multi_wait(m, 0);
  m->stepping = 0;
}

int ogl_multi_fd(struct ogl_multi *m) {
  int fd = ogl_poller_fd(&m->poller), failure = m->poller.failed;
  settle(m);
  errno = failure;
  return fd;
}
