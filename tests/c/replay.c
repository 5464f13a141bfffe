/* SPDX-License-Identifier: MIT
** replay.c - every case of tests/wire, played in every way: whole, byte by byte, lazily, at every split in two,
** and without the protocol's short cuts. Each has to give the journal that the case says.
**
**   replay FOLDER                 checks
**   replay FOLDER --show NAME     prints the journal of one case, played whole
**   replay FOLDER --inputs OUT    writes the input of each case to OUT, as seeds for the fuzzers
*/
#include <stdio.h>

#include "../../csrc/protocol/registry.h"
#include "check.h"
#include "files.h"
#include "journal.h"
#include "long_way.h"
#include "wire_case.h"

/* The protocol is the name of the folder. */
static const struct ogl_protocol *protocol_of(const char *folder) {
  const char *slash = strrchr(folder, '/');
  return ogl_protocol_find(slash ? slash + 1 : folder);
}

static int plays(const struct wire_case *c, const struct ogl_protocol *protocol, struct journal_way way) {
  struct ogl_decoder_options options = wire_case_options(c);
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  journal_run(&log, protocol, &options, ogl_buf_span(&c->input), way);
  int same = CHECK_SPAN(ogl_buf_span(&log), ogl_buf_span(&c->events));
  ogl_buf_clear(&log);
  return same;
}

static void check_wire_case(const struct wire_case *c, const struct ogl_protocol *protocol) {
  struct journal_way whole = { 0, 0, 0, 0 }, bytes = { 0, 1, 0, 0 }, lazy = { 0, 7, 1, 0 };
  if (!plays(c, protocol, whole)) return; /* one report says it all */
  plays(c, long_way(protocol), whole);
  plays(c, protocol, bytes);
  plays(c, protocol, lazy);
  for (size_t at = 1; at < c->input.n; at++) {
    struct journal_way split = { at, 0, 0, 0 };
    if (!plays(c, protocol, split)) return;
  }
}

static int write_input(const struct wire_case *c, const char *folder) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, c->name);
  FILE *f = fopen(path, "wb");
  if (!f) return 0;
  size_t n = fwrite(ogl_buf_span(&c->input).p, 1, c->input.n, f);
  return fclose(f) == 0 && n == c->input.n;
}

static void show(const struct wire_case *c, const struct ogl_protocol *protocol) {
  struct journal_way whole = { 0, 0, 0, 0 };
  struct ogl_decoder_options options = wire_case_options(c);
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  journal_run(&log, protocol, &options, ogl_buf_span(&c->input), whole);
  fwrite(ogl_buf_span(&log).p, 1, log.n, stdout);
  ogl_buf_clear(&log);
}

static void play_one(const char *folder, const char *name, const struct ogl_protocol *protocol, int argc, char **argv) {
  struct wire_case c;
  int good = wire_case_read(&c, folder, name);
  if (argc == 4 && strcmp(argv[2], "--show") == 0) {
    if (strcmp(name, argv[3]) == 0) show(&c, protocol);
  } else {
    check_case("%s", name);
    if (!good) check_that(0, name, 1, c.problem);
    else if (argc == 4) CHECK(write_input(&c, argv[3]));
    else check_wire_case(&c, protocol);
  }
  wire_case_clear(&c);
}

int main(int argc, char **argv) {
  struct files_list cases;
  const struct ogl_protocol *protocol = argc > 1 ? protocol_of(argv[1]) : NULL;
  if (!protocol || (argc != 2 && argc != 4) || !files_list(&cases, argv[1], ".md") || !cases.n) {
    fprintf(stderr, "usage: replay tests/wire/PROTOCOL [--show NAME | --inputs FOLDER]\n");
    return 2;
  }
  for (size_t i = 0; i < cases.n; i++) play_one(argv[1], cases.names[i], protocol, argc, argv);
  files_list_clear(&cases);
  return argc == 4 && strcmp(argv[2], "--show") == 0 ? 0 : check_end();
}
