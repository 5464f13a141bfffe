/* SPDX-License-Identifier: MIT
** head.h - the head of an answer: status and headers of the final response.
**
** Life: `init`, one `line` for each line that libcurl gives, `reset` or `clear`. A head ends
** with an empty line; if it was an interim one (1xx), the next begins anew and the earlier is forgotten. What comes
** after the final head (trailers) is ignored.
**
** Memory: one block with the lines as they came, names in lower case. OGL_MAX_HEAD bounds all lines of an exchange,
** the forgotten ones too, so that a server cannot send interim heads for ever.
*/
#ifndef OGL_HEAD_H
#define OGL_HEAD_H

#include "../core/buf.h"

OGL_BEGIN

struct ogl_head {
  struct ogl_buf lines; /* see core/header_lines.h; without the status line */
  size_t total;         /* bytes of all lines seen */
  int count;            /* of headers */
  int status;           /* 0 before the status line */
  int complete;         /* the final head has come */
};

/* Allocates nothing. */
void ogl_head_init(struct ogl_head *h);
/* Frees the memory. */
void ogl_head_clear(struct ogl_head *h);
/* As after init, but for the memory. */
void ogl_head_reset(struct ogl_head *h);

/* Takes one line with its line end. 0, OGL_ERR_LINE above OGL_MAX_HEAD, OGL_ERR_MEMORY. */
int ogl_head_line(struct ogl_head *h, const char *p, size_t n);

OGL_END

#endif
