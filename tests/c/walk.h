/* SPDX-License-Identifier: MIT
** walk.h - reads a JSON text in full, value by value, as a caller who wants everything would. What `ogl_json_skip`
** accepts, and the code that it refuses with, must be what this finds.
*/
#ifndef WALK_H
#define WALK_H

#include "../../csrc/core/json.h"

/* Reads the whole text; what ogl_json_check says of it. */
int walk_check(const char *p, size_t n);

#endif
