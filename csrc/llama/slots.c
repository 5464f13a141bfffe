/* SPDX-License-Identifier: MIT
** slots.c - see slots.h.
*/
#include "slots.h"

#include <limits.h>
#include <math.h>

#include "../core/mem.h"

enum {
  LONGEST_TOKEN = 256, /* bytes, and more than any vocabulary has */
  SHARE = 128          /* tokens of prompts in a batch that others write in: they wait for it */
};

int ogl_llama_slots_init(struct ogl_llama_slots *s, const struct ogl_llama_model *model, atomic_int *closing) {
  int vocabulary = llama_vocab_n_tokens(model->vocab);
  s->model = model;
  s->closing = closing;
  s->n = model->slots;
  s->candidates = ogl_realloc(NULL, (size_t)(vocabulary > 0 ? vocabulary : 1) * sizeof *s->candidates);
  if (!s->candidates) return OGL_ERR_MEMORY;
  s->batch = llama_batch_init((int32_t)llama_n_batch(model->context), 0, 1);
  return 0;
}

int ogl_llama_slots_has_room(const struct ogl_llama_slots *s) { return s->busy < s->n; }

static int is_cancelled(const struct ogl_llama_slots *s, struct ogl_llama_job *j) {
  return atomic_load(&j->cancelled) || atomic_load(s->closing);
}

int ogl_llama_slots_unwanted(const struct ogl_llama_slots *s) {
  for (int i = 0; i < s->n; i++)
    if (s->rows[i].job && !is_cancelled(s, s->rows[i].job)) return 0;
  return 1;
}

/* Entering ---------------------------------------------------------------------------------------------------------- */

/* A job whose slot shares a quarter of what it holds continues that conversation; else a slot that holds little is the one to give up. */
static long worth(const struct ogl_llama_slot *row, const struct ogl_llama_tokens *tokens) {
  return 4 * (long)ogl_llama_tokens_common(&row->kept, tokens) - (long)row->kept.n;
}

static struct ogl_llama_slot *best_slot(struct ogl_llama_slots *s, const struct ogl_llama_tokens *tokens) {
  struct ogl_llama_slot *best = NULL;
  long most = LONG_MIN;
  for (int i = 0; i < s->n; i++) {
    struct ogl_llama_slot *row = &s->rows[i];
    long its = row->job ? LONG_MIN : worth(row, tokens);
    if (row->job || its < most || (its == most && row->used > best->used)) continue;
    best = row;
    most = its;
  }
  return best;
}

static int sequence_of(const struct ogl_llama_slots *s, const struct ogl_llama_slot *row) {
  return (int)(row - s->rows);
}

/* Leaves the first n tokens of a slot; how many are left: a recurrent model cannot go back but to its beginning. */
static size_t cut(struct ogl_llama_slots *s, struct ogl_llama_slot *row, size_t n) {
  llama_memory_t memory = llama_get_memory(s->model->context); /* an encoder has none */
  int sequence = sequence_of(s, row);
  if (memory && !llama_memory_seq_rm(memory, sequence, (llama_pos)n, -1)) {
    llama_memory_seq_rm(memory, sequence, -1, -1);
    n = 0;
  }
  return row->kept.n = n;
}

static enum ogl_llama_end read_prompt(struct ogl_llama_slots *s, struct ogl_llama_job *j) {
  size_t room = (size_t)s->model->room;
  if (j->prompt.bytes.n / LONGEST_TOKEN > room) return OGL_LLAMA_CONTEXT;
  int err = (j->kind == OGL_LLAMA_EMBED ? ogl_llama_prompt_read_alone
                                        : ogl_llama_prompt_read)(&j->prompt, s->model->vocab, &j->tokens);
  if (err) return OGL_LLAMA_MEMORY;
  j->counts.prompt = (int)j->tokens.n;
  if (!j->tokens.n) return OGL_LLAMA_EMPTY;
  if (j->kind == OGL_LLAMA_EMBED && j->tokens.n > llama_n_batch(s->model->context)) return OGL_LLAMA_CONTEXT;
  return j->tokens.n >= room ? OGL_LLAMA_CONTEXT : OGL_LLAMA_GOES_ON;
}

/* A context that pools vectors gives no text, and libllama would end the process for it; the other way round there is no vector. */
static int is_misplaced(const struct ogl_llama_slots *s, const struct ogl_llama_job *j) {
  return (j->kind == OGL_LLAMA_EMBED) != (s->model->embeddings != 0);
}

static enum ogl_llama_end prepare(struct ogl_llama_slots *s, struct ogl_llama_job *j) {
  if (is_misplaced(s, j)) return OGL_LLAMA_FAILED;
  enum ogl_llama_end end = read_prompt(s, j);
  if (end || j->kind == OGL_LLAMA_EMBED) return end;
  int err = ogl_llama_sampler_init(&j->sampler, s->model->vocab, &j->sampling);
  if (err) return err == OGL_ERR_SYNTAX ? OGL_LLAMA_GRAMMAR : OGL_LLAMA_MEMORY;
  return OGL_LLAMA_GOES_ON;
}

/* The last token of a prompt is decoded anew where all are there already: its logits are wanted. */
static size_t reusable(const struct ogl_llama_slot *row, const struct ogl_llama_job *j) {
  size_t common = j->kind == OGL_LLAMA_EMBED ? 0 : ogl_llama_tokens_common(&row->kept, &j->tokens);
  return common == j->tokens.n ? common - 1 : common;
}

void ogl_llama_slots_enter(struct ogl_llama_slots *s, struct ogl_llama_job *j) {
  enum ogl_llama_end end = is_cancelled(s, j) ? OGL_LLAMA_CANCELLED : prepare(s, j);
  if (end) {
    ogl_llama_job_end(j, end);
    return;
  }
  struct ogl_llama_slot *row = best_slot(s, &j->tokens);
  row->pos = cut(s, row, reusable(row, j));
  row->job = j;
  row->used = ++s->jobs;
  s->busy++;
  j->counts.cached = (int)row->pos;
}

/* Leaving ----------------------------------------------------------------------------------------------------------- */

static void leave(struct ogl_llama_slots *s, struct ogl_llama_slot *row, enum ogl_llama_end end) {
  struct ogl_llama_job *j = row->job;
  row->job = NULL;
  s->busy--;
  if (end != OGL_LLAMA_CANCELLED && !j->text.stopped) ogl_llama_job_tell(j, j->text.held.n);
  ogl_llama_job_end(j, end);
}

static void sweep(struct ogl_llama_slots *s) {
  for (int i = 0; i < s->n; i++)
    if (s->rows[i].job && is_cancelled(s, s->rows[i].job)) leave(s, &s->rows[i], OGL_LLAMA_CANCELLED);
}

/* What a decode that failed or was given up has left of the sequences in it is not known. */
static void forget(struct ogl_llama_slots *s, enum ogl_llama_end end) {
  for (int i = 0; i < s->n; i++) {
    struct ogl_llama_slot *row = &s->rows[i];
    if (!row->job) continue;
    cut(s, row, 0);
    leave(s, row, is_cancelled(s, row->job) ? OGL_LLAMA_CANCELLED : end);
  }
}

void ogl_llama_slots_clear(struct ogl_llama_slots *s) {
  for (int i = 0; i < s->n; i++) {
    if (s->rows[i].job) leave(s, &s->rows[i], OGL_LLAMA_CANCELLED);
    ogl_llama_tokens_clear(&s->rows[i].kept);
  }
  if (s->batch.token) llama_batch_free(s->batch);
  memset(&s->batch, 0, sizeof s->batch);
  ogl_free(s->candidates);
  s->candidates = NULL;
}

/* The batch --------------------------------------------------------------------------------------------------------- */

/* Puts a token of a slot into the batch; 0, or OGL_ERR_MEMORY. */
static int put(struct ogl_llama_slots *s, struct ogl_llama_slot *row, llama_token id, int wants_output) {
  struct llama_batch *b = &s->batch;
  int at = b->n_tokens;
  if (ogl_llama_tokens_add(&row->kept, id)) return OGL_ERR_MEMORY;
  b->token[at] = id;
  b->pos[at] = (llama_pos)row->pos++;
  b->n_seq_id[at] = 1;
  b->seq_id[at][0] = sequence_of(s, row);
  b->logits[at] = (int8_t)wants_output;
  if (wants_output) row->logits = at;
  b->n_tokens++;
  return 0;
}

static int reads(const struct ogl_llama_slot *row) { return row->job && row->pos < row->job->tokens.n; }

static int writes(const struct ogl_llama_slot *row) { return row->job && !reads(row); }

static int put_writers(struct ogl_llama_slots *s) {
  int err = 0;
  for (int i = 0; i < s->n; i++) {
    s->rows[i].logits = -1;
    if (writes(&s->rows[i])) err |= put(s, &s->rows[i], s->rows[i].last, 1);
  }
  return err;
}

/* The oldest job that reads, of those behind an age; NULL: none. */
static struct ogl_llama_slot *next_reader(struct ogl_llama_slots *s, unsigned long age) {
  struct ogl_llama_slot *next = NULL;
  for (int i = 0; i < s->n; i++) {
    struct ogl_llama_slot *row = &s->rows[i];
    if (reads(row) && row->used > age && (!next || row->used < next->used)) next = row;
  }
  return next;
}

/* As much of a prompt as has room. A text for a vector goes in whole, or waits: the oldest never does, since no other is before it. */
static int put_prompt(struct ogl_llama_slots *s, struct ogl_llama_slot *row, int room) {
  const struct ogl_llama_job *j = row->job;
  int embeds = j->kind == OGL_LLAMA_EMBED, err = 0;
  if (embeds && j->tokens.n > (size_t)(room - s->batch.n_tokens)) return 0;
  while (reads(row) && s->batch.n_tokens < room && !err)
    err = put(s, row, j->tokens.p[row->pos], embeds || row->pos == j->tokens.n - 1);
  return err;
}

/* What writes goes first, and then prompts by the age of their jobs: none waits for ever, whatever comes in behind it. */
static int fill(struct ogl_llama_slots *s) {
  int room = (int)llama_n_batch(s->model->context);
  s->batch.n_tokens = 0;
  int err = put_writers(s), writers = s->batch.n_tokens;
  if (writers && room > writers + SHARE) room = writers + SHARE;
  for (struct ogl_llama_slot *row = next_reader(s, 0); row; row = next_reader(s, row->used))
    err |= put_prompt(s, row, room);
  return err;
}

/* What comes out ---------------------------------------------------------------------------------------------------- */

/* Scales a vector to the length 1. */
static void normalise(float *v, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (double)v[i] * v[i];
  double length = sqrt(sum);
  for (int i = 0; i < n && length > 0; i++) v[i] = (float)(v[i] / length);
}

static void give_vector(struct ogl_llama_slots *s, struct ogl_llama_slot *row) {
  float *v = llama_get_embeddings_seq(s->model->context, sequence_of(s, row));
  if (!v) v = llama_get_embeddings_ith(s->model->context, row->logits);
  if (v) {
    int n = llama_model_n_embd(s->model->model);
    normalise(v, n);
    ogl_llama_job_tell_bytes(row->job, (const char *)v, (size_t)n * sizeof *v);
  }
  leave(s, row, v ? OGL_LLAMA_STOP : OGL_LLAMA_FAILED);
}

/* The text of a token; whether the answer is over with it. */
static int give_text(struct ogl_llama_slots *s, struct ogl_llama_job *j, llama_token id) {
  char piece[LONGEST_TOKEN];
  int n = llama_token_to_piece(s->model->vocab, id, piece, sizeof piece, 0, true);
  if (n > 0) ogl_llama_job_tell(j, ogl_llama_text_feed(&j->text, piece, (size_t)n));
  return j->text.stopped;
}

static enum ogl_llama_end write_one(struct ogl_llama_slots *s, struct ogl_llama_slot *row) {
  struct ogl_llama_job *j = row->job;
  const float *logits = llama_get_logits_ith(s->model->context, row->logits);
  if (!logits) return OGL_LLAMA_FAILED;
  int vocabulary = llama_vocab_n_tokens(s->model->vocab);
  llama_token id = ogl_llama_sampler_next(&j->sampler, logits, s->candidates, vocabulary);
  if (id == LLAMA_TOKEN_NULL) return OGL_LLAMA_GRAMMAR;
  j->counts.output++;
  if (llama_vocab_is_eog(s->model->vocab, id)) return OGL_LLAMA_STOP;
  if (j->likelihoods) ogl_llama_job_tell_likelihood(j, s->model->vocab, logits, vocabulary, id);
  if (give_text(s, j, id)) return OGL_LLAMA_STOP;
  if (j->counts.output == j->max_tokens || row->pos + 1 >= (size_t)s->model->room) return OGL_LLAMA_LENGTH;
  row->last = id;
  return OGL_LLAMA_GOES_ON;
}

static void advance(struct ogl_llama_slots *s, struct ogl_llama_slot *row) {
  if (row->job->kind == OGL_LLAMA_EMBED) {
    give_vector(s, row);
    return;
  }
  enum ogl_llama_end end = write_one(s, row);
  if (end) leave(s, row, end);
}

void ogl_llama_slots_turn(struct ogl_llama_slots *s) {
  sweep(s);
  if (fill(s)) {
    forget(s, OGL_LLAMA_MEMORY);
    return;
  }
  if (!s->batch.n_tokens) return;
  if (llama_decode(s->model->context, s->batch)) {
    forget(s, OGL_LLAMA_FAILED);
    return;
  }
  for (int i = 0; i < s->n; i++)
    if (s->rows[i].job && s->rows[i].logits >= 0) advance(s, &s->rows[i]);
}
