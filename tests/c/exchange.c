/* SPDX-License-Identifier: MIT
** exchange.c - see exchange.h.
*/
#include "exchange.h"

#include <stdio.h>
#include <string.h>

#include "../../csrc/protocol/registry.h"
#include "check.h"
#include "files.h"
#include "pick.h"

static const char *content_type_of(struct ogl_span path) {
  const char *end = path.p + path.n;
  return path.n > 4 && memcmp(end - 4, ".sse", 4) == 0 ? "text/event-stream" : "application/json";
}

static void visit_line(struct ogl_span line, void (*visit)(struct exchange *x)) {
  struct exchange x;
  char path[1024];
  memset(&x, 0, sizeof x);
  ogl_buf_init(&x.scratch, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&x.body, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_room(&x.scratch, 8 * line.n + 1024);
  struct ogl_span protocol = pick_text(&x.scratch, line, "protocol");
  snprintf(path, sizeof path, "%.*s", (int)protocol.n, protocol.p);
  if ((x.protocol = ogl_protocol_find(path))) {
    struct ogl_span body = pick_text(&x.scratch, line, "body");
    x.id = pick_text(&x.scratch, line, "id");
    x.expect = pick(line, "expect");
    x.status = pick_integer(line, "status", 0);
    x.content_type = content_type_of(body);
    check_case("%.*s", (int)x.id.n, x.id.p);
    snprintf(path, sizeof path, "fixtures/%.*s", (int)body.n, body.p);
    if (CHECK(files_read(files_shared(path), &x.body)) && CHECK(x.expect.n > 0)) visit(&x);
  }
  ogl_buf_clear(&x.scratch);
  ogl_buf_clear(&x.body);
}

void exchange_each(void (*visit)(struct exchange *x)) {
  const char *name = files_shared("fixtures/expected.jsonl");
  struct ogl_buf all;
  ogl_buf_init(&all, OGL_MAX_BODY, OGL_ERR_BODY);
  if (files_read(name, &all)) {
    const char *p = ogl_buf_span(&all).p, *end = p + all.n;
    for (const char *lf; p < end && (lf = memchr(p, '\n', (size_t)(end - p))); p = lf + 1) {
      struct ogl_span line = { p, (size_t)(lf - p) };
      visit_line(line, visit);
    }
  } else {
    check_skip("recorded exchanges: no %s", name);
  }
  ogl_buf_clear(&all);
}
