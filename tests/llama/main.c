/* SPDX-License-Identifier: MIT
** main.c - runs the suites of csrc/llama.
**
** usage: main MODEL [VOCABULARIES]
*/
#include <stdio.h>

#include "../c/check.h"
#include "suites.h"

int main(int argc, char **argv) {
  if (argc != 2 && argc != 3) {
    fputs("usage: main MODEL [VOCABULARIES]\n", stderr);
    return 2;
  }
  test_text();
  test_cores();
  test_processes(argv[1]);
  test_engine(argv[1]);
  test_slots(argv[1]);
  if (argc == 3) test_vocabularies(argv[2]);
  return check_end();
}
