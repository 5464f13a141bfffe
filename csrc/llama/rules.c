/* SPDX-License-Identifier: MIT
** rules.c - see rules.h.
*/
#include "rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 256 };

int ogl_llama_rules_init(struct ogl_llama_rules *r, const struct llama_vocab *vocab, const char *grammar,
                         const char *open, const char *close, int is_open) {
  memset(r, 0, sizeof *r);
  if (!grammar) return 1;
  r->vocab = vocab;
  r->grammar = llama_sampler_init_grammar(vocab, grammar, "root");
  r->state = !open || !close ? OGL_LLAMA_RULES_AWAKE : is_open ? OGL_LLAMA_RULES_ASLEEP : OGL_LLAMA_RULES_PERHAPS;
  snprintf(r->open, sizeof r->open, "%s", open ? open : "");
  snprintf(r->close, sizeof r->close, "%s", close ? close : "");
  return r->grammar != NULL;
}

void ogl_llama_rules_clear(struct ogl_llama_rules *r) {
  if (r->grammar) llama_sampler_free(r->grammar);
  r->grammar = NULL;
}

/* The text of a token, with a NUL behind it, and its length; longer ones than the room are left out, and no mark is that long. */
static size_t piece_of(const struct ogl_llama_rules *r, llama_token id, char *piece) {
  int n = llama_token_to_piece(r->vocab, id, piece, PIECE - 1, 0, true);
  if (n < 0) n = 0;
  piece[n] = '\0';
  return (size_t)n;
}

/* Whether a text, without the blanks before it, begins a mark, or with one. */
static int begins(const char *text, const char *mark) {
  text += strspn(text, " \t\r\n");
  size_t n = strlen(text), m = strlen(mark);
  return n && !strncmp(text, mark, n < m ? n : m);
}

/* The first token that says something decides whether this is a thought. */
static void decide(struct ogl_llama_rules *r, llama_token id) {
  char piece[PIECE];
  piece_of(r, id, piece);
  if (r->state == OGL_LLAMA_RULES_PERHAPS)
    r->state = begins(piece, r->open) ? OGL_LLAMA_RULES_ASLEEP : OGL_LLAMA_RULES_AWAKE;
}

int ogl_llama_rules_allow(struct ogl_llama_rules *r, llama_token id) {
  if (!r->grammar) return 1;
  decide(r, id);
  if (r->state == OGL_LLAMA_RULES_ASLEEP) return 1;
  llama_token_data one = { id, 1, 0 };
  llama_token_data_array alone = { &one, 1, -1, false };
  llama_sampler_apply(r->grammar, &alone);
  return one.logit != -INFINITY;
}

void ogl_llama_rules_apply(struct ogl_llama_rules *r, llama_token_data_array *all) {
  llama_sampler_apply(r->grammar, all);
}

/* Whether the thought is closed with this token; keeps as much of its end as the mark may have begun in. */
static int closes(struct ogl_llama_rules *r, llama_token id) {
  char both[OGL_LLAMA_MAX_MARK + PIECE];
  size_t before = strlen(r->tail), keep = strlen(r->close);
  memcpy(both, r->tail, before);
  size_t n = before + piece_of(r, id, both + before), from = n > keep ? n - keep : 0;
  memcpy(r->tail, both + from, n - from + 1);
  return strstr(both, r->close) != NULL;
}

void ogl_llama_rules_accept(struct ogl_llama_rules *r, llama_token id) {
  if (!r->grammar) return;
  if (r->state == OGL_LLAMA_RULES_AWAKE) llama_sampler_accept(r->grammar, id);
  else if (closes(r, id)) r->state = OGL_LLAMA_RULES_AWAKE;
}
