/* SPDX-License-Identifier: MIT
** wire_case.h - the cases of tests/wire, one Markdown file each; tests/wire/README.md describes the format.
*/
#ifndef WIRE_CASE_H
#define WIRE_CASE_H

#include "../../csrc/core/decoder.h"

struct wire_case {
  const char *name; /* file name; the caller's */
  struct ogl_buf text;
  struct ogl_buf content_type; /* ends with NUL */
  struct ogl_buf input, events;
  int typed; /* a content type was given */
  int strict, reason_required;
  const char *problem; /* what is wrong with the file; NULL: nothing */
};

/* Reads one file; 0 with c->problem set where it is no case. `clear` in any case. */
int wire_case_read(struct wire_case *c, const char *folder, const char *name);
void wire_case_clear(struct wire_case *c);
/* The options that it asks for. */
struct ogl_decoder_options wire_case_options(const struct wire_case *c);

#endif
