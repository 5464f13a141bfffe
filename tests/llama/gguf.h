/* SPDX-License-Identifier: MIT
** gguf.h - writes a GGUF file: keys and values, then tensors of floats.
**
** Life: `init`, the keys in any order, the tensors, `write`, `clear`. The floats of a tensor are made while the file is written, row by
** row, so that a large model takes no memory here. Memory that runs out ends the program: it is a tool of tests.
**
** Source: github.com/ggml-org/ggml docs/gguf.md.
*/
#ifndef GGUF_H
#define GGUF_H

#include "../../csrc/core/buf.h"

enum { GGUF_TENSORS = 256, GGUF_ALIGNMENT = 32 };

/* Fills a row of a tensor. */
typedef void gguf_fill(void *data, size_t row, float *to, size_t n);

struct gguf_tensor {
  size_t columns, rows;
  gguf_fill *fill;
  void *data;
};

struct gguf {
  struct ogl_buf keys, tensors;
  uint64_t n_keys, n_tensors, offset;
  struct gguf_tensor rows[GGUF_TENSORS];
};

void gguf_init(struct gguf *g);
void gguf_clear(struct gguf *g);

void gguf_text(struct gguf *g, const char *key, const char *value);
void gguf_number(struct gguf *g, const char *key, uint32_t value);
void gguf_float(struct gguf *g, const char *key, float value);
void gguf_flag(struct gguf *g, const char *key, int value);
void gguf_texts(struct gguf *g, const char *key, const char *const *values, size_t n);
void gguf_floats(struct gguf *g, const char *key, const float *values, size_t n);
void gguf_numbers(struct gguf *g, const char *key, const int32_t *values, size_t n);

/* A tensor of `rows` rows, 1 for a vector. */
void gguf_tensor(struct gguf *g, const char *name, size_t columns, size_t rows, gguf_fill *fill, void *data);

/* 1; 0 where the file cannot be written. */
int gguf_write(const struct gguf *g, const char *path);

#endif
