/* SPDX-License-Identifier: MIT
** private_file.h - files and folders that their owner alone may read.
**
** Lua's io library makes files with whatever mode the process has for new ones, which others of the machine mostly may read, and makes no
** folders.
*/
#ifndef OGL_PRIVATE_FILE_H
#define OGL_PRIVATE_FILE_H

#include "../core/ogl.h"

OGL_BEGIN

/* Makes a file of mode 0600 that holds n bytes. Fails if a file has that name: 0, or errno; a file that it had made is removed again. */
int ogl_private_file_write(const char *path, const char *p, size_t n);

/* Makes a folder of mode 0700. One that is there is as good where nobody else can have laid anything into it: 0, or errno; EEXIST says that
   something else has the name, EPERM that the folder is another user's or open to others. */
int ogl_private_folder_make(const char *path);

OGL_END

#endif
