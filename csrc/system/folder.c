/* SPDX-License-Identifier: MIT
** folder.c - see folder.h.
*/
#define _POSIX_C_SOURCE 200809L /* fstatat, dirfd, st_mtim */
#define _DARWIN_C_SOURCE
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../core/mem.h"

#if defined(__APPLE__)
#define MODIFIED st_mtimespec
#else
#define MODIFIED st_mtim
#endif

enum { FIRST = 16 }; /* entries that there is room for at first */

static enum ogl_folder_kind kind_of(mode_t mode) {
  if (S_ISREG(mode)) return OGL_FOLDER_FILE;
  if (S_ISDIR(mode)) return OGL_FOLDER_FOLDER;
  return S_ISLNK(mode) ? OGL_FOLDER_LINK : OGL_FOLDER_OTHER;
}

static int grow(struct ogl_folder *f) {
  if (f->n < f->room) return 0;
  size_t room = f->room ? 2 * f->room : FIRST;
  struct ogl_folder_entry *entries = ogl_realloc(f->entries, room * sizeof *entries);
  if (!entries) return ENOMEM;
  f->entries = entries, f->room = room;
  return 0;
}

static int add(struct ogl_folder *f, const char *name, const struct stat *found) {
  size_t size = strlen(name) + 1;
  if (grow(f)) return ENOMEM;
  struct ogl_folder_entry *e = &f->entries[f->n];
  e->name = ogl_realloc(NULL, size);
  if (!e->name) return ENOMEM;
  memcpy(e->name, name, size);
  e->kind = kind_of(found->st_mode);
  e->size = (int64_t)found->st_size;
  e->modified = (double)found->MODIFIED.tv_sec + (double)found->MODIFIED.tv_nsec / 1e9;
  f->n++;
  return 0;
}

static int is_self_or_parent(const char *name) { return !strcmp(name, ".") || !strcmp(name, ".."); }

static int read_all(struct ogl_folder *f, DIR *d) {
  for (;;) {
    struct stat found;
    errno = 0;
    const struct dirent *one = readdir(d);
    if (!one) return errno;
    if (is_self_or_parent(one->d_name)) continue;
    if (fstatat(dirfd(d), one->d_name, &found, 0) && fstatat(dirfd(d), one->d_name, &found, AT_SYMLINK_NOFOLLOW))
      continue;
    int problem = add(f, one->d_name, &found);
    if (problem) return problem;
  }
}

static int compare(const void *a, const void *b) {
  const struct ogl_folder_entry *x = a, *y = b;
  return strcmp(x->name, y->name);
}

int ogl_folder_read(struct ogl_folder *f, const char *path) {
  DIR *d = opendir(path);
  if (!d) return errno;
  int problem = read_all(f, d);
  closedir(d);
  if (f->n) qsort(f->entries, f->n, sizeof *f->entries, compare);
  return problem;
}

void ogl_folder_clear(struct ogl_folder *f) {
  for (size_t i = 0; i < f->n; i++) ogl_free(f->entries[i].name);
  ogl_free(f->entries);
  memset(f, 0, sizeof *f);
}
