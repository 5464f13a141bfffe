/* SPDX-License-Identifier: MIT
** job.c - see job.h.
*/
#include "job.h"

#include "../core/mem.h"
#include "../core/utf8.h"
#include "likelihood.h"

struct ogl_llama_job *ogl_llama_job_new(struct ogl_llama_news *news) {
  struct ogl_llama_job *j = ogl_realloc(NULL, sizeof *j);
  if (!j) return NULL;
  memset(j, 0, sizeof *j);
  j->news = ogl_llama_news_keep(news);
  j->owners = 1;
  ogl_llama_prompt_init(&j->prompt);
  ogl_llama_sampling_init(&j->sampling);
  ogl_llama_text_init(&j->text);
  ogl_buf_init(&j->out, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_buf_init(&j->likelihood, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_llama_news_lock(news);
  ogl_llama_news_add(news, &j->item);
  ogl_llama_news_unlock(news);
  return j;
}

void ogl_llama_job_keep(struct ogl_llama_job *j) {
  ogl_llama_news_lock(j->news);
  j->owners++;
  ogl_llama_news_unlock(j->news);
}

static void destroy(struct ogl_llama_job *j) {
  ogl_llama_prompt_clear(&j->prompt);
  ogl_llama_sampling_clear(&j->sampling);
  ogl_llama_text_clear(&j->text);
  ogl_llama_tokens_clear(&j->tokens);
  ogl_llama_sampler_clear(&j->sampler);
  ogl_buf_clear(&j->out);
  ogl_buf_clear(&j->likelihood);
  ogl_llama_news_drop(j->news);
  ogl_free(j);
}

void ogl_llama_job_drop(struct ogl_llama_job *j) {
  if (ogl_llama_news_is_foreign(j->news)) return;
  ogl_llama_news_lock(j->news);
  unsigned left = --j->owners;
  if (!left) ogl_llama_news_forget(j->news, &j->item);
  ogl_llama_news_unlock(j->news);
  if (!left) destroy(j);
}

/* Gives the bytes of one buffer to another, and keeps the memory of that. */
static void hand_over(struct ogl_buf *from, struct ogl_buf *to) {
  struct ogl_buf used = *to;
  ogl_buf_reset(&used);
  *to = *from;
  *from = used;
}

void ogl_llama_job_take_likelihood(struct ogl_llama_job *j, struct ogl_buf *to) {
  ogl_llama_news_lock(j->news);
  hand_over(&j->likelihood, to);
  ogl_llama_news_unlock(j->news);
}

enum ogl_llama_end ogl_llama_job_take(struct ogl_llama_job *j, struct ogl_buf *to, struct ogl_llama_counts *counts) {
  ogl_llama_news_lock(j->news);
  hand_over(&j->out, to);
  *counts = j->told;
  enum ogl_llama_end end = j->end;
  ogl_llama_news_unlock(j->news);
  return end;
}

void ogl_llama_job_cancel(struct ogl_llama_job *j) { atomic_store(&j->cancelled, 1); }

/* Posts news of a job, unless the thread alone still has it: then nobody would take them. */
static void post(struct ogl_llama_job *j) {
  j->told = j->counts;
  if (j->owners > 1) ogl_llama_news_post(j->news, &j->item);
}

void ogl_llama_job_tell(struct ogl_llama_job *j, size_t n) {
  if (!n) return;
  ogl_llama_news_lock(j->news);
  ogl_utf8_repair(&j->out, ogl_buf_bytes(&j->text.held), n);
  post(j);
  ogl_llama_news_unlock(j->news);
  ogl_buf_consume(&j->text.held, n);
}

void ogl_llama_job_tell_likelihood(struct ogl_llama_job *j, const struct llama_vocab *vocab, const float *logits, int n,
                                   llama_token id) {
  ogl_llama_news_lock(j->news);
  ogl_llama_likelihood_write(&j->likelihood, vocab, logits, n, id, j->likeliest);
  ogl_llama_news_unlock(j->news);
}

void ogl_llama_job_tell_bytes(struct ogl_llama_job *j, const char *p, size_t n) {
  ogl_llama_news_lock(j->news);
  ogl_buf_append(&j->out, p, n);
  post(j);
  ogl_llama_news_unlock(j->news);
}

void ogl_llama_job_end(struct ogl_llama_job *j, enum ogl_llama_end end) {
  ogl_llama_news_lock(j->news);
  j->end = j->out.err || j->likelihood.err || j->text.held.err ? OGL_LLAMA_MEMORY : end;
  post(j);
  ogl_llama_news_unlock(j->news);
  ogl_llama_job_drop(j);
}
