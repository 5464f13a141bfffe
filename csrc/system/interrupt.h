/* SPDX-License-Identifier: MIT
** interrupt.h - SIGINT as a count, where the program wants to live on.
**
** The handler only counts, and lets no system call go on by itself: what waits returns (libcurl's poller, a sleep), and the program looks.
** The first `catch` installs it, the last `release` puts the former one back, unless another has come in its place since.
** All of it belongs to one thread of the program.
*/
#ifndef OGL_INTERRUPT_H
#define OGL_INTERRUPT_H

#include "../core/ogl.h"

OGL_BEGIN

/* Installs the handler: 0, or errno. */
int ogl_interrupt_catch(void);

/* Gives that back. */
void ogl_interrupt_release(void);

/* How many signals have come since the program began; it may wrap around. */
unsigned ogl_interrupt_count(void);

/* Sleeps until the count is another one than `since`: 1; or for so many seconds: 0. None that comes in between is missed. */
int ogl_interrupt_wait(unsigned since, double seconds);

OGL_END

#endif
