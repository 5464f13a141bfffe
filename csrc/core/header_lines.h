/* SPDX-License-Identifier: MIT
** header_lines.h - the headers of a head, as they are kept: "name:value\n" each, in one block.
*/
#ifndef OGL_HEADER_LINES_H
#define OGL_HEADER_LINES_H

#include "buf.h"

OGL_BEGIN

/* Gives the header at *at (start with 0) and moves *at on; 0 at the end. The spans live as long as the block is not changed. */
static inline int ogl_header_lines_next(const struct ogl_buf *lines, size_t *at, struct ogl_span *name,
                                        struct ogl_span *value) {
  if (*at >= lines->n) return 0;
  const char *line = ogl_buf_bytes(lines) + *at;
  const char *end = memchr(line, '\n', lines->n - *at);
  const char *colon = memchr(line, ':', (size_t)(end - line));
  name->p = line;
  name->n = (size_t)(colon - line);
  value->p = colon + 1;
  value->n = (size_t)(end - colon) - 1;
  *at += (size_t)(end - line) + 1;
  return 1;
}

OGL_END

#endif
