/* SPDX-License-Identifier: MIT
** tokens.h - a list of tokens that grows. Zero-filled at first; `clear` frees it, any number of times.
*/
#ifndef OGL_LLAMA_TOKENS_H
#define OGL_LLAMA_TOKENS_H

#include <llama.h>

#include "../core/ogl.h"

OGL_BEGIN

enum { OGL_LLAMA_MAX_TOKENS = 1 << 24 }; /* more than any context holds */

struct ogl_llama_tokens {
  llama_token *p;
  size_t n, cap;
};

/* Frees the list. */
void ogl_llama_tokens_clear(struct ogl_llama_tokens *t);
/* Room for so many in all; 0, or OGL_ERR_MEMORY. */
int ogl_llama_tokens_room(struct ogl_llama_tokens *t, size_t n);
/* Appends one; 0, or OGL_ERR_MEMORY. */
int ogl_llama_tokens_add(struct ogl_llama_tokens *t, llama_token id);
/* How many tokens two lists have in common at their beginning. */
size_t ogl_llama_tokens_common(const struct ogl_llama_tokens *a, const struct ogl_llama_tokens *b);

OGL_END

#endif
