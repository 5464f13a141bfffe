/* SPDX-License-Identifier: MIT
** number.h - JSON numbers to integers and doubles, and back; no locale, no rounding surprises.
*/
#ifndef OGL_NUMBER_H
#define OGL_NUMBER_H

#include "ogl.h"

OGL_BEGIN

struct ogl_number {
  int is_integer; /* no fraction, no exponent, and within 64 bits */
  int64_t i;      /* when is_integer */
  double d;       /* always: what strtod gives for the text */
};

/* Reads the JSON number at p. Gives the byte after it, or NULL where no number stands. Numbers too large for a double become
   infinite. */
const char *ogl_number_read(const char *p, const char *end, struct ogl_number *out);

enum { OGL_NUMBER_TEXT = 32 }; /* bytes that the two functions below may write */

/* Writes decimal digits; the length. */
size_t ogl_number_write_integer(char *out, int64_t v);
/* Writes the shortest of 15 to 17 digits that reads back as v, which is finite; integral values without fraction. */
size_t ogl_number_write(char *out, double v);

OGL_END

#endif
