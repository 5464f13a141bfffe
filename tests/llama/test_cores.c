/* SPDX-License-Identifier: MIT
** test_cores.c - the quota of control groups, read from folders that look like the system's.
*/
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../csrc/llama/cores.h"
#include "../c/check.h"
#include "suites.h"

static char root[] = "/tmp/ogl-cores-XXXXXX";

/* Writes a file below the root, and makes the folder that it is in. */
static void put(const char *folder, const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s%s", root, folder);
  mkdir(path, 0700);
  snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
  FILE *file = fopen(path, "w");
  if (!file) exit(2);
  fputs(text, file);
  fclose(file);
}

static int quota(const char *self) {
  char path[256];
  put("", "self", self);
  snprintf(path, sizeof path, "%s/self", root);
  return ogl_llama_cores_quota(path, root);
}

static void remove_all(void) {
  char command[256];
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  if (system(command)) puts("the folder of the test is left");
}

void test_cores(void) {
  if (!mkdtemp(root)) exit(2);
  check_case("cores: the least quota of a group and of those that it is in");
  put("/a", "cpu.max", "max 100000\n");
  put("/a/b", "cpu.max", "150000 100000\n");
  put("/a/b/c", "cpu.max", "400000 100000\n");
  CHECK_INT(quota("0::/a\n"), 0);
  CHECK_INT(quota("0::/a/b\n"), 2);
  CHECK_INT(quota("0::/a/b/c\n"), 2);
  CHECK_INT(quota("0::/a/gone\n"), 0);

  check_case("cores: a quota of the root, which a container sees as its own");
  put("", "cpu.max", "50000 100000\n");
  CHECK_INT(quota("0::/\n"), 1);
  CHECK_INT(quota("0::/a/b/c\n"), 1);

  check_case("cores: version 1 has a folder for the processor");
  put("/cpu", "cpu.cfs_quota_us", "-1\n");
  put("/cpu", "cpu.cfs_period_us", "100000\n");
  put("/cpu/x", "cpu.cfs_quota_us", "250000\n");
  put("/cpu/x", "cpu.cfs_period_us", "100000\n");
  CHECK_INT(quota("5:memory:/x\n4:cpu,cpuacct:/x\n"), 3);
  CHECK_INT(quota("5:memory:/x\n4:cpuset:/x\n"), 0);

  check_case("cores: files that say nothing");
  CHECK_INT(quota("nonsense\n::\n0::relative\n"), 0);
  put("/a/b", "cpu.max", "much little\n");
  put("", "cpu.max", "");
  CHECK_INT(quota("0::/a/b\n"), 0);
  CHECK_INT(ogl_llama_cores_quota("/nowhere/self", root), 0);

  check_case("cores: at least one thread");
  CHECK(ogl_llama_cores() >= 1 && ogl_llama_cores() < 100000);
  remove_all();
}
