/* SPDX-License-Identifier: MIT
 *
 * server.c: the server of the benchmark. It answers from bytes made beforehand, so that the client is what gets
 * measured.
 *
 *   bench_server      prints "port N" on stdout; ends at GET /quit, or when stdin closes (give it a pipe, not /dev/null)
 *
 *   /chunks/<n>...    an event stream of n OpenAI-style chunks of about 290 bytes, then finish, usage, [DONE]
 *   /gib/<MiB>...     the same, as many chunks as fill that many MiB
 *   /small/...        a chat completion of about 500 bytes, with Content-Length; the request's body is read first
 *
 * Any method will do. Connections are kept. Streams are chunked in HTTP chunks of 16 KiB, whose borders fall where they
 * fall.
 *
 * Life: main listens and gives each connection a detached thread, which serves it until the peer closes. A stream is a
 * `struct body`: framed HTTP bytes that are sent a number of times, with a tail after them. Bodies of /chunks are made
 * at the first request for their n and kept until the end (58 MB for n = 200,000); /gib sends one body of about a MiB
 * again and again. `bodies` is the only shared data, and behind a mutex.
 *
 * Failures: a peer that closes ends its thread. No memory ends the program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  HTTP_CHUNK = 16 * 1024,
  REQUEST_MAX = 64 * 1024, /* head of a request; also the read size for bodies */
  EVENT_MAX = 512,
  MIB = 1024 * 1024
};

static const char stream_head[] = "HTTP/1.1 200 OK\r\n"
                                  "content-type: text/event-stream; charset=utf-8\r\n"
                                  "transfer-encoding: chunked\r\n\r\n";

static const char whole_format[] = "HTTP/1.1 %s\r\n"
                                   "content-type: application/json\r\n"
                                   "content-length: %zu\r\n\r\n%s";

static const char continue_head[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* ---- bytes that grow ------------------------------------------------------------------------------------------- */

struct bytes {
  char *data;
  size_t size, room;
};

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void bytes_add(struct bytes *bytes, const char *data, size_t size) {
  if (bytes->size + size > bytes->room) {
    bytes->room = (bytes->size + size) * 2;
    bytes->data = realloc(bytes->data, bytes->room);
    if (bytes->data == NULL) die("realloc");
  }
  memcpy(bytes->data + bytes->size, data, size);
  bytes->size += size;
}

static void bytes_format(struct bytes *bytes, const char *format, ...) {
  char text[EVENT_MAX];
  va_list args;
  va_start(args, format);
  int size = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (size < 0 || (size_t)size >= sizeof text) die("an event is longer than EVENT_MAX");
  bytes_add(bytes, text, (size_t)size);
}

/* Appends `plain` in the chunked transfer coding, without the last chunk. */
static void bytes_add_chunked(struct bytes *bytes, const struct bytes *plain) {
  for (size_t at = 0; at < plain->size; at += HTTP_CHUNK) {
    size_t size = plain->size - at < HTTP_CHUNK ? plain->size - at : HTTP_CHUNK;
    bytes_format(bytes, "%zx\r\n", size);
    bytes_add(bytes, plain->data + at, size);
    bytes_add(bytes, "\r\n", 2);
  }
}

/* ---- the events ------------------------------------------------------------------------------------------------ */

#define EVENT_HEAD                                                                                 \
  "data: {\"id\":\"chatcmpl-CbT5rP0nX7mVq2sKe9LwYd4HfGu1A\",\"object\":\"chat.completion.chunk\"," \
  "\"created\":1790949988,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\","      \
  "\"system_fingerprint\":\"fp_560af6e559\","

static const char *const words[] = { "Le",      " monde", " est",    " un",     " jardin", ",",
                                     " et",     " la",    " langue", " en",     " fait",   " le",
                                     " chemin", ".",      " On",     " marche", " donc",   " \\u00e0",
                                     " pas",    " lents", " vers",   " les",    " mots",   " arriv\xc3\xa9s" };

/* The n-th text chunk. The texts have 2 to 12 bytes: a word, and digits of n, so that no two neighbours are alike. */
static void add_text_event(struct bytes *plain, unsigned n) {
  const char *word = words[n % (sizeof words / sizeof *words)];
  bytes_format(plain,
               EVENT_HEAD "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s %u\"},\"logprobs\":null,"
                          "\"finish_reason\":null}]}\n\n",
               word, n % 100);
}

static void add_tail_events(struct bytes *plain, unsigned long n) {
  bytes_format(plain, EVENT_HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,"
                                 "\"finish_reason\":\"stop\"}]}\n\n");
  bytes_format(plain,
               EVENT_HEAD "\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":%lu,"
                          "\"total_tokens\":%lu}}\n\n",
               n, n + 9);
  bytes_format(plain, "data: [DONE]\n\n");
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

struct body {
  struct body *next;
  unsigned long events;
  struct bytes framed; /* the text events, chunked, without an end */
};

static struct body *bodies;
static pthread_mutex_t bodies_lock = PTHREAD_MUTEX_INITIALIZER;

static struct body *body_make(unsigned long events) {
  struct bytes plain = { NULL, 0, 0 };
  struct body *body = calloc(1, sizeof *body);
  if (body == NULL) die("calloc");
  for (unsigned long n = 0; n < events; n++) add_text_event(&plain, (unsigned)n);
  bytes_add_chunked(&body->framed, &plain);
  body->events = events;
  free(plain.data);
  return body;
}

/* The body with that many events; made once. Others wait meanwhile, which spares them making it too. */
static const struct body *body_get(unsigned long events) {
  pthread_mutex_lock(&bodies_lock);
  struct body *body = bodies;
  while (body != NULL && body->events != events) body = body->next;
  if (body == NULL) {
    body = body_make(events);
    body->next = bodies;
    bodies = body;
  }
  pthread_mutex_unlock(&bodies_lock);
  return body;
}

/* ---- a connection ---------------------------------------------------------------------------------------------- */

struct connection {
  int fd;
  size_t have; /* bytes in input, of this request and perhaps of the next */
  char input[REQUEST_MAX + 1];
};

/* All of it, or -1 when the peer has gone. */
static int send_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t sent = send(fd, data, size, 0);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return -1;
    data += sent;
    size -= (size_t)sent;
  }
  return 0;
}

/* Reads some more behind what is there. -1: the peer has gone, or its head is too large. */
static int fill(struct connection *conn) {
  if (conn->have == REQUEST_MAX) return -1;
  ssize_t got = recv(conn->fd, conn->input + conn->have, REQUEST_MAX - conn->have, 0);
  if (got < 0 && errno == EINTR) return 0;
  if (got <= 0) return -1;
  conn->have += (size_t)got;
  conn->input[conn->have] = '\0';
  return 0;
}

static void drop(struct connection *conn, size_t size) {
  conn->have -= size;
  memmove(conn->input, conn->input + size, conn->have + 1);
}

/* The value of a header in a head that ends with '\0', or NULL. */
static const char *header(const char *head, const char *name) {
  size_t size = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, size) != 0 || line[size] != ':') continue;
    line += size + 1;
    return line + strspn(line, " \t");
  }
  return NULL;
}

/* Reads and forgets a body of `size` bytes. */
static int skip_body(struct connection *conn, size_t size) {
  while (size > conn->have) {
    size -= conn->have;
    conn->have = 0;
    if (fill(conn) != 0) return -1;
  }
  drop(conn, size);
  return 0;
}

/* Reads one request whole, and keeps its path. */
static int read_request(struct connection *conn, char *path, size_t path_size) {
  char *end;
  while ((end = strstr(conn->input, "\r\n\r\n")) == NULL)
    if (fill(conn) != 0) return -1;
  end[2] = '\0';
  const char *length = header(conn->input, "content-length");
  int wants_go = header(conn->input, "expect") != NULL;
  size_t body = length == NULL ? 0 : strtoul(length, NULL, 10);
  size_t method = strcspn(conn->input, " ");
  snprintf(path, path_size, "%.*s", (int)strcspn(conn->input + method + 1, " \r"), conn->input + method + 1);
  drop(conn, (size_t)(end - conn->input) + 4);
  if (wants_go && send_all(conn->fd, continue_head, sizeof continue_head - 1) != 0) return -1;
  return skip_body(conn, body);
}

/* ---- the answers ----------------------------------------------------------------------------------------------- */

static int answer_stream(int fd, unsigned long events, unsigned long times) {
  const struct body *body = body_get(events);
  struct bytes plain = { NULL, 0, 0 }, tail = { NULL, 0, 0 };
  add_tail_events(&plain, events * times);
  bytes_add_chunked(&tail, &plain);
  bytes_add(&tail, "0\r\n\r\n", 5);
  int status = send_all(fd, stream_head, sizeof stream_head - 1);
  for (unsigned long n = 0; n < times && status == 0; n++) status = send_all(fd, body->framed.data, body->framed.size);
  if (status == 0) status = send_all(fd, tail.data, tail.size);
  free(plain.data);
  free(tail.data);
  return status;
}

/* How many events make the MiB that /gib repeats. */
static unsigned long events_in_mib(void) {
  struct bytes plain = { NULL, 0, 0 };
  unsigned long events = 0;
  while (plain.size < MIB) add_text_event(&plain, (unsigned)events++);
  free(plain.data);
  return events;
}

static int answer_whole(int fd, const char *status, const char *body) {
  char text[2 * EVENT_MAX];
  int size = snprintf(text, sizeof text, whole_format, status, strlen(body), body);
  return send_all(fd, text, (size_t)size);
}

static const char small[] =
    "{\"id\":\"chatcmpl-CbT5rP0nX7mVq2sKe9LwYd4HfGu1A\",\"object\":\"chat.completion\",\"created\":1790949988,"
    "\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"La capitale de la France est Paris.\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":8,\"total_tokens\":22},"
    "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_560af6e559\"}";

static int answer(int fd, const char *path) {
  unsigned long n;
  if (sscanf(path, "/chunks/%lu", &n) == 1) return answer_stream(fd, n, 1);
  if (sscanf(path, "/gib/%lu", &n) == 1) return answer_stream(fd, events_in_mib(), n);
  if (strncmp(path, "/small/", 7) == 0) return answer_whole(fd, "200 OK", small);
  if (strcmp(path, "/quit") == 0) {
    answer_whole(fd, "200 OK", "{\"bye\":true}");
    exit(0);
  }
  return answer_whole(fd, "404 Not Found", "{\"detail\":\"Not Found\"}");
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

static void *serve(void *argument) {
  struct connection *conn = argument;
  char path[256];
  while (read_request(conn, path, sizeof path) == 0)
    if (answer(conn->fd, path) != 0) break;
  close(conn->fd);
  free(conn);
  return NULL;
}

/* Ends the program with its parent, which holds the other end of stdin. */
static void *watch_stdin(void *unused) {
  char byte;
  ssize_t got;
  do got = read(STDIN_FILENO, &byte, 1);
  while (got > 0 || (got < 0 && errno == EINTR));
  exit(0);
  return unused;
}

static void spawn(void *(*run)(void *), void *argument) {
  pthread_t thread;
  int problem = pthread_create(&thread, NULL, run, argument);
  if (problem != 0) {
    errno = problem;
    die("pthread_create");
  }
  pthread_detach(thread);
}

static int listen_somewhere(void) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 128) != 0) die("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) die("getsockname");
  printf("port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void welcome(int fd) {
  struct connection *conn = calloc(1, sizeof *conn);
  int on = 1;
  if (conn == NULL) die("calloc");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  conn->fd = fd;
  spawn(serve, conn);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  int listener = listen_somewhere();
  spawn(watch_stdin, NULL);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd >= 0) welcome(fd);
    else if (errno != EINTR && errno != ECONNABORTED) die("accept");
  }
}
