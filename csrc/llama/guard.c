/* SPDX-License-Identifier: MIT
** guard.c - see guard.h. The defaults are those of llama.cpp, src/llama-context.cpp and src/llama-model.cpp, from June 2025 on.
*/
#include "guard.h"

#include <llama.h>
#include <string.h>

/* What the library writes may be larger than what the header says: `room` keeps that off the stack. */
struct context_defaults {
  struct llama_context_params p;
  unsigned char room[256];
};

struct model_defaults {
  struct llama_model_params p;
  unsigned char room[256];
};

/* Read as a byte: as a bool, another value than 0 and 1 would be undefined. */
static int is_bool(const bool *field, int wanted) {
  unsigned char byte;
  memcpy(&byte, field, 1);
  return byte == wanted;
}

static int context_fits(const struct llama_context_params *p) {
  int sizes = p->n_ctx == 512 && p->n_batch == 2048 && p->n_ubatch == 512 && p->n_seq_max == 1;
  int threads = p->n_threads > 0 && p->n_threads < 4096 && p->n_threads_batch == p->n_threads;
  int kinds = p->rope_scaling_type == LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED &&
              p->pooling_type == LLAMA_POOLING_TYPE_UNSPECIFIED && p->type_k == GGML_TYPE_F16 &&
              p->type_v == GGML_TYPE_F16;
  int pointers = !p->cb_eval && !p->abort_callback && !p->abort_callback_data;
  return sizes && threads && kinds && pointers && is_bool(&p->embeddings, 0) && is_bool(&p->offload_kqv, 1);
}

static int model_fits(const struct llama_model_params *p) {
  int pointers = !p->progress_callback && !p->progress_callback_user_data && !p->kv_overrides && !p->tensor_split;
  int numbers =
      p->main_gpu == 0 && p->n_gpu_layers >= -1 && p->n_gpu_layers <= 1000 && p->split_mode == LLAMA_SPLIT_MODE_LAYER;
  return pointers && numbers && is_bool(&p->vocab_only, 0) && is_bool(&p->check_tensors, 0);
}

const char *ogl_llama_guard(void) {
  struct context_defaults context;
  struct model_defaults model;
  memset(&context, 0xA5, sizeof context);
  memset(&model, 0xA5, sizeof model);
  context.p = llama_context_default_params();
  model.p = llama_model_default_params();
  if (!context_fits(&context.p)) return "llama_context_params";
  return model_fits(&model.p) ? NULL : "llama_model_params";
}
