/* SPDX-License-Identifier: MIT
** signature.h - all options that an easy handle was given, as bytes. A process asks for much the same again and again, so
** handles share theirs.
*/
#ifndef OGL_SIGNATURE_H
#define OGL_SIGNATURE_H

#include "../core/ogl.h"

OGL_BEGIN

struct ogl_signature {
  unsigned owners;
  size_t n;
  char bytes[];
};

/* A signature of these bytes, which is one's own to drop: `known` where it is the same, else a new one. NULL without memory. */
struct ogl_signature *ogl_signature_of(struct ogl_signature *known, struct ogl_span bytes);
struct ogl_signature *ogl_signature_keep(struct ogl_signature *s);
void ogl_signature_drop(struct ogl_signature *s); /* NULL: nothing */
int ogl_signature_is(const struct ogl_signature *s, struct ogl_span bytes);

OGL_END

#endif
