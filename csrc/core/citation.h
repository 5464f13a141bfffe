/* SPDX-License-Identifier: MIT
** citation.h - the JSON of a CITATION event, of any protocol: an address, a title, and the text that it supports.
*/
#ifndef OGL_CITATION_H
#define OGL_CITATION_H

#include "json.h"

OGL_BEGIN

struct ogl_citation {
  struct ogl_span type;            /* raw, without quotes; empty: none */
  struct ogl_json_text url, title; /* raw.n = 0: none */
  int64_t start, end;              /* in the text; -1: not told */
  int nested;                      /* an object inside of it says so */
};

/* 1 where the source has an address. */
int ogl_citation_read(struct ogl_span json, struct ogl_citation *c);

OGL_END

#endif
