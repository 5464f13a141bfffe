/* SPDX-License-Identifier: MIT
** test_slots.c - the slots of a model without its thread: who gets room in a batch, decode by decode.
*/
#include <stdlib.h>

#include "../../csrc/llama/devices.h"
#include "../../csrc/llama/slots.h"
#include "../c/check.h"
#include "suites.h"

enum { CONTEXT = 256, SHARE = 128 };

/* A model that is computed by hand. */
struct table {
  struct ogl_llama_model model;
  struct ogl_llama_slots slots;
  struct ogl_llama_news *news;
  atomic_int closing;
};

static bool go_on(float progress, void *unused) {
  (void)progress, (void)unused;
  return true;
}

static bool never(void *unused) {
  (void)unused;
  return false;
}

static void open_table(struct table *t, const char *path, int embeddings) {
  struct ogl_llama_settings settings = { path, CONTEXT, 2, 1, -1, embeddings, -1 };
  struct ogl_llama_watch watch = { go_on, never, NULL };
  memset(t, 0, sizeof *t);
  t->news = ogl_llama_news_new();
  if (!t->news || !ogl_llama_devices_find() || ogl_llama_model_load(&t->model, &settings, &watch)) exit(2);
  if (ogl_llama_slots_init(&t->slots, &t->model, &t->closing)) exit(2);
}

static void close_table(struct table *t) {
  ogl_llama_slots_clear(&t->slots);
  ogl_llama_model_clear(&t->model);
  ogl_llama_news_drop(t->news);
}

/* A job of n tokens, and the special token behind them, if any; it has its slot, where it fits. */
static struct ogl_llama_job *enter(struct table *t, enum ogl_llama_kind kind, int n, const char *special) {
  struct ogl_llama_job *j = ogl_llama_job_new(t->news);
  if (!j) exit(2);
  j->kind = kind;
  j->sampling.temperature = 0;
  for (int i = 0; i < n; i++)
    if (ogl_llama_prompt_add(&j->prompt, "!", 1, 0)) exit(2);
  if (special && ogl_llama_prompt_add(&j->prompt, special, strlen(special), 1)) exit(2);
  ogl_llama_job_keep(j);
  ogl_llama_slots_enter(&t->slots, j);
  return j;
}

static enum ogl_llama_end end_of(struct ogl_llama_job *j) {
  struct ogl_buf some;
  struct ogl_llama_counts counts;
  ogl_buf_init(&some, OGL_MAX_REPLY, OGL_ERR_REPLY);
  enum ogl_llama_end end = OGL_LLAMA_GOES_ON;
  do {
    ogl_buf_reset(&some);
    end = ogl_llama_job_take(j, &some, &counts);
  } while (some.n);
  ogl_buf_clear(&some);
  return end;
}

static void enter_short(struct table *t) { ogl_llama_job_drop(enter(t, OGL_LLAMA_EMBED, 20, NULL)); }

/* In how many decodes a long text is done, where short ones fill the other slot: one of them before it, and others behind it. */
static int turns_of_long_text(const char *path, int is_second) {
  struct table t;
  int turns = 0;
  open_table(&t, path, 1);
  if (is_second) enter_short(&t);
  struct ogl_llama_job *j = enter(&t, OGL_LLAMA_EMBED, CONTEXT - 10, NULL);
  while (turns < 20 && !end_of(j)) {
    if (ogl_llama_slots_has_room(&t.slots)) enter_short(&t);
    ogl_llama_slots_turn(&t.slots);
    turns++;
  }
  CHECK_INT(end_of(j), OGL_LLAMA_STOP);
  ogl_llama_job_drop(j);
  close_table(&t);
  return turns;
}

static void test_texts(const char *path) {
  check_case("slots: a long text goes in, however many short ones come behind it");
  CHECK_INT(turns_of_long_text(path, 0), 1);
  CHECK_INT(turns_of_long_text(path, 1), 2);

  check_case("slots: a text that no batch holds is refused");
  struct table t;
  open_table(&t, path, 1);
  struct ogl_llama_job *j = enter(&t, OGL_LLAMA_EMBED, CONTEXT + 1, NULL);
  CHECK_INT(end_of(j), OGL_LLAMA_CONTEXT);
  ogl_llama_job_drop(j);
  close_table(&t);
}

static void test_kinds(const char *path) {
  check_case("slots: vectors and texts come from models of their own");
  for (int embeddings = 0; embeddings < 2; embeddings++) {
    struct table t;
    open_table(&t, path, embeddings);
    struct ogl_llama_job *j = enter(&t, embeddings ? OGL_LLAMA_CHAT : OGL_LLAMA_EMBED, 3, "<|hello|>");
    CHECK_INT(end_of(j), OGL_LLAMA_FAILED);
    ogl_llama_job_drop(j);
    close_table(&t);
  }
}

static void test_prompt_beside_a_writer(const char *path) {
  struct table t;
  open_table(&t, path, 0);
  check_case("slots: a long prompt goes in piece by piece beside one that writes");
  struct ogl_llama_job *writer = enter(&t, OGL_LLAMA_CHAT, 3, "<|forever|>");
  ogl_llama_slots_turn(&t.slots);
  struct ogl_llama_job *reader = enter(&t, OGL_LLAMA_CHAT, SHARE + 20, "<|hello|>");
  ogl_llama_slots_turn(&t.slots);
  CHECK_INT(writer->counts.output, 2);
  CHECK_INT(reader->counts.output, 0);
  ogl_llama_slots_turn(&t.slots);
  CHECK_INT(writer->counts.output, 3);
  CHECK_INT(reader->counts.output, 1);
  ogl_llama_job_drop(reader);
  ogl_llama_job_drop(writer);
  close_table(&t);
}

void test_slots(const char *path) {
  test_texts(path);
  test_kinds(path);
  test_prompt_beside_a_writer(path);
}
