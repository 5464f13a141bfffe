/* SPDX-License-Identifier: MIT
** applied_options.h - the list of all options that an easy handle was given, as bytes. A process asks for much the same again
** and again, so handles share their lists; a handle whose list is the one wanted needs no option set anew.
**
** Counted: `of` and `keep` give one's own share, `drop` gives it up.
*/
#ifndef OGL_APPLIED_OPTIONS_H
#define OGL_APPLIED_OPTIONS_H

#include "../core/ogl.h"

OGL_BEGIN

struct ogl_applied_options {
  unsigned owners;
  size_t n;
  char bytes[];
};

/* The list of these bytes: `known` (or NULL) where it is the same, else a new one. NULL without memory. */
struct ogl_applied_options *ogl_applied_options_of(struct ogl_applied_options *known, struct ogl_span bytes);
/* Takes one more share of the list; gives the list. */
struct ogl_applied_options *ogl_applied_options_keep(struct ogl_applied_options *s);
/* Gives a share up; the last one frees the list. NULL: does nothing. */
void ogl_applied_options_drop(struct ogl_applied_options *s); /* NULL: nothing */
/* Whether the list (NULL: none) is that of these bytes. */
int ogl_applied_options_are(const struct ogl_applied_options *s, struct ogl_span bytes);

OGL_END

#endif
