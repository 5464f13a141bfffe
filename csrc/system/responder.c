/* SPDX-License-Identifier: MIT
** responder.c - see responder.h.
*/
#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep, strncasecmp */
#include "responder.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "listener.h"

enum {
  CONNECTIONS = 64, /* at once: those beyond wait until one ends */
  HEAD = 16 * 1024, /* of a request; a longer one ends its connection */
  LIFELINE = 0,     /* places in the list of what is polled */
  LISTENER = 1,
  FIRST = 2
};

struct connection {
  char head[HEAD + 1];
  size_t have;    /* bytes of the head, and of what came behind it */
  size_t missing; /* of the body */
  size_t next;    /* the piece that is sent next; the number of pieces: none */
  double due;     /* when */
  int is_reading_body;
};

/* All that the child has. */
struct server {
  const struct ogl_span *pieces;
  size_t n;
  double gap;
  struct pollfd polled[FIRST + CONNECTIONS];
  struct connection *connections;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void drop(struct pollfd *p) {
  close(p->fd);
  p->fd = -1;
}

/* The length of the body that a head announces. */
static size_t body_length(const char *head) {
  static const char name[] = "\r\ncontent-length:";
  for (; *head; head++) {
    if (!strncasecmp(head, name, sizeof name - 1)) return strtoul(head + sizeof name - 1, NULL, 10);
  }
  return 0;
}

static void begin_answer(struct connection *c) {
  c->have = c->missing = c->next = 0;
  c->is_reading_body = 0;
  c->due = now();
}

/* Reads more of a head; once it is whole, what came behind it is part of the body. */
static void read_head(struct pollfd *p, struct connection *c) {
  ssize_t n = recv(p->fd, c->head + c->have, HEAD - c->have, 0);
  if (n <= 0) {
    drop(p);
    return;
  }
  c->have += (size_t)n;
  c->head[c->have] = '\0';
  char *end = strstr(c->head, "\r\n\r\n");
  if (!end) {
    if (c->have == HEAD) drop(p);
    return;
  }
  size_t behind = c->have - (size_t)(end + 4 - c->head);
  end[2] = '\0';
  size_t length = body_length(c->head);
  c->missing = length > behind ? length - behind : 0;
  c->is_reading_body = 1;
  if (!c->missing) begin_answer(c);
}

/* Reads more of a body, and drops it. */
static void read_body(struct pollfd *p, struct connection *c) {
  ssize_t n = recv(p->fd, c->head, c->missing < HEAD ? c->missing : HEAD, 0);
  if (n <= 0) {
    drop(p);
    return;
  }
  c->missing -= (size_t)n;
  if (!c->missing) begin_answer(c);
}

static void accept_one(struct server *s) {
  int on = 1;
  for (size_t i = 0; i < CONNECTIONS; i++) {
    struct pollfd *p = &s->polled[FIRST + i];
    if (p->fd >= 0) continue;
    p->fd = accept(s->polled[LISTENER].fd, NULL, NULL);
    if (p->fd < 0) return;
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    memset(&s->connections[i], 0, sizeof s->connections[i]);
    s->connections[i].next = s->n;
    return;
  }
}

/* Sends the pieces that are due. The kernel takes a piece whole: a peer that does not read is no peer to measure by. */
static void send_due(const struct server *s, struct pollfd *p, struct connection *c) {
  while (p->fd >= 0 && c->next < s->n && c->due <= now()) {
    struct ogl_span piece = s->pieces[c->next++];
    if (send(p->fd, piece.p, piece.n, 0) != (ssize_t)piece.n) drop(p);
    c->due += s->gap;
  }
}

/* Seconds until the first piece is due; a negative number where none is waited for. */
static double until_due(const struct server *s) {
  double first = -1;
  for (size_t i = 0; i < CONNECTIONS; i++) {
    const struct connection *c = &s->connections[i];
    if (s->polled[FIRST + i].fd >= 0 && c->next < s->n && (first < 0 || c->due < first)) first = c->due;
  }
  if (first < 0) return -1;
  double left = first - now();
  return left < 0 ? 0 : left;
}

/* Waits for requests until a piece is due. poll() counts whole milliseconds, so the part of one that is left is slept. */
static int wait_for_news(struct server *s) {
  double left = until_due(s);
  int ms = left < 0 ? -1 : left > 1 ? 1000 : (int)(left * 1000);
  int n = poll(s->polled, FIRST + CONNECTIONS, ms);
  left = until_due(s);
  if (n == 0 && left > 0 && left < 0.001) {
    struct timespec rest = { 0, (long)(left * 1e9) };
    nanosleep(&rest, NULL);
  }
  return n;
}

static void serve_one(struct server *s, size_t i) {
  struct pollfd *p = &s->polled[FIRST + i];
  struct connection *c = &s->connections[i];
  if (p->fd >= 0 && p->revents) {
    if (c->is_reading_body) read_body(p, c);
    else read_head(p, c);
  }
  send_due(s, p, c);
}

/* Serves until the pipe is closed at its other end. */
static void serve(struct server *s) {
  for (;;) {
    if (wait_for_news(s) < 0) {
      if (errno != EINTR) return;
      continue;
    }
    if (s->polled[LIFELINE].revents) return;
    if (s->polled[LISTENER].revents) accept_one(s);
    for (size_t i = 0; i < CONNECTIONS; i++) serve_one(s, i);
  }
}

/* The child's whole life. It never returns into the program that it is a copy of. */
static void live(int listener, int lifeline, const struct ogl_span *pieces, size_t n, double gap) {
  static struct server s;
  struct connection *connections = calloc(CONNECTIONS, sizeof *connections);
  signal(SIGINT, SIG_IGN); /* the terminal sends it to all of its processes; the pipe says when it is over */
  signal(SIGPIPE, SIG_IGN);
  if (!connections) _exit(1);
  s.pieces = pieces;
  s.n = n;
  s.gap = gap;
  s.connections = connections;
  for (size_t i = 0; i < FIRST + CONNECTIONS; i++) {
    s.polled[i].fd = -1;
    s.polled[i].events = POLLIN;
  }
  s.polled[LIFELINE].fd = lifeline;
  s.polled[LISTENER].fd = listener;
  serve(&s);
  _exit(0);
}

static int port_of(int fd) {
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  return getsockname(fd, (struct sockaddr *)&at, &size) ? 0 : ntohs(at.sin_port);
}

/* Makes a pipe neither end of which goes into programs that this one runs. */
static int make_lifeline(int ends[2]) {
  if (pipe(ends)) return errno;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  return 0;
}

int ogl_responder_start(struct ogl_responder *r, const struct ogl_span *pieces, size_t n, double gap) {
  int listener, ends[2], problem = ogl_listener_open("127.0.0.1", 0, &listener);
  if (problem) return problem;
  problem = make_lifeline(ends);
  if (problem) {
    close(listener);
    return problem;
  }
  r->port = port_of(listener);
  r->lifeline = ends[1];
  r->child = fork();
  if (!r->child) {
    close(ends[1]);
    live(listener, ends[0], pieces, n, gap);
  }
  problem = r->child < 0 ? errno : 0;
  close(listener);
  close(ends[0]);
  if (!problem) return 0;
  close(ends[1]);
  r->child = 0;
  return problem;
}

void ogl_responder_stop(struct ogl_responder *r) {
  if (!r->child) return;
  close(r->lifeline);
  while (waitpid(r->child, NULL, 0) < 0 && errno == EINTR) {
  }
  r->child = 0;
}
