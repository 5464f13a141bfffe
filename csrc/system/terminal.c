/* SPDX-License-Identifier: MIT
** terminal.c - see terminal.h.
*/
#define _DEFAULT_SOURCE /* TIOCGWINSZ, which POSIX of 2008 does not have */
#define _DARWIN_C_SOURCE
#include "terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

static struct ogl_terminal *raw_ones; /* the latest first */

int ogl_terminal_size(int fd, int *columns, int *rows) {
  struct winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size)) return errno;
  if (!size.ws_col || !size.ws_row) return ENOTTY;
  *columns = size.ws_col, *rows = size.ws_row;
  return 0;
}

/* Sets a mode once what was written is out. A signal may come meanwhile. */
static int set_mode(int fd, const struct termios *mode) {
  int done;
  do done = tcsetattr(fd, TCSADRAIN, mode);
  while (done && errno == EINTR);
  return done ? errno : 0;
}

static void restore_all(void) {
  while (raw_ones) ogl_terminal_restore(raw_ones);
}

int ogl_terminal_raw(struct ogl_terminal *t, int fd) {
  static int is_registered;
  if (tcgetattr(fd, &t->before)) return errno;
  struct termios mode = t->before;
  mode.c_iflag &= ~(tcflag_t)(BRKINT | ICRNL | INPCK | ISTRIP | IXON);
  mode.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
  mode.c_cflag = (mode.c_cflag & ~(tcflag_t)CSIZE) | CS8;
  mode.c_cc[VMIN] = 1, mode.c_cc[VTIME] = 0;
  if (!is_registered && !atexit(restore_all)) is_registered = 1;
  int problem = set_mode(fd, &mode);
  if (problem) return problem;
  t->fd = fd, t->is_raw = 1, t->next = raw_ones;
  raw_ones = t;
  return 0;
}

int ogl_terminal_restore(struct ogl_terminal *t) {
  if (!t->is_raw) return 0;
  struct ogl_terminal **place = &raw_ones;
  while (*place && *place != t) place = &(*place)->next;
  if (*place) *place = t->next;
  t->is_raw = 0;
  return set_mode(t->fd, &t->before);
}
