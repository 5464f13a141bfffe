/* SPDX-License-Identifier: MIT
** main.c - runs the suites of the core: all of them, or those that are named on the command line.
*/
#include <stdio.h>

#include "check.h"
#include "suites.h"

static const struct {
  const char *name;
  void (*run)(void);
} suites[] = {
  { "base64", test_base64 },
  { "buf", test_buf },
  { "calls", test_calls },
  { "code", test_code },
  { "date", test_date },
  { "decoder", test_decoder },
  { "event", test_event },
  { "fault", test_fault },
  { "fold", test_fold },
  { "fragments", test_fragments },
  { "frame", test_frame },
  { "http1", test_http1 },
  { "json", test_json },
  { "json_array", test_json_array },
  { "json_finder", test_json_finder },
  { "json_write", test_json_write },
  { "late", test_late },
  { "ndjson", test_ndjson },
  { "number", test_number },
  { "repeat", test_repeat },
  { "rows", test_rows },
  { "sha1", test_sha1 },
  { "sha256", test_sha256 },
  { "sse", test_sse },
  { "transcoder", test_transcoder },
  { "usage", test_usage },
  { "utf8", test_utf8 },
  { "websocket", test_websocket },
};

static int wanted(const char *name, int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], name) == 0) return 1;
  return argc < 2;
}

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
    if (wanted(suites[i].name, argc, argv)) suites[i].run();
  return check_end();
}
