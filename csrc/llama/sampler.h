/* SPDX-License-Identifier: MIT
** sampler.h - which token comes next: by temperature, top_k, top_p, min_p, penalties, biases and a seed, and by a grammar.
**
** Life: `sampling` is filled in and stays where it is; `init` makes the chain of libllama's samplers; `next` chooses a token out of the
** logits of one place of a batch, and notes it; `clear`, also twice. The room for a whole vocabulary is the engine's, because one is
** sampled at a time.
*/
#ifndef OGL_LLAMA_SAMPLER_H
#define OGL_LLAMA_SAMPLER_H

#include "rules.h"

OGL_BEGIN

enum { OGL_LLAMA_MAX_BIASES = 1024 }; /* Chat Completions takes 300 */

/* What a caller chooses. */
struct ogl_llama_sampling {
  float temperature;                 /* 0: always the likeliest token */
  int top_k;                         /* 0: all */
  float top_p, min_p;                /* 1 and 0: all */
  float repeat, frequency, presence; /* penalties of the last 64 tokens; 1, 0 and 0: none */
  int is_seeded;
  uint32_t seed;
  struct llama_logit_bias *bias;
  size_t n_bias;
  char *grammar;      /* GBNF, or NULL */
  char *open, *close; /* the marks of a thought, or NULL */
  int is_open;        /* the prompt ended in one */
};

struct ogl_llama_sampler {
  struct llama_sampler *chain;
  struct ogl_llama_rules rules;
  int is_plain; /* it only looks for the likeliest token */
};

/* What every answer is sampled with that says nothing else. */
void ogl_llama_sampling_init(struct ogl_llama_sampling *s);
/* Frees what it points to. */
void ogl_llama_sampling_clear(struct ogl_llama_sampling *s);

/* 0; OGL_ERR_MEMORY, or OGL_ERR_SYNTAX where the grammar is none. */
int ogl_llama_sampler_init(struct ogl_llama_sampler *s, const struct llama_vocab *vocab,
                           const struct ogl_llama_sampling *how);
/* Frees the chain. */
void ogl_llama_sampler_clear(struct ogl_llama_sampler *s);
/* The next token, out of `n` logits, with room for as many rows; LLAMA_TOKEN_NULL where the grammar allows none. */
llama_token ogl_llama_sampler_next(struct ogl_llama_sampler *s, const float *logits, llama_token_data *room, int n);

OGL_END

#endif
