/* SPDX-License-Identifier: MIT
** engine.h - a thread that owns a model: jobs in, pieces of text out.
**
** Life: `open` starts the thread, which loads the model and then computes what it is given; `start` gives it a job, also while it loads;
** the caller waits on the descriptor of `news` and takes what has come (news.h, job.h). `close` ends every job, waits for the thread and
** frees the engine; jobs that the caller still has say then that they were cancelled.
**
** The thread blocks every signal, so that they go where the program expects them. When the process exits while engines are open, all are
** stopped before libraries are unloaded: a thread that computes in a library whose memory is gone would crash. A forked child has no
** thread; there `close` leaves everything as it is, and nothing else may be called.
*/
#ifndef OGL_LLAMA_ENGINE_H
#define OGL_LLAMA_ENGINE_H

#include "job.h"
#include "model.h"

OGL_BEGIN

struct ogl_llama_engine;

enum ogl_llama_state { OGL_LLAMA_LOADING, OGL_LLAMA_READY, OGL_LLAMA_BROKEN };

/* NULL without memory, descriptors or threads, or anything to compute on (ENODEV); errno says which. */
struct ogl_llama_engine *ogl_llama_engine_open(const struct ogl_llama_settings *settings);
/* Ends it, see above. */
void ogl_llama_engine_close(struct ogl_llama_engine *e);

/* What it tells its caller; the caller keeps it where it shall outlive the engine. */
struct ogl_llama_news *ogl_llama_engine_news(struct ogl_llama_engine *e);
/* How far it is. Only once it is no longer loading may `model` be asked. */
enum ogl_llama_state ogl_llama_engine_state(struct ogl_llama_engine *e);
/* How much of the model is loaded, from 0 to 1. */
double ogl_llama_engine_progress(struct ogl_llama_engine *e);
/* The model; of one that could not be loaded only the failure. */
const struct ogl_llama_model *ogl_llama_engine_model(const struct ogl_llama_engine *e);

/* Gives it a job; the thread has a share of it from now on. */
void ogl_llama_engine_start(struct ogl_llama_engine *e, struct ogl_llama_job *j);

OGL_END

#endif
