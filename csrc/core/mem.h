/* SPDX-License-Identifier: MIT
** mem.h - the core's only way to the heap.
**
** Compiled with OGL_TEST_ALLOC, every allocation goes through hooks of the test program, which let the n-th one fail and
** count the blocks that are not freed; in the modules it is realloc and free.
*/
#ifndef OGL_MEM_H
#define OGL_MEM_H

#include <stdlib.h>

#ifdef OGL_TEST_ALLOC
/* As realloc; NULL where the test wants this allocation to fail. */
void *ogl_test_realloc(void *p, size_t n);
/* As free. */
void ogl_test_free(void *p);
#define ogl_realloc ogl_test_realloc
#define ogl_free    ogl_test_free
#else
#define ogl_realloc realloc
#define ogl_free    free
#endif

#endif
