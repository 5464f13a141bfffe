/* SPDX-License-Identifier: MIT
** wire_case.c - see wire_case.h.
*/
#include "wire_case.h"

#include <stdio.h>
#include <stdlib.h>

#include "files.h"

#define OPEN  "\xe2\x9f\xa8" /* U+27E8 and U+27E9: what stands between them is an escape */
#define CLOSE "\xe2\x9f\xa9"

static struct ogl_span take_line(struct ogl_span *rest) {
  const char *lf = memchr(rest->p, '\n', rest->n);
  struct ogl_span line = { rest->p, lf ? (size_t)(lf - rest->p) : rest->n };
  size_t used = line.n + (lf != NULL);
  rest->p += used;
  rest->n -= used;
  return line;
}

static int starts(struct ogl_span line, const char *word) {
  size_t n = strlen(word);
  return line.n >= n && memcmp(line.p, word, n) == 0;
}

/* One escape's inside: hexadecimal bytes with blanks between them, or `-` for a line end that is none; 0 where it is
   neither. */
static int escape(struct ogl_buf *b, struct ogl_span s, int *joined) {
  if (ogl_span_is(s, "-")) return *joined = 1;
  for (size_t i = 0; i < s.n; i += 3) {
    unsigned v;
    char two[3] = { 0 };
    if (s.n - i < 2 || (s.n - i > 2 && s.p[i + 2] != ' ')) return 0;
    memcpy(two, s.p + i, 2);
    if (strspn(two, "0123456789abcdefABCDEF") != 2 || sscanf(two, "%2x", &v) != 1) return 0;
    ogl_buf_byte(b, (char)v);
  }
  return s.n > 0;
}

static const char *find(const char *p, const char *end, const char *what) {
  size_t n = strlen(what);
  for (; end - p >= (ptrdiff_t)n; p++)
    if (memcmp(p, what, n) == 0) return p;
  return NULL;
}

/* One line of an input block, with its escapes and its line end. */
static const char *add_input(struct ogl_buf *b, struct ogl_span line) {
  const char *p = line.p, *end = line.p + line.n, *open;
  int joined = 0;
  while ((open = find(p, end, OPEN))) {
    const char *inside = open + strlen(OPEN), *close = find(inside, end, CLOSE);
    if (!close) return "an escape without its end";
    struct ogl_span s = { inside, (size_t)(close - inside) };
    ogl_buf_append(b, p, (size_t)(open - p));
    if (!escape(b, s, &joined)) return "an escape that is none";
    p = close + strlen(CLOSE);
    if (joined && p < end) return "bytes behind the mark that joins two lines";
  }
  ogl_buf_append(b, p, (size_t)(end - p));
  if (!joined) ogl_buf_byte(b, '\n');
  return NULL;
}

static const char *add_event(struct ogl_buf *b, struct ogl_span line) {
  ogl_buf_append(b, line.p, line.n);
  ogl_buf_byte(b, '\n');
  return NULL;
}

static const char *read_block(struct ogl_buf *b, struct ogl_span *rest,
                              const char *(*add)(struct ogl_buf *, struct ogl_span)) {
  const char *problem = b->n ? "a second block of the same kind" : NULL;
  while (rest->n) {
    struct ogl_span line = take_line(rest);
    if (ogl_span_is(line, "```")) return problem;
    if (!problem) problem = add(b, line);
  }
  return "a block without its end";
}

/* `Content type: x/y`, `Option: strict`. */
static const char *read_setting(struct wire_case *c, struct ogl_span line) {
  static const char type[] = "Content type: ", option[] = "Option: ";
  if (starts(line, type)) {
    struct ogl_span v = { line.p + sizeof type - 1, line.n - (sizeof type - 1) };
    c->typed = !ogl_span_is(v, "none");
    ogl_buf_append(&c->content_type, v.p, v.n);
    ogl_buf_byte(&c->content_type, 0);
  } else if (starts(line, option)) {
    struct ogl_span v = { line.p + sizeof option - 1, line.n - (sizeof option - 1) };
    if (ogl_span_is(v, "strict")) c->strict = 1;
    else if (ogl_span_is(v, "reason required")) c->reason_required = 1;
    else return "an option that is not known";
  }
  return NULL;
}

static const char *parse(struct wire_case *c) {
  struct ogl_span rest = ogl_buf_span(&c->text);
  if (!starts(rest, "# ")) return "no title";
  while (rest.n) {
    struct ogl_span line = take_line(&rest);
    const char *problem = NULL;
    if (ogl_span_is(line, "```input")) problem = read_block(&c->input, &rest, add_input);
    else if (ogl_span_is(line, "```events")) problem = read_block(&c->events, &rest, add_event);
    else if (starts(line, "```")) problem = "a block that is neither input nor events";
    else problem = read_setting(c, line);
    if (problem) return problem;
  }
  if (!c->content_type.n) return "no content type";
  return c->events.n ? NULL : "no events";
}

int wire_case_read(struct wire_case *c, const char *folder, const char *name) {
  char path[4096];
  memset(c, 0, sizeof *c);
  c->name = name;
  ogl_buf_init(&c->text, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&c->content_type, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&c->input, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&c->events, OGL_MAX_BODY, OGL_ERR_BODY);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  c->problem = files_read(path, &c->text) ? parse(c) : "cannot be read";
  return !c->problem;
}

void wire_case_clear(struct wire_case *c) {
  ogl_buf_clear(&c->text);
  ogl_buf_clear(&c->content_type);
  ogl_buf_clear(&c->input);
  ogl_buf_clear(&c->events);
}

struct ogl_decoder_options wire_case_options(const struct wire_case *c) {
  struct ogl_decoder_options o = { NULL, c->strict, 1, 0, c->reason_required };
  if (c->typed) o.content_type = ogl_buf_bytes(&c->content_type);
  return o;
}
