/* SPDX-License-Identifier: MIT
** prompt.c - see prompt.h.
*/
#include "prompt.h"

#include "../core/rows.h"
#include "../core/utf8.h"

void ogl_llama_prompt_init(struct ogl_llama_prompt *p) {
  memset(p, 0, sizeof *p);
  ogl_buf_init(&p->bytes, OGL_MAX_BODY, OGL_ERR_BODY);
}

void ogl_llama_prompt_clear(struct ogl_llama_prompt *p) {
  ogl_buf_clear(&p->bytes);
  ogl_free(p->pieces);
  p->pieces = NULL;
  p->n = p->cap = 0;
}

/* The piece that a text of that kind is added to: neighbours of one kind are one. */
static struct ogl_llama_piece *piece_for(struct ogl_llama_prompt *p, int special) {
  int err = 0;
  if (p->n && p->pieces[p->n - 1].special == special) return &p->pieces[p->n - 1];
  void *rows = ogl_rows_grown(p->pieces, p->n + 1, &p->cap, sizeof *p->pieces, OGL_MAX_BODY, &err);
  if (!rows) return NULL;
  p->pieces = rows;
  p->pieces[p->n].n = 0;
  p->pieces[p->n].special = special;
  return &p->pieces[p->n++];
}

int ogl_llama_prompt_add(struct ogl_llama_prompt *p, const char *text, size_t n, int special) {
  size_t before = p->bytes.n;
  struct ogl_llama_piece *piece = piece_for(p, special);
  if (!piece) return OGL_ERR_MEMORY;
  int err = ogl_utf8_repair(&p->bytes, text, n);
  piece->n += p->bytes.n - before;
  return err;
}

/* Appends the tokens of a text. There are at most as many as bytes, and a few around them. */
static int append(struct ogl_llama_tokens *to, const struct llama_vocab *vocab, struct ogl_span text, int around,
                  int special) {
  size_t most = text.n + 16;
  if (ogl_llama_tokens_room(to, to->n + most)) return OGL_ERR_MEMORY;
  int n = llama_tokenize(vocab, text.p, (int32_t)text.n, to->p + to->n, (int32_t)most, around, special);
  if (n < 0) return OGL_ERR_MEMORY;
  to->n += (size_t)n;
  return 0;
}

static int append_pieces(struct ogl_llama_tokens *to, const struct llama_vocab *vocab,
                         const struct ogl_llama_prompt *p) {
  struct ogl_span text = ogl_buf_span(&p->bytes);
  int err = 0;
  for (size_t i = 0; i < p->n && !err; i++) {
    struct ogl_span piece = { text.p, p->pieces[i].n };
    err = append(to, vocab, piece, 0, p->pieces[i].special);
    text.p += piece.n;
  }
  return err;
}

/* The place of the next control token from `at` on. */
static size_t next_control(const struct ogl_llama_tokens *t, const struct llama_vocab *vocab, size_t at) {
  while (at < t->n && !llama_vocab_is_control(vocab, t->p[at])) at++;
  return at;
}

static int same_controls(const struct ogl_llama_tokens *a, const struct ogl_llama_tokens *b,
                         const struct llama_vocab *vocab) {
  size_t i = next_control(a, vocab, 0), k = next_control(b, vocab, 0);
  while (i < a->n && k < b->n && a->p[i] == b->p[k]) {
    i = next_control(a, vocab, i + 1);
    k = next_control(b, vocab, k + 1);
  }
  return i == a->n && k == b->n;
}

static int begin(struct ogl_llama_tokens *to, const struct llama_vocab *vocab) {
  llama_token first = llama_vocab_bos(vocab);
  if (!llama_vocab_get_add_bos(vocab) || first == LLAMA_TOKEN_NULL || (to->n && to->p[0] == first)) return 0;
  if (ogl_llama_tokens_add(to, first)) return OGL_ERR_MEMORY;
  memmove(to->p + 1, to->p, (to->n - 1) * sizeof *to->p);
  to->p[0] = first;
  return 0;
}

int ogl_llama_prompt_read(const struct ogl_llama_prompt *p, const struct llama_vocab *vocab,
                          struct ogl_llama_tokens *to) {
  struct ogl_llama_tokens cut = { NULL, 0, 0 };
  to->n = 0;
  int err = append(to, vocab, ogl_buf_span(&p->bytes), 0, 1);
  if (!err) err = append_pieces(&cut, vocab, p);
  if (!err && !same_controls(to, &cut, vocab)) {
    struct ogl_llama_tokens whole = *to;
    *to = cut;
    cut = whole;
  }
  ogl_llama_tokens_clear(&cut);
  return err ? err : begin(to, vocab);
}

int ogl_llama_prompt_read_alone(const struct ogl_llama_prompt *p, const struct llama_vocab *vocab,
                                struct ogl_llama_tokens *to) {
  to->n = 0;
  return append(to, vocab, ogl_buf_span(&p->bytes), 1, 0);
}
