/* SPDX-License-Identifier: MIT
** log.h - libllama's log: nothing is printed, and the last complaint of a thread is kept, for it says why a call failed.
*/
#ifndef OGL_LLAMA_LOG_H
#define OGL_LLAMA_LOG_H

#include "../core/ogl.h"

OGL_BEGIN

/* Takes libllama's log over, for the whole process. */
void ogl_llama_log_take_over(void);
/* Forgets what this thread was told. */
void ogl_llama_log_clear(void);
/* The last complaint that came on this thread, one line; empty where there was none. */
const char *ogl_llama_log_last(void);

OGL_END

#endif
