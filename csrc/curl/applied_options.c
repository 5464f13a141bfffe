/* SPDX-License-Identifier: MIT
** applied_options.c - see applied_options.h.
*/
#include "applied_options.h"

#include <string.h>

#include "../core/mem.h"

int ogl_applied_options_are(const struct ogl_applied_options *s, struct ogl_span bytes) {
  return s && s->n == bytes.n && memcmp(s->bytes, bytes.p, bytes.n) == 0;
}

struct ogl_applied_options *ogl_applied_options_keep(struct ogl_applied_options *s) {
  s->owners++;
  return s;
}

void ogl_applied_options_drop(struct ogl_applied_options *s) {
  if (s && --s->owners == 0) ogl_free(s);
}

struct ogl_applied_options *ogl_applied_options_of(struct ogl_applied_options *known, struct ogl_span bytes) {
  if (ogl_applied_options_are(known, bytes)) return ogl_applied_options_keep(known);
  struct ogl_applied_options *s = ogl_realloc(NULL, sizeof *s + bytes.n);
  if (!s) return NULL;
  s->owners = 1;
  s->n = bytes.n;
  memcpy(s->bytes, bytes.p, bytes.n);
  return s;
}
