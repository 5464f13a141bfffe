/* SPDX-License-Identifier: MIT
** folder.h - what a folder holds.
**
**   read -> entries, in the order of the bytes of their names -> clear
*/
#ifndef OGL_FOLDER_H
#define OGL_FOLDER_H

#include "../core/ogl.h"

OGL_BEGIN

/* What a name stands for, behind links. OGL_FOLDER_LINK is a link that leads nowhere. */
enum ogl_folder_kind { OGL_FOLDER_FILE, OGL_FOLDER_FOLDER, OGL_FOLDER_LINK, OGL_FOLDER_OTHER };

struct ogl_folder_entry {
  char *name;
  enum ogl_folder_kind kind;
  int64_t size;    /* bytes */
  double modified; /* seconds since 1970 */
};

struct ogl_folder {
  struct ogl_folder_entry *entries;
  size_t n, room;
};

/* Fills a zeroed folder, without "." and "..": 0, or errno. What vanishes meanwhile is left out. Clear it in both cases. */
int ogl_folder_read(struct ogl_folder *f, const char *path);

/* Frees the entries. */
void ogl_folder_clear(struct ogl_folder *f);

OGL_END

#endif
