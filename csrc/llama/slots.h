/* SPDX-License-Identifier: MIT
** slots.h - the chats that a model computes at once: one token of each that writes, and as much of the prompts as has room, in a batch.
**
** A slot is a sequence of the context. It keeps the tokens that the context holds for it when its job has ended, so that the next job of
** the same conversation begins behind what both have in common.
**
** Life: zero-filled, `init` with a loaded model, then `enter` while `has_room`, and `turn` while `busy`; `clear` at the end, which ends
** what is left. One thread. `closing` is set by another to have every decode end at once.
*/
#ifndef OGL_LLAMA_SLOTS_H
#define OGL_LLAMA_SLOTS_H

#include "job.h"
#include "model.h"

OGL_BEGIN

struct ogl_llama_slot {
  struct ogl_llama_job *job;    /* NULL: free */
  struct ogl_llama_tokens kept; /* what the context holds */
  size_t pos;                   /* where the next token goes */
  int logits;                   /* its place in the batch's output; -1: none in this batch */
  llama_token last;             /* the token that was chosen, and is not decoded yet */
  unsigned long used;           /* when it last got a job, counted in jobs */
};

struct ogl_llama_slots {
  const struct ogl_llama_model *model;
  struct ogl_llama_slot rows[OGL_LLAMA_MAX_SLOTS];
  int n, busy;
  unsigned long jobs;
  struct llama_batch batch;
  llama_token_data *candidates; /* room for the vocabulary */
  atomic_int *closing;
};

/* 0, or OGL_ERR_MEMORY. */
int ogl_llama_slots_init(struct ogl_llama_slots *s, const struct ogl_llama_model *model, atomic_int *closing);
/* Ends every job as cancelled, and frees the memory. */
void ogl_llama_slots_clear(struct ogl_llama_slots *s);
/* Whether a slot is free. */
int ogl_llama_slots_has_room(const struct ogl_llama_slots *s);
/* Gives a job the free slot that fits it best, or ends it. */
void ogl_llama_slots_enter(struct ogl_llama_slots *s, struct ogl_llama_job *j);
/* One decode. */
void ogl_llama_slots_turn(struct ogl_llama_slots *s);
/* Whether a decode that runs is wanted by nobody any more. */
int ogl_llama_slots_unwanted(const struct ogl_llama_slots *s);

OGL_END

#endif
