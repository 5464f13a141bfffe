/* SPDX-License-Identifier: MIT
** clock.c - see clock.h.
*/
#define _GNU_SOURCE /* clock_gettime and nanosleep under -std=c99 */
#include "clock.h"

#include <time.h>

enum { LONGEST = 1000000000 }; /* seconds: above it time_t may be too small, and no wait is so long */

double ogl_clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int ogl_clock_sleep(double seconds) {
  if (!(seconds > 0)) return 1;
  if (seconds > LONGEST) seconds = LONGEST;
  struct timespec t;
  t.tv_sec = (time_t)seconds;
  t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
  return nanosleep(&t, NULL) == 0;
}
