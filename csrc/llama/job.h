/* SPDX-License-Identifier: MIT
** job.h - one thing that an engine is asked for: an answer, a vector, or only to be told that the model is loaded.
**
** Two sides share it. The caller makes it (`new`), fills in what it asks for, gives it to an engine (engine.h), and then asks `take` until
** it is done; `cancel` ends it early. The engine's thread reads it, calls `tell` and at last `end`. Each side drops its share, in any
** order: the last one frees it.
**
** What is under "told" is read and written under the lock of its news; what is under "the thread's" is the thread's alone once the engine
** has the job, and `cancelled` is atomic, because libllama asks for it in the middle of its work.
*/
#ifndef OGL_LLAMA_JOB_H
#define OGL_LLAMA_JOB_H

#include <stdatomic.h>

#include "news.h"
#include "prompt.h"
#include "sampler.h"
#include "text.h"

OGL_BEGIN

enum ogl_llama_kind {
  OGL_LLAMA_CHAT,
  OGL_LLAMA_EMBED, /* out come the floats of one vector, as they lie in memory */
  OGL_LLAMA_LOAD   /* it is done once the model is loaded */
};

enum ogl_llama_end {
  OGL_LLAMA_GOES_ON,
  OGL_LLAMA_STOP,      /* the model's own end, or a stop string */
  OGL_LLAMA_LENGTH,    /* max_tokens, or the context is full */
  OGL_LLAMA_CANCELLED, /* by the caller, or because the engine closes */
  OGL_LLAMA_CONTEXT,   /* the prompt is longer than the context */
  OGL_LLAMA_EMPTY,     /* the prompt has no token */
  OGL_LLAMA_GRAMMAR,   /* libllama cannot read it, or it allows no token */
  OGL_LLAMA_MEMORY,
  OGL_LLAMA_FAILED,  /* libllama could not compute */
  OGL_LLAMA_UNLOADED /* the model could not be loaded */
};

/* Tokens of the prompt, those of them that the engine had already, those of the answer. */
struct ogl_llama_counts {
  int prompt, cached, output;
};

struct ogl_llama_job {
  struct ogl_llama_item item;
  struct ogl_llama_news *news;
  struct ogl_llama_job *next; /* of those that wait for a slot */
  atomic_int cancelled;

  /* asked for */
  enum ogl_llama_kind kind;
  struct ogl_llama_prompt prompt;
  struct ogl_llama_sampling sampling;
  struct ogl_llama_text text;
  int max_tokens;             /* 0: as many as the context holds */
  int likelihoods, likeliest; /* whether to say how likely each token was, and so many others (likelihood.h) */

  /* the thread's */
  struct ogl_llama_tokens tokens; /* of the prompt */
  struct ogl_llama_sampler sampler;
  struct ogl_llama_counts counts;

  /* told */
  unsigned owners;
  struct ogl_buf out, likelihood;
  struct ogl_llama_counts told;
  enum ogl_llama_end end;
};

/* A job that one side owns; NULL without memory. */
struct ogl_llama_job *ogl_llama_job_new(struct ogl_llama_news *news);
/* Takes a share for the other side. */
void ogl_llama_job_keep(struct ogl_llama_job *j);
/* Drops a share. In a forked child it does nothing. */
void ogl_llama_job_drop(struct ogl_llama_job *j);

/* For the caller: moves what has come into `to`, whose earlier bytes are used up, and says how the job stands. */
enum ogl_llama_end ogl_llama_job_take(struct ogl_llama_job *j, struct ogl_buf *to, struct ogl_llama_counts *counts);
/* The same for what was said of the tokens: items of JSON behind each other, a comma between two. */
void ogl_llama_job_take_likelihood(struct ogl_llama_job *j, struct ogl_buf *to);
/* Asks the thread to end it. */
void ogl_llama_job_cancel(struct ogl_llama_job *j);

/* For the thread: the first n bytes of what its text holds go to the caller. */
void ogl_llama_job_tell(struct ogl_llama_job *j, size_t n);
/* What is known of the token that was chosen out of n logits goes to the caller, with the next text. */
void ogl_llama_job_tell_likelihood(struct ogl_llama_job *j, const struct llama_vocab *vocab, const float *logits, int n,
                                   llama_token id);
/* Bytes that are no text go to the caller. */
void ogl_llama_job_tell_bytes(struct ogl_llama_job *j, const char *p, size_t n);
/* It is over; drops the thread's share. */
void ogl_llama_job_end(struct ogl_llama_job *j, enum ogl_llama_end end);

OGL_END

#endif
