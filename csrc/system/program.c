/* SPDX-License-Identifier: MIT
** program.c - see program.h.
*/
#define _POSIX_C_SOURCE 200809L /* execve */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/mem.h"

#if defined(__APPLE__) /* a bundle cannot link to environ there */
#include <crt_externs.h>
char **ogl_program_environment(void) { return *_NSGetEnviron(); }
#else
extern char **environ;
char **ogl_program_environment(void) { return environ; }
#endif

static size_t length_of(const char *const *list) {
  size_t n = 0;
  while (list[n]) n++;
  return n;
}

/* Whether a change is about a variable. */
static int is_of(const char *change, const char *variable) {
  size_t n = strcspn(change, "=");
  return strncmp(change, variable, n) == 0 && variable[n] == '=';
}

static int is_changed(const char *variable, const char *const *changes) {
  for (; *changes; changes++)
    if (is_of(*changes, variable)) return 1;
  return 0;
}

/* The variables after the changes, in one block; NULL without memory. The texts are those of the arguments. */
static const char **changed(const char *const *variables, const char *const *changes) {
  const char **all = ogl_realloc(NULL, (length_of(variables) + length_of(changes) + 1) * sizeof *all);
  size_t n = 0;
  if (!all) return NULL;
  for (; *variables; variables++)
    if (!is_changed(*variables, changes)) all[n++] = *variables;
  for (; *changes; changes++)
    if (strchr(*changes, '=')) all[n++] = *changes;
  all[n] = NULL;
  return all;
}

int ogl_program_replace(const char *path, char *const *arguments, const char *const *changes) {
  static const char *const none[] = { NULL };
  char **present = ogl_program_environment();
  const char **all = changed(present ? (const char *const *)present : none, changes);
  if (!all) return ENOMEM;
  fflush(NULL);
  execve(path, arguments, (char *const *)all);
  int problem = errno;
  ogl_free(all);
  return problem;
}

void ogl_program_outlive_pipes(void) { signal(SIGPIPE, SIG_IGN); }
