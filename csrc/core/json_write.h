/* SPDX-License-Identifier: MIT
** json_write.h - JSON text into a buf. The caller puts commas and brackets; each function appends one piece and leaves
** its error in the buf (check it once, at the end).
*/
#ifndef OGL_JSON_WRITE_H
#define OGL_JSON_WRITE_H

#include "buf.h"

OGL_BEGIN

/* A string with its quotes. Control characters, quote and backslash are escaped; all else goes as it is, and invalid
   UTF-8 as U+FFFD, so that what is written is always JSON. DEL and U+2028 need no escape (RFC 8259). 1 where bytes were
   replaced so. */
int ogl_json_write_string(struct ogl_buf *b, const char *p, size_t n);
/* Decimal digits. */
void ogl_json_write_integer(struct ogl_buf *b, int64_t v);
/* v is finite. */
void ogl_json_write_number(struct ogl_buf *b, double v);

OGL_END

#endif
