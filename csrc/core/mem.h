/* SPDX-License-Identifier: MIT
** mem.h - the core's only way to the heap.
**
** Compiled with OGL_TEST_ALLOC, every allocation goes through a hook of the test program, which lets the n-th one
** fail; in the modules it is realloc and free.
*/
#ifndef OGL_MEM_H
#define OGL_MEM_H

#include <stdlib.h>

#ifdef OGL_TEST_ALLOC
void *ogl_test_realloc(void *p, size_t n);
#define ogl_realloc ogl_test_realloc
#else
#define ogl_realloc realloc
#endif
#define ogl_free free

#endif
