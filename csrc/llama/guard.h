/* SPDX-License-Identifier: MIT
** guard.h - whether the library that was loaded lays its structs out as the header said that this module was compiled with.
**
** libllama keeps no binary interface from version to version: a field more in the middle of a struct that is passed by value, and the next
** call reads pointers out of numbers. The defaults that the library fills in are known, so they show most of such mixes, though not
** a field that was appended at the end.
*/
#ifndef OGL_LLAMA_GUARD_H
#define OGL_LLAMA_GUARD_H

#include "../core/ogl.h"

OGL_BEGIN

/* NULL, or the name of the struct whose defaults are not where they should be. */
const char *ogl_llama_guard(void);

OGL_END

#endif
