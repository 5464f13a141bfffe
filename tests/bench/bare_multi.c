/* SPDX-License-Identifier: MIT
** bare_multi.c - the baseline of many exchanges at once: libcurl's multi interface, socket_action and one epoll, and
** nothing done with what comes but counting.
**
**   bare_multi streams URL N [BUFFER]        opens N streams at once, and counts newlines to their end
**   bare_multi delays URL N [BUFFER]         the same, and the delay of each event ("<n> <t>;" of trickle.c)
**   bare_multi delays URL N 0 BODYFILE       as each stream's question posts the file
**   bare_multi watch URL N BODYFILE PID      streams through another process, which is watched
**   bare_multi requests URL BODYFILE N AT    posts the file N times, AT at a time
**
** `streams` prints CPU seconds, of them in the kernel, KiB of resident memory a stream, from before the first to when each
** has had its first event, and KiB of the whole process a stream at its peak; `delays` the median and the 99th
** percentile in microseconds; `watch` the CPU microseconds that the process PID took, from when each stream had its first
** event to the end, and its KiB of resident memory a stream; `requests` how many a second.
*/
#define _GNU_SOURCE
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, HALF_MILLION = 500000 };

struct seen {
  int any;
};

static CURLM *multi;
static int epoll_fd, n_streams, n_begun, n_left, timing;
static double alarm_at = -1, rss_before, rss_open, lines;
static double *delays;
static size_t n_delays;
static char body[64 * 1024]; /* of each request; empty: they are GETs */
static long body_size;
static struct curl_slist *headers;
static const char *watched = "self"; /* the process whose memory and CPU time are told */
static double cpu_open;

static void die(const char *what) {
  fprintf(stderr, "bare_multi: %s\n", what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Reads numbers of the process that is watched. */
static int scan(const char *name, const char *format, long long *number) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/%s", watched, name);
  FILE *file = fopen(path, "r");
  int n = file ? fscanf(file, format, number) : 0;
  if (file) fclose(file);
  return n;
}

static double resident(void) {
  long long pages = 0;
  if (scan("statm", "%*d %lld", &pages) != 1) die("statm");
  return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* Microseconds. schedstat counts in nanoseconds; stat, where there is no other, in ticks. */
static double cpu_time(void) {
  long long ns = 0, ticks = 0;
  if (scan("schedstat", "%lld", &ns) == 1) return (double)ns / 1e3;
  static const char utime[] = "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld";
  static const char stime[] = "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*d %lld";
  if (scan("stat", utime, &ticks) != 1) die("stat");
  long long user = ticks;
  if (scan("stat", stime, &ticks) != 1) die("stat");
  return (double)(user + ticks) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
  struct epoll_event event = { 0, { .fd = fd } };
  (void)easy, (void)user;
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, &event);
    curl_multi_assign(multi, fd, NULL);
    return 0;
  }
  event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0u) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0u);
  epoll_ctl(epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  if (!known) curl_multi_assign(multi, fd, &epoll_fd);
  return 0;
}

static int on_timer(CURLM *m, long ms, void *user) {
  (void)m, (void)user;
  alarm_at = ms < 0 ? -1 : now() + (double)ms / 1e3;
  return 0;
}

static void note_delays(const char *p, const char *end) {
  double t = now() * 1e9;
  static const char mark[] = "\"content\":\"";
  for (const char *at = p; (at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)) != NULL;) {
    at = memchr(at + sizeof mark - 1, ' ', (size_t)(end - at - (long)sizeof mark + 1));
    if (!at || !memchr(at, ';', (size_t)(end - at))) return;
    if (n_delays < HALF_MILLION) delays[n_delays++] = (t - strtod(at, NULL)) / 1e3;
  }
}

static size_t count_lines(char *p, size_t size, size_t n, void *user) {
  struct seen *seen = user;
  const char *end = p + size * n;
  for (const char *at = p; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) lines++;
  if (timing) note_delays(p, end);
  if (!seen->any) {
    seen->any = 1;
    if (++n_begun == n_streams) {
      rss_open = resident();
      cpu_open = cpu_time();
    }
  }
  return size * n;
}

static void act(curl_socket_t fd, int what) {
  int running;
  if (curl_multi_socket_action(multi, fd, what, &running) != CURLM_OK) die("socket_action");
}

/* What happens to an exchange that is over. */
static void (*on_done)(CURL *easy);

static void harvest(void) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(multi, &left)) != NULL) {
    CURL *easy = message->easy_handle;
    if (message->data.result != CURLE_OK) die(curl_easy_strerror(message->data.result));
    curl_multi_remove_handle(multi, easy);
    n_left--;
    on_done(easy);
  }
}

static void turn(void) {
  struct epoll_event got[BATCH];
  double left = alarm_at < 0 ? -1 : (alarm_at - now()) * 1e3;
  int n = epoll_wait(epoll_fd, got, BATCH, alarm_at < 0 ? -1 : left < 0 ? 0 : (int)left + 1);
  for (int i = 0; i < n; i++) {
    uint32_t e = got[i].events;
    act(got[i].data.fd, (e & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) | (e & EPOLLOUT ? CURL_CSELECT_OUT : 0));
  }
  if (alarm_at >= 0 && alarm_at <= now()) {
    alarm_at = -1;
    act(CURL_SOCKET_TIMEOUT, 0);
  }
  harvest();
}

static void run(void) {
  while (n_left > 0) turn();
}

static void start(void) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  multi = curl_multi_init();
  epoll_fd = epoll_create1(0);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
}

static CURL *make(const char *url, struct seen *seen, long buffer) {
  CURL *easy = curl_easy_init();
  if (!easy) die("no handle");
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_lines);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, seen);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  if (buffer) curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, buffer);
  if (!body_size) return easy;
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, body_size);
  return easy;
}

static void read_body(const char *name) {
  FILE *file = fopen(name, "rb");
  body_size = file ? (long)fread(body, 1, sizeof body, file) : 0;
  if (!body_size) die("cannot read the body");
  fclose(file);
  headers = curl_slist_append(NULL, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Expect:");
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void run_streams(const char *url, long buffer) {
  rss_before = resident();
  struct seen *seen = calloc((size_t)n_streams, sizeof *seen);
  if (timing) delays = malloc(HALF_MILLION * sizeof *delays);
  if (!seen || (timing && !delays)) die("no memory");
  on_done = curl_easy_cleanup;
  n_left = n_streams;
  for (int i = 0; i < n_streams; i++) {
    if (curl_multi_add_handle(multi, make(url, &seen[i], buffer)) != CURLM_OK) die("add_handle");
    if (i % BATCH == BATCH - 1) turn(); /* so that no backlog overflows */
  }
  run();
  if (strcmp(watched, "self") != 0) {
    printf("%.0f %.2f\n", cpu_time() - cpu_open, (rss_open - rss_before) / n_streams);
    return;
  }
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  double system = (double)use.ru_stime.tv_sec + (double)use.ru_stime.tv_usec / 1e6;
  double user = (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec / 1e6;
  if (!timing) {
    printf("%.2f %.2f %.2f %.2f %.0f\n", user + system, system, (rss_open - rss_before) / n_streams,
           (double)use.ru_maxrss / n_streams, lines);
    return;
  }
  qsort(delays, n_delays, sizeof *delays, ascending);
  printf("%.0f %.0f\n", delays[n_delays / 2], delays[n_delays * 99 / 100]);
}

static int more;

static void again(CURL *easy) {
  if (more <= 0) return curl_easy_cleanup(easy);
  more--;
  n_left++;
  curl_multi_add_handle(multi, easy);
}

static void run_requests(const char *url, int times, int at) {
  struct seen seen = { 1 };
  on_done = again;
  more = times - at;
  n_left = at;
  double begin = now();
  for (int i = 0; i < at; i++) curl_multi_add_handle(multi, make(url, &seen, 0));
  run();
  printf("%.0f\n", times / (now() - begin));
}

int main(int argc, char **argv) {
  if (argc < 4) die("usage: bare_multi streams|delays URL N … | watch URL N BODY PID | requests URL BODYFILE N AT");
  start();
  timing = strcmp(argv[1], "delays") == 0;
  if (strcmp(argv[1], "requests") == 0) {
    if (argc != 6) die("usage: bare_multi requests URL BODYFILE N AT");
    read_body(argv[3]);
    run_requests(argv[2], atoi(argv[4]), atoi(argv[5]));
    return 0;
  }
  int watches = strcmp(argv[1], "watch") == 0;
  if (watches && argc != 6) die("usage: bare_multi watch URL N BODYFILE PID");
  if (watches) watched = argv[5];
  n_streams = atoi(argv[3]);
  if (watches || argc > 5) read_body(argv[watches ? 4 : 5]);
  run_streams(argv[2], !watches && argc > 4 ? atol(argv[4]) : 0);
  return 0;
}
