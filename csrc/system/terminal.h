/* SPDX-License-Identifier: MIT
** terminal.h - the size of a terminal, and its raw mode.
**
** In raw mode each key is there at once, unseen, Ctrl-C among them as the byte 3; what the program writes is treated as before, so that a
** line still ends with "\n" alone. `raw` notes how the terminal was, and `restore` sets that again. A program that ends without it, by
** exit(3), restores what is left; one that a signal kills cannot.
*/
#ifndef OGL_TERMINAL_H
#define OGL_TERMINAL_H

#include <termios.h>

#include "../core/ogl.h"

OGL_BEGIN

struct ogl_terminal {
  int fd;
  int is_raw;
  struct termios before;     /* as it was */
  struct ogl_terminal *next; /* of those that are raw */
};

/* How many columns and rows a terminal has: 0, or errno. ENOTTY also where it does not say. */
int ogl_terminal_size(int fd, int *columns, int *rows);

/* Sets raw mode, and notes how it was. The object must stay where it is until restored: 0, or errno. */
int ogl_terminal_raw(struct ogl_terminal *t, int fd);

/* Sets the mode that was before; nothing where that is done. The latest of several goes first. 0, or errno. */
int ogl_terminal_restore(struct ogl_terminal *t);

OGL_END

#endif
