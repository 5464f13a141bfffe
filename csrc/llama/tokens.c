/* SPDX-License-Identifier: MIT
** tokens.c - see tokens.h.
*/
#include "tokens.h"

#include "../core/rows.h"

void ogl_llama_tokens_clear(struct ogl_llama_tokens *t) {
  ogl_free(t->p);
  t->p = NULL;
  t->n = t->cap = 0;
}

int ogl_llama_tokens_room(struct ogl_llama_tokens *t, size_t n) {
  int err = 0;
  void *rows = ogl_rows_grown(t->p, n ? n : 1, &t->cap, sizeof *t->p, OGL_LLAMA_MAX_TOKENS, &err);
  if (!rows) return OGL_ERR_MEMORY;
  t->p = rows;
  return 0;
}

int ogl_llama_tokens_add(struct ogl_llama_tokens *t, llama_token id) {
  if (ogl_llama_tokens_room(t, t->n + 1)) return OGL_ERR_MEMORY;
  t->p[t->n++] = id;
  return 0;
}

size_t ogl_llama_tokens_common(const struct ogl_llama_tokens *a, const struct ogl_llama_tokens *b) {
  size_t n = 0;
  while (n < a->n && n < b->n && a->p[n] == b->p[n]) n++;
  return n;
}
