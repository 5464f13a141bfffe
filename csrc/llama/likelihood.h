/* SPDX-License-Identifier: MIT
** likelihood.h - how likely a model found the token that it wrote, and which others it might have written: as the items of `logprobs` in
** Chat Completions.
*/
#ifndef OGL_LLAMA_LIKELIHOOD_H
#define OGL_LLAMA_LIKELIHOOD_H

#include <llama.h>

#include "../core/buf.h"

OGL_BEGIN

enum { OGL_LLAMA_MAX_LIKELIEST = 20 }; /* as many as Chat Completions gives */

/* Appends {"token", "logprob", "bytes", "top_logprobs"} of a token out of n logits, with the `top` likeliest ones, behind a comma where
   something stands already. An error stays in the buffer. */
void ogl_llama_likelihood_write(struct ogl_buf *to, const struct llama_vocab *vocab, const float *logits, int n,
                                llama_token id, int top);

OGL_END

#endif
