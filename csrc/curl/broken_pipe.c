/* SPDX-License-Identifier: MIT
** broken_pipe.c - see broken_pipe.h.
*/
#include "broken_pipe.h"

#include <signal.h>

static int is_pending(void) {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static void only_pipe(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGPIPE);
}

void ogl_broken_pipe_shield(struct ogl_broken_pipe *before) {
  sigset_t pipe, old;
  only_pipe(&pipe);
  before->pending = is_pending();
  before->blocked = pthread_sigmask(SIG_BLOCK, &pipe, &old) != 0 || sigismember(&old, SIGPIPE) == 1;
}

void ogl_broken_pipe_unshield(const struct ogl_broken_pipe *before) {
  sigset_t pipe;
  int taken;
  only_pipe(&pipe);
  if (!before->pending && is_pending()) sigwait(&pipe, &taken);
  if (!before->blocked) pthread_sigmask(SIG_UNBLOCK, &pipe, NULL);
}
