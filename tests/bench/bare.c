/* SPDX-License-Identifier: MIT
** bare.c - the baseline of the benchmark: what the same exchanges cost a C program on libcurl's easy interface.
**
**   bare post URL BODYFILE N     posts the file N times on one kept-alive connection, and counts the bytes that come
**   bare stream URL [BODYFILE]   downloads (posts, where there is a file), and counts bytes and lines
**
** `post` prints the wall time and the CPU time (user and system, of this process) of one request in microseconds;
** `stream` prints seconds. One request goes before the measure, so that the connection is there.
*/
#define _GNU_SOURCE /* clock_gettime under -std=c99 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct seen {
  double bytes, lines;
};

struct times {
  double wall, cpu;
};

static void die(const char *what) {
  fprintf(stderr, "bare: %s\n", what);
  exit(1);
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static struct times now(void) {
  struct timespec wall;
  struct rusage use;
  clock_gettime(CLOCK_MONOTONIC, &wall);
  getrusage(RUSAGE_SELF, &use);
  struct times t = { (double)wall.tv_sec + (double)wall.tv_nsec / 1e9, seconds(use.ru_utime) + seconds(use.ru_stime) };
  return t;
}

static size_t count_bytes(char *p, size_t size, size_t n, void *user) {
  struct seen *seen = user;
  (void)p;
  seen->bytes += (double)(size * n);
  return size * n;
}

static size_t count_lines(char *p, size_t size, size_t n, void *user) {
  struct seen *seen = user;
  const char *end = p + size * n;
  seen->bytes += (double)(size * n);
  for (const char *at = p; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) seen->lines++;
  return size * n;
}

static char *read_file(const char *name, long *n) {
  FILE *file = fopen(name, "rb");
  if (!file || fseek(file, 0, SEEK_END) || (*n = ftell(file)) < 0 || fseek(file, 0, SEEK_SET))
    die("cannot read the body");
  char *bytes = malloc((size_t)*n + 1);
  if (!bytes || fread(bytes, 1, (size_t)*n, file) != (size_t)*n) die("cannot read the body");
  fclose(file);
  return bytes;
}

static CURL *make(const char *url, curl_write_callback write, struct seen *seen) {
  CURL *easy = curl_easy_init();
  if (!easy) die("no handle");
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, seen);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  return easy;
}

static struct curl_slist *post(CURL *easy, const char *bytes, long n) {
  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Expect:");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bytes);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, n);
  return headers;
}

static void perform(CURL *easy) {
  CURLcode code = curl_easy_perform(easy);
  if (code != CURLE_OK) die(curl_easy_strerror(code));
}

static void run_posts(const char *url, const char *file, int times) {
  struct seen seen = { 0, 0 };
  long n = 0;
  char *bytes = read_file(file, &n);
  CURL *easy = make(url, count_bytes, &seen);
  struct curl_slist *headers = post(easy, bytes, n);
  perform(easy);
  struct times start = now();
  for (int i = 0; i < times; i++) perform(easy);
  struct times end = now();
  printf("wall_us %.2f cpu_us %.2f bytes %.0f\n", (end.wall - start.wall) * 1e6 / times,
         (end.cpu - start.cpu) * 1e6 / times, seen.bytes);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  free(bytes);
}

static void run_stream(const char *url, const char *file) {
  struct seen seen = { 0, 0 };
  long n = 0;
  char *bytes = file ? read_file(file, &n) : NULL;
  CURL *easy = make(url, count_lines, &seen);
  struct curl_slist *headers = bytes ? post(easy, bytes, n) : NULL;
  struct times start = now();
  perform(easy);
  struct times end = now();
  printf("wall_s %.4f cpu_s %.4f bytes %.0f lines %.0f\n", end.wall - start.wall, end.cpu - start.cpu, seen.bytes,
         seen.lines);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  free(bytes);
}

int main(int argc, char **argv) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  if (argc == 5 && !strcmp(argv[1], "post") && atoi(argv[4]) > 0) run_posts(argv[2], argv[3], atoi(argv[4]));
  else if ((argc == 3 || argc == 4) && !strcmp(argv[1], "stream")) run_stream(argv[2], argv[3]);
  else die("usage: bare post URL BODYFILE N | bare stream URL [BODYFILE]");
  return 0;
}
