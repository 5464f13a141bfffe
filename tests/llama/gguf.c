/* SPDX-License-Identifier: MIT
** gguf.c - see gguf.h.
*/
#include "gguf.h"

#include <stdio.h>
#include <stdlib.h>

enum { NUMBER = 4, INTEGER = 5, FLOAT = 6, FLAG = 7, TEXT = 8, LIST = 9 };

static void put(struct ogl_buf *b, const void *p, size_t n) {
  if (ogl_buf_append(b, p, n)) exit(2);
}

static void put32(struct ogl_buf *b, uint32_t v) { put(b, &v, sizeof v); }

static void put64(struct ogl_buf *b, uint64_t v) { put(b, &v, sizeof v); }

static void put_text(struct ogl_buf *b, const char *text) {
  put64(b, strlen(text));
  put(b, text, strlen(text));
}

static void key(struct gguf *g, const char *name, uint32_t type) {
  g->n_keys++;
  put_text(&g->keys, name);
  put32(&g->keys, type);
}

static void list(struct gguf *g, const char *name, uint32_t type, size_t n) {
  key(g, name, LIST);
  put32(&g->keys, type);
  put64(&g->keys, n);
}

void gguf_init(struct gguf *g) {
  memset(g, 0, sizeof *g);
  ogl_buf_init(&g->keys, 64 << 20, OGL_ERR_BODY);
  ogl_buf_init(&g->tensors, 64 << 20, OGL_ERR_BODY);
}

void gguf_clear(struct gguf *g) {
  ogl_buf_clear(&g->keys);
  ogl_buf_clear(&g->tensors);
}

void gguf_text(struct gguf *g, const char *name, const char *value) {
  key(g, name, TEXT);
  put_text(&g->keys, value);
}

void gguf_number(struct gguf *g, const char *name, uint32_t value) {
  key(g, name, NUMBER);
  put32(&g->keys, value);
}

void gguf_float(struct gguf *g, const char *name, float value) {
  key(g, name, FLOAT);
  put(&g->keys, &value, sizeof value);
}

void gguf_flag(struct gguf *g, const char *name, int value) {
  char byte = (char)(value != 0);
  key(g, name, FLAG);
  put(&g->keys, &byte, 1);
}

void gguf_texts(struct gguf *g, const char *name, const char *const *values, size_t n) {
  list(g, name, TEXT, n);
  for (size_t i = 0; i < n; i++) put_text(&g->keys, values[i]);
}

void gguf_floats(struct gguf *g, const char *name, const float *values, size_t n) {
  list(g, name, FLOAT, n);
  put(&g->keys, values, n * sizeof *values);
}

void gguf_numbers(struct gguf *g, const char *name, const int32_t *values, size_t n) {
  list(g, name, INTEGER, n);
  put(&g->keys, values, n * sizeof *values);
}

static uint64_t padded(uint64_t n) { return (n + GGUF_ALIGNMENT - 1) / GGUF_ALIGNMENT * GGUF_ALIGNMENT; }

void gguf_tensor(struct gguf *g, const char *name, size_t columns, size_t rows, gguf_fill *fill, void *data) {
  struct gguf_tensor t = { columns, rows, fill, data };
  if (g->n_tensors == GGUF_TENSORS) exit(2);
  g->rows[g->n_tensors++] = t;
  put_text(&g->tensors, name);
  put32(&g->tensors, rows > 1 ? 2 : 1);
  put64(&g->tensors, columns);
  if (rows > 1) put64(&g->tensors, rows);
  put32(&g->tensors, 0); /* the type of 32-bit floats */
  put64(&g->tensors, g->offset);
  g->offset += padded(columns * rows * sizeof(float));
}

static void pad(FILE *file, uint64_t n) {
  while (n++ % GGUF_ALIGNMENT) fputc(0, file);
}

static void write_tensor(FILE *file, const struct gguf_tensor *t) {
  float *row = malloc(t->columns * sizeof *row);
  if (!row) exit(2);
  for (size_t i = 0; i < t->rows; i++) {
    t->fill(t->data, i, row, t->columns);
    fwrite(row, sizeof *row, t->columns, file);
  }
  free(row);
  pad(file, t->columns * t->rows * sizeof *row);
}

int gguf_write(const struct gguf *g, const char *path) {
  uint32_t version = 3;
  FILE *file = fopen(path, "wb");
  if (!file) return 0;
  fwrite("GGUF", 1, 4, file);
  fwrite(&version, sizeof version, 1, file);
  fwrite(&g->n_tensors, sizeof g->n_tensors, 1, file);
  fwrite(&g->n_keys, sizeof g->n_keys, 1, file);
  fwrite(ogl_buf_bytes(&g->keys), 1, g->keys.n, file);
  fwrite(ogl_buf_bytes(&g->tensors), 1, g->tensors.n, file);
  pad(file, 24 + g->keys.n + g->tensors.n);
  for (uint64_t i = 0; i < g->n_tensors; i++) write_tensor(file, &g->rows[i]);
  int failed = ferror(file);
  return fclose(file) == 0 && !failed;
}
