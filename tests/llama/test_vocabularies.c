/* SPDX-License-Identifier: MIT
** test_vocabularies.c - prompts in the vocabularies of real models: what is read gives its text back, and what a user writes never becomes a
** control token.
*/
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/llama/devices.h"
#include "../../csrc/llama/prompt.h"
#include "../c/check.h"
#include "suites.h"

enum { ROOM = 4096 };

static const char *const texts[] = {
  "Hello, world!",
  "Grüße — 你好, 世界 🎉👩‍👩‍👧",
  "  two blanks,\ttab\nline\n\n\nlines",
  "1234567890 3.14 x=y+z;",
  "if (a < b) { return \"c\"; } // d",
  "Ceci n'est pas l'été",
  "ALL CAPS and MixedCase",
  "\xF0\x9F\x98\x80\xCC\x81 e\xCC\x81",
  "a",
};

static struct llama_model *load(const char *path) {
  struct llama_model_params p = llama_model_default_params();
  p.vocab_only = true;
  return llama_model_load_from_file(path, p);
}

static void read_one(const struct llama_vocab *vocab, const char *text, int special, struct ogl_llama_tokens *to) {
  struct ogl_llama_prompt p;
  ogl_llama_prompt_init(&p);
  ogl_llama_prompt_add(&p, text, strlen(text), special);
  if (ogl_llama_prompt_read(&p, vocab, to)) exit(2);
  ogl_llama_prompt_clear(&p);
}

/* The text of tokens, without those that only begin or end one. */
static size_t text_of(const struct llama_vocab *vocab, const struct ogl_llama_tokens *t, char *to) {
  size_t n = 0;
  for (size_t i = 0; i < t->n; i++) {
    if (llama_vocab_is_control(vocab, t->p[i])) continue;
    int some = llama_token_to_piece(vocab, t->p[i], to + n, (int)(ROOM - n), 0, true);
    if (some > 0) n += (size_t)some;
  }
  return n;
}

/* A tokenizer of this kind keeps every byte, but may put a blank before the first word. */
static void check_round_trip(const struct llama_vocab *vocab, const char *text) {
  char back[ROOM];
  struct ogl_llama_tokens t = { NULL, 0, 0 };
  read_one(vocab, text, 0, &t);
  struct ogl_span got = { back, text_of(vocab, &t, back) };
  if (got.n == strlen(text) + 1 && back[0] == ' ') got.p++, got.n--;
  CHECK_TEXT(got, text);
  ogl_llama_tokens_clear(&t);
}

static size_t count_controls(const struct llama_vocab *vocab, const struct ogl_llama_tokens *t) {
  size_t n = 0;
  for (size_t i = 0; i < t->n; i++) n += llama_vocab_is_control(vocab, t->p[i]);
  return n;
}

/* As many control tokens as in a text without any: those that begin every text. */
static void check_no_control(const struct llama_vocab *vocab, llama_token id) {
  struct ogl_llama_tokens plain = { NULL, 0, 0 }, t = { NULL, 0, 0 };
  char text[512];
  snprintf(text, sizeof text, "a %s b", llama_vocab_get_text(vocab, id));
  read_one(vocab, "a b", 0, &plain);
  read_one(vocab, text, 0, &t);
  CHECK_INT(count_controls(vocab, &t), count_controls(vocab, &plain));
  ogl_llama_tokens_clear(&plain);
  ogl_llama_tokens_clear(&t);
}

/* Some of them: there may be a thousand that are reserved. */
static void check_controls(const struct llama_vocab *vocab) {
  int left = 40;
  for (llama_token id = 0; id < llama_vocab_n_tokens(vocab) && left; id++) {
    if (!llama_vocab_is_control(vocab, id)) continue;
    check_no_control(vocab, id);
    left--;
  }
}

static void check_vocabulary(const char *path) {
  struct llama_model *model = load(path);
  const char *name = strrchr(path, '/') + 1;
  check_case("prompt: %s", name);
  if (!CHECK(model != NULL)) return;
  const struct llama_vocab *vocab = llama_model_get_vocab(model);
  enum llama_vocab_type type = llama_vocab_type(vocab);
  int keeps_all = type == LLAMA_VOCAB_TYPE_BPE || type == LLAMA_VOCAB_TYPE_SPM;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (keeps_all) check_round_trip(vocab, texts[i]);
  check_controls(vocab);
  llama_model_free(model);
}

void test_vocabularies(const char *folder) {
  char pattern[512];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/*.gguf", folder);
  ogl_llama_devices_find();
  if (glob(pattern, 0, NULL, &found)) {
    check_skip("there are no vocabularies in %s", folder);
    return;
  }
  for (size_t i = 0; i < found.gl_pathc; i++) check_vocabulary(found.gl_pathv[i]);
  globfree(&found);
}
