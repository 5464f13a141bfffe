/* SPDX-License-Identifier: MIT
** interrupt.c - see interrupt.h.
*/
#define _POSIX_C_SOURCE 200809L /* sigaction, pselect */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

enum { LONGEST = 1000000 }; /* seconds of one pselect: some systems refuse more, and the wait goes on */

static volatile sig_atomic_t count;
static struct sigaction before;
static int users;

static void note(int signal) {
  (void)signal;
  count = (sig_atomic_t)((unsigned)count + 1);
}

int ogl_interrupt_catch(void) {
  struct sigaction ours;
  memset(&ours, 0, sizeof ours);
  ours.sa_handler = note;
  sigemptyset(&ours.sa_mask);
  if (!users && sigaction(SIGINT, &ours, &before)) return errno;
  users++;
  return 0;
}

void ogl_interrupt_release(void) {
  struct sigaction present;
  if (--users) return;
  if (sigaction(SIGINT, NULL, &present) || present.sa_handler != note) return;
  sigaction(SIGINT, &before, NULL);
}

unsigned ogl_interrupt_count(void) { return (unsigned)count; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sleeps with the signal let in, at most for so long; returns early where one comes. */
static void sleep_open(double seconds, const sigset_t *open) {
  struct timespec t;
  if (seconds > LONGEST) seconds = LONGEST;
  t.tv_sec = (time_t)seconds;
  t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
  pselect(0, NULL, NULL, NULL, &t, open);
}

int ogl_interrupt_wait(unsigned since, double seconds) {
  sigset_t interrupt, outside, open;
  double end = now() + seconds, left = seconds;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, &outside); /* between the look and the sleep */
  open = outside;
  sigdelset(&open, SIGINT);
  for (; ogl_interrupt_count() == since && left > 0; left = end - now()) sleep_open(left, &open);
  sigprocmask(SIG_SETMASK, &outside, NULL);
  return ogl_interrupt_count() != since;
}
