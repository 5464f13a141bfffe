/* SPDX-License-Identifier: MIT
** clock.h - the monotonic clock, in seconds as a double: 50 days of uptime still leave it nanoseconds.
*/
#ifndef OGL_CLOCK_H
#define OGL_CLOCK_H

#include "../core/ogl.h"

OGL_BEGIN

/* Seconds since an arbitrary moment; never goes back. */
double ogl_clock_now(void);

/* Sleeps; 1 when the time is over, 0 when a signal cut it short. */
int ogl_clock_sleep(double seconds);

OGL_END

#endif
