/* SPDX-License-Identifier: MIT
** trickle.c - a server of many slow streams: one thread, epoll, and a queue of who sends next.
**
**   trickle       prints "port N"; ends when its standard input does
**
**   /trickle/<events>/<ms>/<crowd>...   an event stream: a chunk of about 290 bytes every so many milliseconds, then the
**                                       end. The first is sent when so many streams are there (0: at once), and the
**                                       crowd's sends are spread evenly over the interval
**   /reset/…, /stall/…                  the same with RST, or silence for ever, after half of the events
**   /small/…                            a chat completion of about 500 bytes, at once
**
** The text of a chunk is "<n> <t>;" and words: its number from 1, and the moment of its send by CLOCK_MONOTONIC in nanoseconds.
** Streams differ in their ids and chunks in their length, as they do on real servers, since a reader may be fast for
** bytes that it has seen before. Every stream of a run has the same interval, so that the queue is in order by itself.
** What a socket does not take at once is kept; a peer that goes ends its connection.
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INPUT = 8 * 1024, OUTPUT = 4 * 1024, BATCH = 256, BACKLOG = 4096 };

enum fault { NONE, RESET, STALL };

struct conn {
  int fd;
  enum fault fault;
  unsigned events, sent, crowd, id;
  long long interval, due; /* nanoseconds */
  size_t have, pending;    /* of input; of output that the socket did not take */
  struct conn *next;       /* in the queue, or among those that wait for the crowd */
  int queued, watched;     /* in one of the two; watched for writing */
  char input[INPUT], output[OUTPUT];
};

static struct conn *first, *last, *crowd;
static unsigned n_crowd;
static int epoll_fd;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long long)t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void watch(struct conn *c, int op, uint32_t events) {
  struct epoll_event event = { events, { c } };
  epoll_ctl(epoll_fd, op, c->fd, &event);
}

/* A queued one is freed when its turn comes. */
static void drop(struct conn *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  if (!c->queued) free(c);
}

static void reset(struct conn *c) {
  struct linger at_once = { 1, 0 };
  setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  drop(c);
}

static void push(struct conn *c) {
  c->next = NULL;
  c->queued = 1;
  *(first ? &last->next : &first) = c;
  last = c;
}

/* 0 when the peer has gone, or does not read any more. */
static int flush(struct conn *c) {
  ssize_t n = send(c->fd, c->output, c->pending, 0);
  if (n < 0 && errno != EAGAIN) return 0;
  if (n > 0) memmove(c->output, c->output + n, c->pending -= (size_t)n);
  if (!c->pending != !c->watched) return 1;
  c->watched = c->pending != 0;
  watch(c, EPOLL_CTL_MOD, EPOLLIN | (c->watched ? (uint32_t)EPOLLOUT : 0u));
  return 1;
}

static int say(struct conn *c, const char *data, size_t n) {
  if (n > OUTPUT - c->pending) return 0;
  memcpy(c->output + c->pending, data, n);
  c->pending += n;
  return flush(c);
}

static int say_chunk(struct conn *c, const char *data, size_t n) {
  char frame[1024];
  int size = snprintf(frame, sizeof frame, "%zx\r\n%.*s\r\n", n, (int)n, data);
  return say(c, frame, (size_t)size);
}

#define EVENT                                                                                            \
  "data: {\"id\":\"chatcmpl-CbT5rP0nX7mVq2sKe9Lw%08x\",\"object\":\"chat.completion.chunk\","            \
  "\"created\":1790949988,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\","            \
  "\"system_fingerprint\":\"fp_560af6e559\",\"choices\":[{\"index\":0,\"delta\":{%s},\"logprobs\":null," \
  "\"finish_reason\":%s}]}\n\n"

static const char words[] = " Le monde est un jardin, et la langue en fait le chemin";

static int say_event(struct conn *c) {
  char text[128], event[512];
  int spoken = (int)((c->id + c->sent * 7) % sizeof words);
  snprintf(text, sizeof text, "\"content\":\"%u %lld;%.*s\"", c->sent + 1, now(), spoken, words);
  int n = snprintf(event, sizeof event, EVENT, c->id, text, "null");
  c->sent++;
  return say_chunk(c, event, (size_t)n);
}

static int say_end(struct conn *c) {
  char event[512];
  int n = snprintf(event, sizeof event, EVENT, c->id, "", "\"stop\"");
  static const char done[] = "data: [DONE]\n\n";
  return say_chunk(c, event, (size_t)n) && say_chunk(c, done, sizeof done - 1) && say(c, "0\r\n\r\n", 5);
}

/* The one at the head of the queue sends; then it is again at its end. */
static void serve_first(void) {
  struct conn *c = first;
  first = c->next;
  c->queued = 0;
  if (c->fd < 0) {
    free(c);
    return;
  }
  if (c->fault != NONE && c->sent == c->events / 2) {
    if (c->fault == RESET) reset(c);
    return;
  }
  int more = c->sent < c->events;
  if (!(more ? say_event(c) : say_end(c))) return drop(c);
  c->due += c->interval;
  if (more) push(c);
}

static void start_crowd(void) {
  long long start = now() + 1000000000LL; /* by then the client has done what an opening asks of it */
  struct conn *list = crowd;
  unsigned n = n_crowd, i = 0;
  crowd = NULL;
  n_crowd = 0;
  for (struct conn *c; (c = list) != NULL; i++) {
    list = c->next;
    c->due = start + c->interval * i / n;
    push(c);
  }
}

static void begin_stream(struct conn *c) {
  static const char head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
  if (!say(c, head, sizeof head - 1)) return drop(c);
  if (!c->crowd) {
    c->due = now() + c->interval;
    return push(c);
  }
  c->next = crowd;
  c->queued = 1;
  crowd = c;
  if (++n_crowd == c->crowd) start_crowd();
}

static void answer_small(struct conn *c) {
  static const char body[] =
      "{\"id\":\"chatcmpl-CbT5rP0nX7mVq2sKe9LwYd4HfGu1A\",\"object\":\"chat.completion\",\"created\":1790949988,"
      "\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
      "\"content\":\"La capitale de la France est Paris.\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
      "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":8,\"total_tokens\":22},"
      "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_560af6e559\"}";
  char text[1024];
  int n =
      snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
               sizeof body - 1, body);
  if (!say(c, text, (size_t)n)) drop(c);
}

static void answer(struct conn *c, const char *path) {
  static unsigned streams;
  unsigned ms = 0;
  char kind[16] = "";
  c->sent = 0;
  c->id = streams++ * 2654435761u; /* far apart */
  if (sscanf(path, "/%15[^/]/%u/%u/%u", kind, &c->events, &ms, &c->crowd) < 4) return answer_small(c);
  c->interval = (long long)ms * 1000000LL;
  c->fault = strcmp(kind, "reset") == 0 ? RESET : strcmp(kind, "stall") == 0 ? STALL : NONE;
  begin_stream(c);
}

/* Whole requests with a Content-Length, one after the other. */
static void receive(struct conn *c) {
  ssize_t n = recv(c->fd, c->input + c->have, INPUT - 1 - c->have, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) return drop(c);
  c->input[c->have += (size_t)n] = '\0';
  char *end = strstr(c->input, "\r\n\r\n"), *length = strcasestr(c->input, "content-length:");
  if (!end) return;
  size_t size = (size_t)(end + 4 - c->input) + (length && length < end ? strtoul(length + 15, NULL, 10) : 0);
  if (c->have < size) return;
  char *path = strchr(c->input, ' ');
  c->have = 0;
  answer(c, path ? path + 1 : "/");
}

static void welcome(int listener) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    struct conn *c = calloc(1, sizeof *c);
    int on = 1;
    if (!c) die("calloc");
    c->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
  }
}

static int listen_somewhere(void) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, BACKLOG)) die("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &size)) die("getsockname");
  printf("port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static int milliseconds(void) {
  if (!first) return -1;
  long long left = first->due - now();
  return left <= 0 ? 0 : (int)(left / 1000000);
}

int main(void) {
  struct epoll_event got[BATCH];
  int listener = listen_somewhere();
  signal(SIGPIPE, SIG_IGN);
  epoll_fd = epoll_create1(0);
  struct epoll_event on_listener = { EPOLLIN, { .ptr = NULL } }, on_stdin = { EPOLLIN, { .ptr = &epoll_fd } };
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &on_listener)) die("epoll_ctl");
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &on_stdin);
  for (;;) {
    int n = epoll_wait(epoll_fd, got, BATCH, milliseconds());
    for (int i = 0; i < n; i++) {
      struct conn *c = got[i].data.ptr;
      if (got[i].data.ptr == &epoll_fd) return 0;
      if (!c) welcome(listener);
      else if (c->fd >= 0 && got[i].events & EPOLLOUT && !flush(c)) drop(c);
      else if (c->fd >= 0 && got[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
    }
    while (first && first->due <= now()) serve_first();
  }
}
