/* SPDX-License-Identifier: MIT
** asked.c - see asked.h.
*/
#include "asked.h"

#include <stdio.h>
#include <stdlib.h>

struct ogl_llama_engine *asked_engine(const char *path, int slots, int context) {
  struct ogl_llama_settings s = { path, context, slots, 1, -1, 0, -1 };
  struct ogl_llama_engine *e = ogl_llama_engine_open(&s);
  if (!e) exit(2);
  return e;
}

struct ogl_llama_job *asked_job(struct ogl_llama_engine *e, const char *script) {
  char prompt[256];
  struct ogl_llama_job *j = ogl_llama_job_new(ogl_llama_engine_news(e));
  int n = snprintf(prompt, sizeof prompt, "<|im_start|>user\nsay<|im_end|>\n<|im_start|>assistant\n<|%s|>", script);
  if (!j || ogl_llama_prompt_add(&j->prompt, prompt, (size_t)n, 1)) exit(2);
  j->sampling.temperature = 0;
  return j;
}

static void take(struct ogl_llama_job *j, struct answer *a) {
  struct ogl_buf some;
  ogl_buf_init(&some, OGL_MAX_REPLY, OGL_ERR_REPLY);
  a->end = ogl_llama_job_take(j, &some, &a->counts);
  if (a->n + some.n > sizeof a->bytes) exit(2);
  if (some.n) memcpy(a->bytes + a->n, ogl_buf_bytes(&some), some.n);
  a->n += some.n;
  ogl_buf_clear(&some);
}

static void wait(struct ogl_llama_engine *e) {
  ogl_llama_news_wait(ogl_llama_engine_news(e), -1);
  while (ogl_llama_news_take(ogl_llama_engine_news(e))) continue;
}

void asked_begin(struct ogl_llama_engine *e, struct ogl_llama_job *j, struct answer *a) {
  memset(a, 0, sizeof *a);
  ogl_llama_engine_start(e, j);
  for (take(j, a); !a->n && !a->end; take(j, a)) wait(e);
}

/* What came before the end was told may be taken with it. */
void asked_finish(struct ogl_llama_engine *e, struct ogl_llama_job *j, struct answer *a) {
  memset(a, 0, sizeof *a);
  for (take(j, a); !a->end; take(j, a)) wait(e);
  ogl_llama_job_drop(j);
}

void asked_run(struct ogl_llama_engine *e, struct ogl_llama_job *j, struct answer *a) {
  ogl_llama_engine_start(e, j);
  asked_finish(e, j, a);
}

struct ogl_span asked_text(const struct answer *a) {
  struct ogl_span s = { a->bytes, a->n };
  return s;
}
