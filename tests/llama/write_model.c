/* SPDX-License-Identifier: MIT
** write_model.c - writes models for tests and measurements.
**
**   write_model scripted TEMPLATE OUT    2.8 MB; its template ends in one of a few tokens, behind which stands a fixed answer each
**   write_model random OUT               some 100 MB of random weights, as much work as a real model of that size; it never ends by itself
**
** How a model of one layer follows a script: its blocks add nothing, so that the logits are the product of the output matrix and the last
** token's embedding. Embeddings are random, and therefore nearly orthogonal; the row of a token in the output matrix holds the embeddings
** of the tokens that it follows.
*/
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gguf.h"

enum { CONTEXT = 4096, MOST_TOKENS = 4096, TOKEN_ROOM = 48, MOST_BEFORE = 16, LONG = 400, END = 2 };

enum token_type { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, OWN = 4, BYTE = 6 };

struct model {
  struct gguf file;
  char texts[MOST_TOKENS][TOKEN_ROOM];
  const char *names[MOST_TOKENS];
  int32_t types[MOST_TOKENS];
  float scores[MOST_TOKENS];
  size_t n;
  size_t width, forward, heads, layers;
  int follows[MOST_TOKENS][MOST_BEFORE]; /* the tokens that this one follows; -1: none */
};

/* Random numbers -------------------------------------------------------------------------------------------------------- */

/* The same for the same seed on every machine: a hash of where the number stands. */
static double uniform(uint64_t at) {
  at += 0x9E3779B97F4A7C15u;
  at = (at ^ (at >> 30)) * 0xBF58476D1CE4E5B9u;
  at = (at ^ (at >> 27)) * 0x94D049BB133111EBu;
  at ^= at >> 31;
  return ((double)(at >> 11) + 0.5) / 9007199254740992.0;
}

/* Nearly normal, with the deviation 1: the sum of twelve. */
static float normal(uint64_t at) {
  double sum = -6;
  for (uint64_t i = 0; i < 12; i++) sum += uniform(at * 12 + i);
  return (float)sum;
}

static uint64_t place(uint64_t tensor, size_t row, size_t column) {
  return (tensor << 44) + ((uint64_t)row << 16) + column;
}

/* Tensors --------------------------------------------------------------------------------------------------------------- */

enum { EMBEDDINGS = 1, OUTPUT = 2, BLOCKS = 3 };

static void fill_embeddings(void *unused, size_t row, float *to, size_t n) {
  (void)unused;
  for (size_t i = 0; i < n; i++) to[i] = normal(place(EMBEDDINGS, row, i));
}

static void fill_output(void *data, size_t row, float *to, size_t n) {
  const struct model *m = data;
  for (size_t i = 0; i < n; i++) {
    to[i] = 0.02f * normal(place(OUTPUT, row, i));
    for (int k = 0; k < MOST_BEFORE; k++)
      if (m->follows[row][k] >= 0) to[i] += 0.12f * normal(place(EMBEDDINGS, (size_t)m->follows[row][k], i));
  }
}

/* The token that ends an answer has the logit 0, which the largest of thousands always exceeds. */
static void fill_endless_output(void *unused, size_t row, float *to, size_t n) {
  (void)unused;
  for (size_t i = 0; i < n; i++) to[i] = row == END ? 0 : normal(place(OUTPUT, row, i));
}

static void fill_random(void *data, size_t row, float *to, size_t n) {
  const char *name = data; /* another text for each kind of tensor */
  float scale = 1 / sqrtf((float)n);
  for (size_t i = 0; i < n; i++) to[i] = scale * normal(place(BLOCKS + strlen(name), row, i));
}

static void fill_ones(void *unused, size_t row, float *to, size_t n) {
  (void)unused, (void)row;
  for (size_t i = 0; i < n; i++) to[i] = 1;
}

static void fill_zeros(void *unused, size_t row, float *to, size_t n) {
  (void)unused, (void)row;
  memset(to, 0, n * sizeof *to);
}

static void block_tensor(struct model *m, size_t layer, char *name, size_t columns, size_t rows, gguf_fill *fill) {
  char full[64];
  snprintf(full, sizeof full, "blk.%d.%s.weight", (int)layer, name);
  gguf_tensor(&m->file, full, columns, rows, fill, name);
}

static void add_tensors(struct model *m, gguf_fill *output, gguf_fill *last) {
  size_t d = m->width;
  gguf_tensor(&m->file, "token_embd.weight", d, m->n, fill_embeddings, m);
  gguf_tensor(&m->file, "output_norm.weight", d, 1, fill_ones, m);
  gguf_tensor(&m->file, "output.weight", d, m->n, output, m);
  for (size_t i = 0; i < m->layers; i++) {
    block_tensor(m, i, "attn_norm", d, 1, fill_ones);
    block_tensor(m, i, "ffn_norm", d, 1, fill_ones);
    block_tensor(m, i, "attn_q", d, d, fill_random);
    block_tensor(m, i, "attn_k", d, d, fill_random);
    block_tensor(m, i, "attn_v", d, d, fill_random);
    block_tensor(m, i, "attn_output", d, d, last);
    block_tensor(m, i, "ffn_gate", d, m->forward, fill_random);
    block_tensor(m, i, "ffn_up", d, m->forward, fill_random);
    block_tensor(m, i, "ffn_down", m->forward, d, last);
  }
}

/* Vocabulary ------------------------------------------------------------------------------------------------------------ */

static int find(const struct model *m, const char *text) {
  for (size_t i = 0; i < m->n; i++)
    if (!strcmp(m->texts[i], text)) return (int)i;
  return -1;
}

/* The number of a token, which is added where it is new. */
static int token(struct model *m, const char *text, enum token_type type) {
  int at = find(m, text);
  if (at >= 0) return at;
  if (m->n == MOST_TOKENS) exit(2);
  snprintf(m->texts[m->n], TOKEN_ROOM, "%s", text);
  m->names[m->n] = m->texts[m->n];
  m->types[m->n] = type;
  m->scores[m->n] = -(float)m->n;
  for (int i = 0; i < MOST_BEFORE; i++) m->follows[m->n][i] = -1;
  return (int)m->n++;
}

static void add_basic_tokens(struct model *m) {
  char text[TOKEN_ROOM];
  token(m, "<unk>", UNKNOWN);
  token(m, "<s>", CONTROL);
  token(m, "<|im_end|>", CONTROL);
  for (int byte = 0; byte < 256; byte++) {
    snprintf(text, sizeof text, "<0x%02X>", (unsigned)byte);
    token(m, text, BYTE);
  }
  for (char c = '!'; c <= '~'; c++) {
    snprintf(text, sizeof text, "%c", c);
    token(m, text, NORMAL);
  }
  token(m, "▁", NORMAL); /* a blank, as this tokenizer writes it */
}

static void add_keys(struct model *m, const char *name, const char *template) {
  struct gguf *f = &m->file;
  gguf_text(f, "general.architecture", "llama");
  gguf_text(f, "general.name", name);
  gguf_number(f, "llama.context_length", CONTEXT);
  gguf_number(f, "llama.embedding_length", (uint32_t)m->width);
  gguf_number(f, "llama.block_count", (uint32_t)m->layers);
  gguf_number(f, "llama.feed_forward_length", (uint32_t)m->forward);
  gguf_number(f, "llama.attention.head_count", (uint32_t)m->heads);
  gguf_number(f, "llama.attention.head_count_kv", (uint32_t)m->heads);
  gguf_float(f, "llama.attention.layer_norm_rms_epsilon", 1e-6f);
  gguf_number(f, "llama.rope.dimension_count", (uint32_t)(m->width / m->heads));
  gguf_number(f, "llama.vocab_size", (uint32_t)m->n);
  gguf_text(f, "tokenizer.ggml.model", "llama");
  gguf_text(f, "tokenizer.ggml.pre", "default");
  gguf_texts(f, "tokenizer.ggml.tokens", m->names, m->n);
  gguf_floats(f, "tokenizer.ggml.scores", m->scores, m->n);
  gguf_numbers(f, "tokenizer.ggml.token_type", m->types, m->n);
  gguf_number(f, "tokenizer.ggml.unknown_token_id", 0);
  gguf_number(f, "tokenizer.ggml.bos_token_id", 1);
  gguf_number(f, "tokenizer.ggml.eos_token_id", 2);
  gguf_flag(f, "tokenizer.ggml.add_bos_token", 0);
  gguf_flag(f, "tokenizer.ggml.add_space_prefix", 0);
  if (template) gguf_text(f, "tokenizer.chat_template", template);
}

/* The models ------------------------------------------------------------------------------------------------------------ */

/* Notes that a token follows another. */
static void follow(struct model *m, int before, int after) {
  for (int i = 0; i < MOST_BEFORE; i++) {
    if (m->follows[after][i] >= 0) continue;
    m->follows[after][i] = before;
    return;
  }
  exit(2);
}

static int is_mark(const char *text) {
  static const char *const marks[] = { "<think>", "</think>", "<tool_call>", "</tool_call>" };
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (!strcmp(marks[i], text)) return 1;
  return 0;
}

/* The token behind another in an answer. */
static int next(struct model *m, int before, const char *text) {
  int after = token(m, text, is_mark(text) ? OWN : NORMAL);
  follow(m, before, after);
  return after;
}

/* An answer: the token that the template ends in, then pieces, each of which is one token, then the end. */
static void script(struct model *m, const char *begin, const char *const *pieces) {
  int before = token(m, begin, CONTROL);
  for (; *pieces; pieces++) before = next(m, before, *pieces);
  follow(m, before, END);
}

/* An emoji comes as its four bytes, a token each. */
static const char *const hello[] = { "Hello", "▁from",    "▁a",    "▁tiny", "▁scripted", "▁model",
                                     ".",     "▁Nothing", "▁here", "▁is",   "▁real!",    NULL };
static const char *const think[] = { "<think>",  "Two", "▁and",    "▁two", "▁make", "▁four.",
                                     "</think>", "The", "▁answer", "▁is4", "!",     NULL };
static const char *const tool[] = { "<tool_call>",
                                    "\n{\"name\":",
                                    "▁\"get_weather\",",
                                    "▁\"arguments\":",
                                    "▁{\"city\":",
                                    "▁\"S",
                                    "ã",
                                    "o▁Pau",
                                    "lo\"}}",
                                    "\n",
                                    "</tool_call>",
                                    NULL };
static const char *const unicode[] = { "Grüße",  "你",    "好", ":",      "<0xF0>", "<0x9F>", "<0x8E>",
                                       "<0x89>", "▁done", "▁—", "▁\"q\"", "\\",     "fin",    NULL };
/* Two calls. What follows a token is known by that token alone: the marks of these are written in other pieces than those above. */
static const char *const both[] = { "<tool_",
                                    "call>{\"name\":\"get_weather\",",
                                    "\"arguments\":{\"city\":\"Nice\"}}</tool_",
                                    "call>\n<tool",
                                    "_call>{\"name\":\"get_weather\",\"arguments\":",
                                    "{\"city\":\"Lyon\"}}</tool",
                                    "_call>",
                                    NULL };
static const char *const wrong[] = { "<t", "ool_call>{\"name\":\"get_weather\",", "\"arguments\":{\"city\":5}}</t",
                                     "ool_call>", NULL };
static const char *const recipe[] = { "{\"name\":\"Quiche",       "▁lorraine\",\"ingredients\":",
                                      "[{\"what\":\"lard\",",     "\"amount\":\"200▁g\"},",
                                      "{\"what\":\"crème\",",     "\"amount\":\"20▁cl\"}],",
                                      "\"steps\":[\"Mélanger\",", "\"Cuire\"],",
                                      "\"minutes\":45}",          NULL };
static const char *const json[] = { "{\"a\":", "1", ",\"b\":", "[true,", "null]", "}", NULL };

static void add_scripts(struct model *m) {
  char word[TOKEN_ROOM];
  script(m, "<|hello|>", hello);
  script(m, "<|think|>", think);
  script(m, "<|tool|>", tool);
  script(m, "<|unicode|>", unicode);
  script(m, "<|json|>", json);
  script(m, "<|both|>", both);
  script(m, "<|wrong|>", wrong);
  script(m, "<|recipe|>", recipe);
  int before = token(m, "<|long|>", CONTROL);
  for (int i = 0; i < LONG; i++) {
    snprintf(word, sizeof word, "w%d▁", i);
    before = next(m, before, word);
  }
  follow(m, before, END);
  int on = next(m, token(m, "<|forever|>", CONTROL), "on▁");
  follow(m, next(m, on, "and▁"), on);
}

static char *read_text(const char *path) {
  enum { MOST = 64 * 1024 };
  FILE *file = fopen(path, "rb");
  char *text = calloc(1, MOST + 1);
  if (!file || !text || !fread(text, 1, MOST, file)) exit(2);
  fclose(file);
  return text;
}

static void make_scripted(struct model *m, const char *template) {
  char *text = read_text(template);
  m->width = 256, m->forward = 32, m->heads = 4, m->layers = 1;
  token(m, "<|im_start|>", CONTROL);
  add_scripts(m);
  add_keys(m, "scripted", text);
  add_tensors(m, fill_output, fill_zeros);
  free(text);
}

static void make_random(struct model *m) {
  char word[TOKEN_ROOM];
  m->width = 1024, m->forward = 2816, m->heads = 8, m->layers = 2;
  token(m, "<|im_start|>", CONTROL);
  for (int i = 0; i < 1000; i++) {
    snprintf(word, sizeof word, "▁word%d", i);
    token(m, word, NORMAL);
  }
  add_keys(m, "random", NULL);
  add_tensors(m, fill_endless_output, fill_random);
}

int main(int argc, char **argv) {
  static struct model m;
  int scripted = argc == 4 && !strcmp(argv[1], "scripted");
  if (!scripted && !(argc == 3 && !strcmp(argv[1], "random"))) {
    fputs("usage: write_model scripted TEMPLATE OUT | write_model random OUT\n", stderr);
    return 2;
  }
  gguf_init(&m.file);
  add_basic_tokens(&m);
  if (scripted) make_scripted(&m, argv[2]);
  else make_random(&m);
  int written = gguf_write(&m.file, argv[argc - 1]);
  gguf_clear(&m.file);
  if (!written) fputs("the model cannot be written\n", stderr);
  return !written;
}
