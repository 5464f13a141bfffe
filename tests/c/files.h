/* SPDX-License-Identifier: MIT
** files.h - files that the tests read: whole, and the shared fixtures where they are there.
*/
#ifndef FILES_H
#define FILES_H

#include <stddef.h>

#include "../../csrc/core/buf.h"

/* Appends the file to b: 1, or 0 when it cannot be read. */
int files_read(const char *path, struct ogl_buf *b);
/* The path of a file under $OGL_SHARED (default ../shared, from the root of the repository), in a static buffer. */
const char *files_shared(const char *name);

/* Names in a folder that end so, sorted; 0 where there is no such folder. `clear` in any case. */
struct files_list {
  char **names;
  size_t n;
};
int files_list(struct files_list *list, const char *folder, const char *ending);
void files_list_clear(struct files_list *list);

#endif
