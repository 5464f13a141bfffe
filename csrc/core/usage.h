/* SPDX-License-Identifier: MIT
** usage.h - the tokens of an answer: ten numbers, each present or absent (absent is not 0).
**
** `input` counts everything read, cached or not; `output` everything generated, reasoning included. Tokens are integers;
** cost is in the server's own currency, energy in kWh, co2 in kg.
*/
#ifndef OGL_USAGE_H
#define OGL_USAGE_H

#include "ogl.h"

OGL_BEGIN

enum ogl_usage_field {
  OGL_USAGE_INPUT,
  OGL_USAGE_CACHED,      /* of input: read from a cache */
  OGL_USAGE_CACHE_WRITE, /* of input: written to a cache */
  OGL_USAGE_OUTPUT,
  OGL_USAGE_REASONING, /* of output */
  OGL_USAGE_TOTAL,
  OGL_USAGE_REQUESTS,
  OGL_USAGE_COST, /* from here on not integers */
  OGL_USAGE_ENERGY,
  OGL_USAGE_CO2,
  OGL_USAGE_FIELDS
};

struct ogl_usage {
  unsigned known; /* bit i: v[i] was sent */
  double v[OGL_USAGE_FIELDS];
};

/* Notes a number of the field (enum ogl_usage_field). */
static inline void ogl_usage_set(struct ogl_usage *u, int field, double v) {
  u->v[field] = v;
  u->known |= 1u << field;
}

/* Whether the field was sent. */
static inline int ogl_usage_has(const struct ogl_usage *u, int field) { return (int)(u->known >> field & 1); }

/* A later record replaces an earlier one field by field. */
static inline void ogl_usage_merge(struct ogl_usage *u, const struct ogl_usage *later) {
  for (int i = 0; i < OGL_USAGE_FIELDS; i++)
    if (ogl_usage_has(later, i)) ogl_usage_set(u, i, later->v[i]);
}

OGL_END

#endif
