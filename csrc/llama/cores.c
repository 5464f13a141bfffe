/* SPDX-License-Identifier: MIT
** cores.c - see cores.h.
**
** Sources: sched_getaffinity(2); Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max: "QUOTA PERIOD", or "max" for none) and
** scheduler/sched-bwc.rst (version 1: cpu.cfs_quota_us, negative for none, and cpu.cfs_period_us).
*/
#define _GNU_SOURCE /* cpu_set_t */
#include "cores.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

enum { PATH_ROOM = 4096 };

static int affinity(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set); /* fails above 1,024 cores */
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}

static int rounded_up(double quota, double period) {
  if (quota <= 0 || period <= 0 || quota / period > 1e6) return 0;
  int whole = (int)(quota / period);
  return whole < quota / period ? whole + 1 : whole;
}

/* Reads up to two numbers of a file; how many stood there. */
static int read_numbers(const char *folder, const char *name, double *a, double *b) {
  char path[PATH_ROOM];
  if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return 0;
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  int n = fscanf(file, "%lf %lf", a, b);
  fclose(file);
  return n < 0 ? 0 : n;
}

static int quota_of(const char *folder) {
  double quota, period, none;
  if (read_numbers(folder, "cpu.max", &quota, &period) == 2) return rounded_up(quota, period);
  if (read_numbers(folder, "cpu.cfs_quota_us", &quota, &none) < 1) return 0;
  if (read_numbers(folder, "cpu.cfs_period_us", &period, &none) < 1) return 0;
  return rounded_up(quota, period);
}

/* Gives the smaller of two quotas; a 0 means that a group has none, and the other counts. */
static int lesser(int a, int b) {
  if (!a || !b) return a + b;
  return a < b ? a : b;
}

/* The least quota of a group and of all that it is in. */
static int quota_upwards(char *folder, size_t root) {
  int least = quota_of(folder);
  while (strlen(folder) > root) {
    *strrchr(folder, '/') = '\0';
    least = lesser(least, quota_of(folder));
  }
  return least;
}

/* A line is "NUMBER:CONTROLLERS:PATH"; version 2 has no controllers there, version 1 a folder of its own for "cpu". */
static const char *path_of(char *line, const char **below) {
  char *controllers = strchr(line, ':');
  char *path = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!path) return NULL;
  *path++ = '\0';
  path[strcspn(path, "\n")] = '\0';
  *below = controllers[1] ? "/cpu" : "";
  int counts =
      !controllers[1] || strstr(controllers, ":cpu,") || strstr(controllers, ",cpu,") || !strcmp(controllers, ":cpu");
  return counts && path[0] == '/' ? path : NULL;
}

int ogl_llama_cores_quota(const char *self, const char *root) {
  char line[PATH_ROOM], folder[2 * PATH_ROOM];
  FILE *file = fopen(self, "r");
  int least = 0;
  while (file && fgets(line, sizeof line, file)) {
    const char *below, *path = path_of(line, &below);
    if (!path) continue;
    int n = snprintf(folder, sizeof folder, "%s%s%s", root, below, strcmp(path, "/") ? path : "");
    if (n < (int)sizeof folder) least = lesser(least, quota_upwards(folder, strlen(root) + strlen(below)));
  }
  if (file) fclose(file);
  return least;
}

int ogl_llama_cores(void) {
  int cores = lesser(affinity(), ogl_llama_cores_quota("/proc/self/cgroup", "/sys/fs/cgroup"));
  return cores > 1 ? cores - 1 : 1;
}
