/* SPDX-License-Identifier: MIT
** head.c - see head.h.
*/
#include "head.h"

#include <string.h>

void ogl_head_init(struct ogl_head *h) {
  memset(h, 0, sizeof *h);
  ogl_buf_init(&h->lines, OGL_MAX_HEAD, OGL_ERR_LINE);
}

void ogl_head_clear(struct ogl_head *h) {
  ogl_buf_clear(&h->lines);
  ogl_head_init(h);
}

void ogl_head_reset(struct ogl_head *h) {
  ogl_buf_reset(&h->lines);
  h->total = 0;
  h->count = h->status = h->complete = 0;
}

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static struct ogl_span trim(struct ogl_span s) {
  while (s.n && is_space(s.p[s.n - 1])) s.n--;
  while (s.n && is_space(*s.p)) s.p++, s.n--;
  return s;
}

/* The status of "HTTP/1.1 200 OK", "HTTP/2 200"; 0 where the line is another. */
static int status_of(const char *p, size_t n) {
  if (n < 8 || memcmp(p, "HTTP/", 5) != 0) return 0;
  const char *space = memchr(p, ' ', n);
  if (!space || p + n - space < 4) return 0;
  int status = 0;
  for (int i = 1; i <= 3; i++) {
    if (space[i] < '0' || space[i] > '9') return 0;
    status = status * 10 + (space[i] - '0');
  }
  return status;
}

static int is_interim(int status) { return status >= 100 && status < 200 && status != 101; }

/* A status line begins a head, and ends what an interim one left. */
static void begin(struct ogl_head *h, int status) {
  ogl_buf_reset(&h->lines);
  h->count = 0;
  h->status = status;
}

/* A line that begins with a blank goes on with the value before it (RFC 9112, 5.2). */
static int fold(struct ogl_head *h, struct ogl_span more) {
  if (!h->lines.n) return 0;
  ogl_buf_truncate(&h->lines, h->lines.n - 1);
  ogl_buf_byte(&h->lines, ' ');
  ogl_buf_append(&h->lines, more.p, more.n);
  return ogl_buf_byte(&h->lines, '\n');
}

static int add(struct ogl_head *h, struct ogl_span name, struct ogl_span value) {
  size_t start = h->lines.n;
  if (ogl_buf_append(&h->lines, name.p, name.n)) return h->lines.err;
  char *p = ogl_buf_bytes(&h->lines);
  for (size_t i = start; i < start + name.n; i++)
    if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] | 0x20);
  ogl_buf_byte(&h->lines, ':');
  ogl_buf_append(&h->lines, value.p, value.n);
  h->count++;
  return ogl_buf_byte(&h->lines, '\n');
}

static int header(struct ogl_head *h, struct ogl_span line) {
  if (*line.p == ' ' || *line.p == '\t') return fold(h, trim(line));
  const char *colon = memchr(line.p, ':', line.n);
  if (!colon || colon == line.p) return 0; /* libcurl has let it pass; it has no name to find it by */
  struct ogl_span name = { line.p, (size_t)(colon - line.p) };
  struct ogl_span value = { colon + 1, line.n - name.n - 1 };
  return add(h, trim(name), trim(value));
}

int ogl_head_line(struct ogl_head *h, const char *p, size_t n) {
  struct ogl_span line = { p, n };
  h->total += n;
  if (h->total > OGL_MAX_HEAD) return OGL_ERR_LINE;
  if (h->complete || !n) return 0;
  int status = status_of(p, n);
  if (status) {
    begin(h, status);
    return 0;
  }
  if (*p != '\r' && *p != '\n') return header(h, line);
  h->complete = h->status && !is_interim(h->status);
  return 0;
}
