/* SPDX-License-Identifier: MIT
** signature.c - see signature.h.
*/
#include "signature.h"

#include <string.h>

#include "../core/mem.h"

int ogl_signature_is(const struct ogl_signature *s, struct ogl_span bytes) {
  return s && s->n == bytes.n && memcmp(s->bytes, bytes.p, bytes.n) == 0;
}

struct ogl_signature *ogl_signature_keep(struct ogl_signature *s) {
  s->owners++;
  return s;
}

void ogl_signature_drop(struct ogl_signature *s) {
  if (s && --s->owners == 0) ogl_free(s);
}

struct ogl_signature *ogl_signature_of(struct ogl_signature *known, struct ogl_span bytes) {
  if (ogl_signature_is(known, bytes)) return ogl_signature_keep(known);
  struct ogl_signature *s = ogl_realloc(NULL, sizeof *s + bytes.n);
  if (!s) return NULL;
  s->owners = 1;
  s->n = bytes.n;
  memcpy(s->bytes, bytes.p, bytes.n);
  return s;
}
