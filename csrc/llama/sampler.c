/* SPDX-License-Identifier: MIT
** sampler.c - see sampler.h.
*/
#include "sampler.h"

#include <math.h>
#include <string.h>

#include "../core/mem.h"

enum { PENALTY_TOKENS = 64 };

void ogl_llama_sampling_init(struct ogl_llama_sampling *s) {
  memset(s, 0, sizeof *s);
  s->temperature = 0.8f;
  s->top_k = 40;
  s->top_p = 0.95f;
  s->min_p = 0.05f;
  s->repeat = 1;
}

void ogl_llama_sampling_clear(struct ogl_llama_sampling *s) {
  ogl_free(s->bias);
  ogl_free(s->grammar);
  ogl_free(s->open);
  ogl_free(s->close);
  memset(s, 0, sizeof *s);
}

/* This one function of libllama got an argument more: since 2026 it takes the size of the vocabulary first. */
typedef struct llama_sampler *penalties_without(int32_t, float, float, float);
typedef struct llama_sampler *penalties_with(int32_t, int32_t, float, float, float);
typedef void any_function(void);

static struct llama_sampler *make_without(any_function *make, int32_t vocabulary,
                                          const struct ogl_llama_sampling *how) {
  (void)vocabulary;
  return ((penalties_without *)make)(PENALTY_TOKENS, how->repeat, how->frequency, how->presence);
}

static struct llama_sampler *make_with(any_function *make, int32_t vocabulary, const struct ogl_llama_sampling *how) {
  return ((penalties_with *)make)(vocabulary, PENALTY_TOKENS, how->repeat, how->frequency, how->presence);
}

#define MAKE_PENALTIES \
  _Generic(&llama_sampler_init_penalties, penalties_without * : make_without, penalties_with * : make_with)

static struct llama_sampler *penalties(const struct llama_vocab *vocab, const struct ogl_llama_sampling *how) {
  (void)make_without, (void)make_with; /* the header has use for one of them */
  return MAKE_PENALTIES((any_function *)llama_sampler_init_penalties, llama_vocab_n_tokens(vocab), how);
}

static void add_choice(struct llama_sampler *chain, const struct ogl_llama_sampling *how) {
  if (how->temperature <= 0) {
    llama_sampler_chain_add(chain, llama_sampler_init_greedy());
    return;
  }
  if (how->top_k > 0) llama_sampler_chain_add(chain, llama_sampler_init_top_k(how->top_k));
  if (how->top_p < 1) llama_sampler_chain_add(chain, llama_sampler_init_top_p(how->top_p, 1));
  if (how->min_p > 0) llama_sampler_chain_add(chain, llama_sampler_init_min_p(how->min_p, 1));
  llama_sampler_chain_add(chain, llama_sampler_init_temp(how->temperature));
  llama_sampler_chain_add(chain, llama_sampler_init_dist(how->is_seeded ? how->seed : LLAMA_DEFAULT_SEED));
}

int ogl_llama_sampler_init(struct ogl_llama_sampler *s, const struct llama_vocab *vocab,
                           const struct ogl_llama_sampling *how) {
  int punishes = how->repeat != 1 || how->frequency != 0 || how->presence != 0;
  s->is_plain = how->temperature <= 0 && !punishes && !how->n_bias;
  s->chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
  if (!s->chain) return OGL_ERR_MEMORY;
  if (how->n_bias)
    llama_sampler_chain_add(
        s->chain, llama_sampler_init_logit_bias(llama_vocab_n_tokens(vocab), (int32_t)how->n_bias, how->bias));
  if (punishes) llama_sampler_chain_add(s->chain, penalties(vocab, how));
  add_choice(s->chain, how);
  return ogl_llama_rules_init(&s->rules, vocab, how->grammar, how->open, how->close, how->is_open) ? 0 : OGL_ERR_SYNTAX;
}

void ogl_llama_sampler_clear(struct ogl_llama_sampler *s) {
  ogl_llama_rules_clear(&s->rules);
  if (s->chain) llama_sampler_free(s->chain);
  s->chain = NULL;
}

static llama_token likeliest(const float *logits, int n) {
  int best = 0;
  for (int i = 1; i < n; i++)
    if (logits[i] > logits[best]) best = i;
  return best;
}

/* Chooses by the chain; with the rules, only out of what they allow. */
static llama_token choose(struct ogl_llama_sampler *s, const float *logits, llama_token_data *room, int n,
                          int by_rules) {
  llama_token_data_array all = { room, (size_t)n, -1, false };
  for (int i = 0; i < n; i++) {
    room[i].id = i;
    room[i].logit = logits[i];
    room[i].p = 0;
  }
  if (by_rules) ogl_llama_rules_apply(&s->rules, &all);
  llama_sampler_apply(s->chain, &all);
  if (all.selected < 0 || (size_t)all.selected >= all.size || all.data[all.selected].logit == -INFINITY)
    return LLAMA_TOKEN_NULL;
  return all.data[all.selected].id;
}

llama_token ogl_llama_sampler_next(struct ogl_llama_sampler *s, const float *logits, llama_token_data *room, int n) {
  llama_token id = s->is_plain ? likeliest(logits, n) : choose(s, logits, room, n, 0);
  if (id != LLAMA_TOKEN_NULL && !ogl_llama_rules_allow(&s->rules, id)) id = choose(s, logits, room, n, 1);
  if (id == LLAMA_TOKEN_NULL) return id;
  ogl_llama_rules_accept(&s->rules, id);
  if (!s->is_plain) llama_sampler_accept(s->chain, id);
  return id;
}
