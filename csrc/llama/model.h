/* SPDX-License-Identifier: MIT
** model.h - a model that is loaded, with a context to compute in.
**
** Life: zero-filled, `load`, which takes seconds and asks `watch` whether to go on, then whatever reads it; `clear`, also twice. What can
** be checked before libllama reads the file is checked here, because libllama's own checks may end the process.
*/
#ifndef OGL_LLAMA_MODEL_H
#define OGL_LLAMA_MODEL_H

#include <llama.h>

#include "../core/ogl.h"

OGL_BEGIN

enum { OGL_LLAMA_MAX_SLOTS = 64 }; /* as many as libllama takes in every version */

/* What a caller chooses; zero-filled is the default of each, but for those that name another. */
struct ogl_llama_settings {
  const char *path;
  int context;    /* tokens of each chat; 0: 4,096, or fewer where the model has learned fewer */
  int slots;      /* chats at once; 0: 2 */
  int threads;    /* 0: as cores.h says */
  int gpu_layers; /* -1: as libllama does by itself */
  int embeddings; /* vectors instead of text */
  int pooling;    /* of vectors, as enum llama_pooling_type; -1: the model's own, else the mean */
};

enum ogl_llama_failure { OGL_LLAMA_LOADED, OGL_LLAMA_FILE, OGL_LLAMA_UNSUPPORTED, OGL_LLAMA_LIMIT };

/* What libllama asks while it works. */
struct ogl_llama_watch {
  bool (*load)(float progress, void *data); /* whether to go on loading */
  bool (*abort)(void *data);                /* whether to give up in the middle of a decode */
  void *data;
};

struct ogl_llama_model {
  struct llama_model *model;
  struct llama_context *context;
  const struct llama_vocab *vocab;
  int slots, threads, embeddings;
  int room; /* tokens that each slot holds */
  enum ogl_llama_failure failure;
  char why[400]; /* a sentence, where it failed */
};

/* Loads it; the failure is also in the model. */
enum ogl_llama_failure ogl_llama_model_load(struct ogl_llama_model *m, const struct ogl_llama_settings *settings,
                                            const struct ogl_llama_watch *watch);
/* Frees it. */
void ogl_llama_model_clear(struct ogl_llama_model *m);

OGL_END

#endif
