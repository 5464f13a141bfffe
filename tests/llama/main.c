/* SPDX-License-Identifier: MIT
** main.c - runs the suites of csrc/llama.
**
** usage: main MODEL
*/
#include <stdio.h>

#include "../c/check.h"
#include "suites.h"

int main(int argc, char **argv) {
  if (argc != 2) {
    fputs("usage: main MODEL\n", stderr);
    return 2;
  }
  test_text();
  test_cores();
  test_processes(argv[1]);
  test_engine(argv[1]);
  return check_end();
}
