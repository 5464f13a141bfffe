/* SPDX-License-Identifier: MIT
** bare_llama.c - what libllama does by itself: a prompt for each of some chats, then all of them in one batch a step, one thread.
**
** usage: bare_llama MODEL CHATS PROMPT TOKENS      prints tokens a second, of the steps alone
*/
#include <llama.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void silent(enum ggml_log_level level, const char *line, void *unused) { (void)level, (void)line, (void)unused; }

static void put(struct llama_batch *b, llama_token id, int place, int chat, int wants_output) {
  int i = b->n_tokens++;
  b->token[i] = id;
  b->pos[i] = place;
  b->n_seq_id[i] = 1;
  b->seq_id[i][0] = chat;
  b->logits[i] = (int8_t)wants_output;
}

static void decode(struct llama_context *c, struct llama_batch b) {
  if (llama_decode(c, b)) exit(2);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int chats = atoi(argv[2]), prompt = atoi(argv[3]), tokens = atoi(argv[4]);
  llama_token last[64];
  llama_log_set(silent, NULL);
  ggml_backend_load_all_from_path(getenv("OGL_LLAMA_LIBRARIES"));
  struct llama_model *model = llama_model_load_from_file(argv[1], llama_model_default_params());
  struct llama_context_params p = llama_context_default_params();
  p.n_ctx = (uint32_t)(2048 * chats), p.n_seq_max = (uint32_t)chats, p.n_batch = p.n_ubatch = 512;
  p.n_threads = p.n_threads_batch = 1;
  struct llama_context *context = model ? llama_init_from_model(model, p) : NULL;
  if (!context || chats > 64) return 2;
  struct llama_sampler *greedy = llama_sampler_chain_init(llama_sampler_chain_default_params());
  llama_sampler_chain_add(greedy, llama_sampler_init_greedy());
  struct llama_batch batch = llama_batch_init(512, 0, 1);
  for (int chat = 0; chat < chats; chat++) {
    batch.n_tokens = 0;
    for (int i = 0; i < prompt; i++) put(&batch, 300 + (i * 7 + chat) % 900, i, chat, i == prompt - 1);
    decode(context, batch);
    last[chat] = llama_sampler_sample(greedy, context, prompt - 1);
  }
  double begin = now();
  for (int step = 0; step < tokens; step++) {
    batch.n_tokens = 0;
    for (int chat = 0; chat < chats; chat++) put(&batch, last[chat], prompt + step, chat, 1);
    decode(context, batch);
    for (int chat = 0; chat < chats; chat++) last[chat] = llama_sampler_sample(greedy, context, chat);
  }
  printf("%.2f\n", chats * tokens / (now() - begin));
  return 0;
}
