/* SPDX-License-Identifier: MIT
** prompt.h - what a model reads: pieces of text, of which some may be special tokens and the others never.
**
** A template writes <|im_start|> and means one token; a user who writes the same ten characters means those. So the template's own pieces
** are `special`, and what it was given to fill in is not. Cutting a text changes how it falls into tokens, which a model notices; therefore
** the whole is read at once first, and counts where the control tokens in it are those of the template alone. Only otherwise is each piece
** read by itself.
**
** Life: zero-filled, `init`, `add` in order, `read` any number of times, `clear` (also twice). A failure of `add` stays.
*/
#ifndef OGL_LLAMA_PROMPT_H
#define OGL_LLAMA_PROMPT_H

#include "../core/buf.h"
#include "tokens.h"

OGL_BEGIN

struct ogl_llama_piece {
  size_t n; /* bytes */
  int special;
};

struct ogl_llama_prompt {
  struct ogl_buf bytes;
  struct ogl_llama_piece *pieces;
  size_t n, cap;
};

/* An empty prompt. */
void ogl_llama_prompt_init(struct ogl_llama_prompt *p);
/* Frees it. */
void ogl_llama_prompt_clear(struct ogl_llama_prompt *p);
/* Appends a text, what is no UTF-8 replaced; 0, OGL_ERR_MEMORY or OGL_ERR_BODY (above 64 MiB). */
int ogl_llama_prompt_add(struct ogl_llama_prompt *p, const char *text, size_t n, int special);
/* The tokens of a chat: with the one that begins a text, where the vocabulary has it and the template did not write it. 0, or
   OGL_ERR_MEMORY. */
int ogl_llama_prompt_read(const struct ogl_llama_prompt *p, const struct llama_vocab *vocab,
                          struct ogl_llama_tokens *to);
/* The tokens of a text by itself, with those that the vocabulary puts around one, as for an embedding. Returns as `read` does. */
int ogl_llama_prompt_read_alone(const struct ogl_llama_prompt *p, const struct llama_vocab *vocab,
                                struct ogl_llama_tokens *to);

OGL_END

#endif
