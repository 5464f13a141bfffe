/* SPDX-License-Identifier: MIT
** likelihood.c - see likelihood.h.
*/
#include "likelihood.h"

#include <math.h>

#include "../core/json_write.h"

static const double LEAST = -9999; /* for a token that the model holds impossible: JSON has no infinity */

/* The logarithm of the sum that turns logits into probabilities. */
static double log_sum(const float *logits, int n) {
  double largest = logits[0], sum = 0;
  for (int i = 1; i < n; i++)
    if (logits[i] > largest) largest = logits[i];
  for (int i = 0; i < n; i++) sum += exp(logits[i] - largest);
  return largest + log(sum);
}

/* The likeliest tokens, in their order; how many. */
static int likeliest(const float *logits, int n, llama_token *best, int top) {
  int count = 0;
  for (int i = 0; i < n; i++) {
    if (count == top && (!top || logits[i] <= logits[best[top - 1]])) continue;
    int at = count < top ? count++ : top - 1;
    for (; at > 0 && logits[best[at - 1]] < logits[i]; at--) best[at] = best[at - 1];
    best[at] = i;
  }
  return count;
}

static void write_bytes(struct ogl_buf *to, const char *p, size_t n) {
  for (size_t i = 0; i < n; i++) {
    ogl_buf_text(to, i ? "," : ",\"bytes\":[");
    ogl_json_write_integer(to, (unsigned char)p[i]);
  }
  ogl_buf_text(to, n ? "]" : ",\"bytes\":[]");
}

/* A token with its bytes; the object is left open. */
static void write_token(struct ogl_buf *to, const struct llama_vocab *vocab, llama_token id, double logprob) {
  char piece[256];
  int n = llama_token_to_piece(vocab, id, piece, sizeof piece, 0, true);
  if (n < 0) n = 0;
  ogl_buf_text(to, "{\"token\":");
  ogl_json_write_string(to, piece, (size_t)n);
  ogl_buf_text(to, ",\"logprob\":");
  ogl_json_write_number(to, logprob > LEAST ? logprob : LEAST); /* NaN is not greater either */
  write_bytes(to, piece, (size_t)n);
}

void ogl_llama_likelihood_write(struct ogl_buf *to, const struct llama_vocab *vocab, const float *logits, int n,
                                llama_token id, int top) {
  llama_token best[OGL_LLAMA_MAX_LIKELIEST];
  double sum = log_sum(logits, n);
  int count = likeliest(logits, n, best, top);
  if (to->n) ogl_buf_byte(to, ',');
  write_token(to, vocab, id, logits[id] - sum);
  ogl_buf_text(to, ",\"top_logprobs\":[");
  for (int i = 0; i < count; i++) {
    if (i) ogl_buf_byte(to, ',');
    write_token(to, vocab, best[i], logits[best[i]] - sum);
    ogl_buf_byte(to, '}');
  }
  ogl_buf_text(to, "]}");
}
