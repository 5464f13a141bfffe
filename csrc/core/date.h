/* SPDX-License-Identifier: MIT
** date.h - a time as RFC 3339 writes it, in UTC, without the C library's zones.
*/
#ifndef OGL_DATE_H
#define OGL_DATE_H

#include "ogl.h"

OGL_BEGIN

enum {
  OGL_DATE_SECONDS = 20, /* bytes of "2024-02-29T12:34:56Z" */
  OGL_DATE_MICROS = 27   /* bytes of "2024-02-29T12:34:56.123456Z" */
};

/* Writes nanoseconds since 1970, 0 or more and before the year 10000: OGL_DATE_MICROS bytes with the fraction, which is cut after
   microseconds because some clients read no more digits, else OGL_DATE_SECONDS. Gives their number. */
size_t ogl_date_write(char *out, int64_t nanoseconds, int with_fraction);

OGL_END

#endif
