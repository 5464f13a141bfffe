/* SPDX-License-Identifier: MIT
** headers.c - see headers.h.
*/
#include "headers.h"

#include <string.h>
#include <strings.h>

#include "../core/rows.h"
#include "../core/token.h"

static const char *const framing[] = { "content-length", "transfer-encoding", "expect", "connection" };

void ogl_headers_init(struct ogl_headers *h) {
  memset(h, 0, sizeof *h);
  ogl_buf_init(&h->lines, OGL_HEADERS_MAX, OGL_ERR_BODY);
}

void ogl_headers_clear(struct ogl_headers *h) {
  ogl_buf_clear(&h->lines);
  ogl_free(h->nodes);
  ogl_headers_init(h);
}

void ogl_headers_reset(struct ogl_headers *h) {
  ogl_buf_reset(&h->lines);
  h->count = 0;
}

int ogl_headers_token(struct ogl_span text) {
  for (size_t i = 0; i < text.n; i++)
    if (!ogl_token_byte(text.p[i])) return 0;
  return text.n > 0;
}

static int is_value(struct ogl_span text) {
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f) return 0;
  }
  return 1;
}

static int same(struct ogl_span text, const char *name) {
  return strlen(name) == text.n && strncasecmp(text.p, name, text.n) == 0;
}

static int is_framing(struct ogl_span name) {
  for (size_t i = 0; i < sizeof framing / sizeof framing[0]; i++)
    if (same(name, framing[i])) return 1;
  return 0;
}

static int is_blank(struct ogl_span text) {
  for (size_t i = 0; i < text.n; i++)
    if (text.p[i] != ' ' && text.p[i] != '\t') return 0;
  return 1;
}

/* libcurl's conventions: "Name: value", "Name;" for a header without value, "Name:" for one that it shall not send. */
static enum ogl_headers_result put(struct ogl_headers *h, struct ogl_span name, const char *mark,
                                   struct ogl_span value) {
  ogl_buf_append(&h->lines, name.p, name.n);
  ogl_buf_text(&h->lines, mark);
  ogl_buf_append(&h->lines, value.p, value.n);
  if (ogl_buf_byte(&h->lines, '\0')) return OGL_HEADERS_MEMORY;
  h->count++;
  return OGL_HEADERS_OK;
}

enum ogl_headers_result ogl_headers_add(struct ogl_headers *h, struct ogl_span name, struct ogl_span value) {
  if (!ogl_headers_token(name)) return OGL_HEADERS_NAME;
  if (!is_value(value)) return OGL_HEADERS_VALUE;
  if (is_framing(name)) return OGL_HEADERS_OK;
  if (is_blank(value)) value.n = 0;
  return put(h, name, value.n ? ": " : ";", value);
}

static int has(const struct ogl_headers *h, const char *name, size_t n) {
  const char *line = h->lines.p;
  for (size_t i = 0; i < h->count; i++, line += strlen(line) + 1)
    if (strncasecmp(line, name, n) == 0 && (line[n] == ':' || line[n] == ';')) return 1;
  return 0;
}

enum ogl_headers_result ogl_headers_otherwise(struct ogl_headers *h, const char *name, const char *value) {
  struct ogl_span left = { name, strlen(name) }, right = { value ? value : "", value ? strlen(value) : 0 };
  return has(h, name, left.n) ? OGL_HEADERS_OK : put(h, left, value ? ": " : ":", right);
}

struct curl_slist *ogl_headers_list(struct ogl_headers *h) {
  int err = 0;
  void *nodes = ogl_rows_grown(h->nodes, h->count, &h->room, sizeof *h->nodes, OGL_HEADERS_MAX, &err);
  if (!nodes) return NULL;
  h->nodes = nodes;
  char *line = ogl_buf_bytes(&h->lines);
  for (size_t i = 0; i < h->count; i++, line += strlen(line) + 1) {
    h->nodes[i].data = line;
    h->nodes[i].next = i + 1 < h->count ? &h->nodes[i + 1] : NULL;
  }
  return h->nodes;
}
