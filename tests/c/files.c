/* SPDX-License-Identifier: MIT
** files.c - see files.h.
*/
#include "files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int files_read(const char *path, struct ogl_buf *b) {
  char piece[65536];
  FILE *f = fopen(path, "rb");
  if (!f) return 0;
  for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) ogl_buf_append(b, piece, n);
  int good = !ferror(f) && !b->err;
  fclose(f);
  return good;
}

const char *files_shared(const char *name) {
  static char path[4096];
  const char *root = getenv("OGL_SHARED");
  snprintf(path, sizeof path, "%s/%s", root && *root ? root : "../shared", name);
  return path;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int ends(const char *name, const char *ending) {
  size_t n = strlen(name), e = strlen(ending);
  return n >= e && strcmp(name + n - e, ending) == 0;
}

static void add(struct files_list *list, const char *name) {
  char **names = realloc(list->names, (list->n + 1) * sizeof *names);
  size_t n = strlen(name) + 1;
  char *copy = names ? malloc(n) : NULL;
  if (!copy) abort();
  list->names = names;
  list->names[list->n++] = memcpy(copy, name, n);
}

int files_list(struct files_list *list, const char *folder, const char *ending) {
  memset(list, 0, sizeof *list);
  DIR *d = opendir(folder);
  if (!d) return 0;
  for (struct dirent *e; (e = readdir(d));)
    if (ends(e->d_name, ending)) add(list, e->d_name);
  closedir(d);
  if (list->n) qsort(list->names, list->n, sizeof *list->names, by_name);
  return 1;
}

void files_list_clear(struct files_list *list) {
  for (size_t i = 0; i < list->n; i++) free(list->names[i]);
  free(list->names);
  memset(list, 0, sizeof *list);
}
