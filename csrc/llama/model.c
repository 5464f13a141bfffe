/* SPDX-License-Identifier: MIT
** model.c - see model.h.
*/
#include "model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cores.h"
#include "log.h"

enum {
  CONTEXT = 4096,
  SLOTS = 2,
  BATCH = 512 /* tokens of one decode: a long prompt gives the other chats their turn after so many */
};

static enum ogl_llama_failure fail(struct ogl_llama_model *m, enum ogl_llama_failure failure, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(m->why, sizeof m->why, format, arguments);
  va_end(arguments);
  return m->failure = failure;
}

/* The first bytes of every GGUF file. */
static int has_magic(const char *path) {
  char head[4] = "";
  FILE *file = fopen(path, "rb");
  if (!file) return -1;
  size_t n = fread(head, 1, sizeof head, file);
  fclose(file);
  return n == sizeof head && !memcmp(head, "GGUF", sizeof head);
}

static enum ogl_llama_failure check_file(struct ogl_llama_model *m, const char *path) {
  struct stat about;
  if (stat(path, &about)) return fail(m, OGL_LLAMA_FILE, "%s", strerror(errno));
  if (!S_ISREG(about.st_mode)) return fail(m, OGL_LLAMA_FILE, "it is no file");
  int magic = has_magic(path);
  if (magic < 0) return fail(m, OGL_LLAMA_FILE, "%s", strerror(errno));
  return magic ? OGL_LLAMA_LOADED : fail(m, OGL_LLAMA_FILE, "it is no GGUF file: its first bytes are others");
}

static enum ogl_llama_failure load_weights(struct ogl_llama_model *m, const struct ogl_llama_settings *settings,
                                           const struct ogl_llama_watch *watch) {
  struct llama_model_params p = llama_model_default_params();
  if (settings->gpu_layers >= 0) p.n_gpu_layers = settings->gpu_layers;
  p.progress_callback = watch->load;
  p.progress_callback_user_data = watch->data;
  m->model = llama_model_load_from_file(settings->path, p);
  if (!m->model) return fail(m, OGL_LLAMA_FILE, "libllama cannot load it: %s", ogl_llama_log_last());
  m->vocab = llama_model_get_vocab(m->model);
  return OGL_LLAMA_LOADED;
}

/* An encoder reads a whole text at once; what generates takes a long one piece by piece. */
static void set_sizes(const struct ogl_llama_model *m, struct llama_context_params *p,
                      const struct ogl_llama_settings *settings) {
  int learned = llama_model_n_ctx_train(m->model), context = settings->context;
  if (!context) context = learned > 0 && learned < CONTEXT ? learned : CONTEXT;
  p->n_seq_max = (uint32_t)m->slots;
  p->n_ctx = (uint32_t)(context * m->slots);
  p->n_batch = p->n_ubatch = (uint32_t)(settings->embeddings ? context : BATCH);
}

static struct llama_context *open_context(struct ogl_llama_model *m, const struct ogl_llama_settings *settings,
                                          const struct ogl_llama_watch *watch, int pooling) {
  struct llama_context_params p = llama_context_default_params();
  set_sizes(m, &p, settings);
  p.n_threads = p.n_threads_batch = m->threads;
  p.embeddings = settings->embeddings;
  p.pooling_type = (enum llama_pooling_type)pooling;
  p.abort_callback = watch->abort;
  p.abort_callback_data = watch->data;
  p.no_perf = true;
  return llama_init_from_model(m->model, p);
}

/* A model that was made to write has no pooling of its own, and gives a vector for each token. */
static void pool(struct ogl_llama_model *m, const struct ogl_llama_settings *settings,
                 const struct ogl_llama_watch *watch) {
  int asked = settings->pooling >= 0 || !settings->embeddings;
  if (asked || !m->context || llama_pooling_type(m->context) != LLAMA_POOLING_TYPE_NONE) return;
  llama_free(m->context);
  m->context = open_context(m, settings, watch, LLAMA_POOLING_TYPE_MEAN);
}

static enum ogl_llama_failure make_context(struct ogl_llama_model *m, const struct ogl_llama_settings *settings,
                                           const struct ogl_llama_watch *watch) {
  m->context = open_context(m, settings, watch, settings->embeddings ? settings->pooling : LLAMA_POOLING_TYPE_NONE);
  pool(m, settings, watch);
  if (!m->context)
    return fail(m, OGL_LLAMA_LIMIT, "there is no context for it; a smaller context or fewer slots take less memory: %s",
                ogl_llama_log_last());
  if (!settings->embeddings && (llama_model_has_encoder(m->model) || !llama_model_has_decoder(m->model)))
    return fail(m, OGL_LLAMA_UNSUPPORTED, "it is an encoder: it gives vectors, and writes no text");
  if (settings->embeddings && llama_pooling_type(m->context) == LLAMA_POOLING_TYPE_RANK)
    return fail(m, OGL_LLAMA_UNSUPPORTED, "it ranks texts, and gives no vectors");
  m->room = (int)llama_n_ctx(m->context) / m->slots;
  return OGL_LLAMA_LOADED;
}

static int within(int value, int otherwise, int most) {
  if (value <= 0) return otherwise;
  return value < most ? value : most;
}

enum ogl_llama_failure ogl_llama_model_load(struct ogl_llama_model *m, const struct ogl_llama_settings *settings,
                                            const struct ogl_llama_watch *watch) {
  m->slots = within(settings->slots, SLOTS, OGL_LLAMA_MAX_SLOTS);
  m->threads = within(settings->threads, ogl_llama_cores(), 512);
  m->embeddings = settings->embeddings;
  ogl_llama_log_clear();
  enum ogl_llama_failure failure = check_file(m, settings->path);
  if (!failure) failure = load_weights(m, settings, watch);
  if (!failure) failure = make_context(m, settings, watch);
  if (failure) ogl_llama_model_clear(m);
  return failure;
}

void ogl_llama_model_clear(struct ogl_llama_model *m) {
  if (m->context) llama_free(m->context);
  if (m->model) llama_model_free(m->model);
  m->context = NULL;
  m->model = NULL;
  m->vocab = NULL;
}
