/* SPDX-License-Identifier: MIT
** asked.h - jobs for an engine, in a line each, and what became of them.
*/
#ifndef ASKED_H
#define ASKED_H

#include "../../csrc/llama/engine.h"

enum { ANSWER_ROOM = 16 * 1024 };

struct answer {
  char bytes[ANSWER_ROOM];
  size_t n;
  enum ogl_llama_end end;
  struct ogl_llama_counts counts;
};

/* An engine for a model, which computes with one thread. */
struct ogl_llama_engine *asked_engine(const char *path, int slots, int context);
/* A job whose prompt ends in a special token: "hello" for <|hello|>. It asks for the likeliest tokens, and has not begun. */
struct ogl_llama_job *asked_job(struct ogl_llama_engine *e, const char *script);
/* Waits until a job is done, takes all of it and drops it. */
void asked_finish(struct ogl_llama_engine *e, struct ogl_llama_job *j, struct answer *a);
/* Begins a job, and finishes it. */
void asked_run(struct ogl_llama_engine *e, struct ogl_llama_job *j, struct answer *a);
/* Waits until a job has given bytes, or is done. */
void asked_begin(struct ogl_llama_engine *e, struct ogl_llama_job *j, struct answer *a);
/* The bytes, as a text. */
struct ogl_span asked_text(const struct answer *a);

#endif
