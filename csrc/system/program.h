/* SPDX-License-Identifier: MIT
** program.h - this program's variables, what a closed pipe does to it, and another program in its place.
*/
#ifndef OGL_PROGRAM_H
#define OGL_PROGRAM_H

#include "../core/ogl.h"

OGL_BEGIN

/* The variables of this process, each "NAME=value", up to a NULL. */
char **ogl_program_environment(void);

/* Runs the program at a path instead of this one, with the same descriptors; what the C library has not written yet is written before. The
   arguments end with a NULL, the first is the program's own name. It gets the variables of this process but for the changes, which end
   with a NULL too: "NAME=value", or "NAME" for one that it shall not have. Returns errno only. */
int ogl_program_replace(const char *path, char *const *arguments, const char *const *changes);

/* Has a write into a pipe that nobody reads any more fail with EPIPE, where it would end the program without a word. Programs that this one
   runs inherit it. */
void ogl_program_outlive_pipes(void);

OGL_END

#endif
