/* SPDX-License-Identifier: MIT
** answers.h - what the parser of HTTP/1.1 answers gives, as a text: `200 name=value … | body | keep`.
**
** The last word is `keep` or `close` (may the connection be used again), `keep+3` where three bytes are left over, or
** the name of the error. However the bytes are cut, the text is the same.
*/
#ifndef ANSWERS_H
#define ANSWERS_H

#include "../../csrc/core/http1.h"

/* Feeds s in pieces (`first` bytes, then `step`; 0: all that is left), each from a copy of its own, and then the end of the
   connection; appends the text. Gives the last code. */
int answers_play(struct ogl_buf *log, struct ogl_http1 *h, struct ogl_span s, size_t first, size_t step);

#endif
