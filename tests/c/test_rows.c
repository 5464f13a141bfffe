/* SPDX-License-Identifier: MIT
** test_rows.c - arrays that grow: rows stay what they are, room doubles and stops at the most rows. (test_oom.c has arrays without
** memory.)
*/
#include "../../csrc/core/rows.h"
#include "check.h"
#include "suites.h"

struct list {
  int *rows;
  size_t n, cap;
};

/* Appends a number; 0, or the error. */
static int add(struct list *l, int value, size_t most) {
  int err = 0;
  void *rows = ogl_rows_grown(l->rows, l->n + 1, &l->cap, sizeof *l->rows, most, &err);
  if (!rows) return err;
  l->rows = rows;
  l->rows[l->n++] = value;
  return 0;
}

static void test_growth(void) {
  struct list l = { NULL, 0, 0 };
  check_case("rows: they stay, and room doubles up to the most");
  for (int i = 0; i < 100; i++) CHECK_INT(add(&l, i, 100), 0);
  for (int i = 0; i < 100; i++) CHECK_INT(l.rows[i], i);
  CHECK_INT(l.cap, 100);
  CHECK_INT(add(&l, 100, 100), OGL_ERR_PARTS);
  CHECK_INT(add(&l, 100, 100), OGL_ERR_PARTS);
  CHECK(l.n == 100 && l.cap == 100 && l.rows[99] == 99);
  CHECK_INT(add(&l, 100, 1000), 0);
  CHECK_INT(l.cap, 200);
  ogl_free(l.rows);
}

static void test_many_at_once(void) {
  size_t cap = 0;
  int err = 0;
  check_case("rows: room for many at once");
  void *rows = ogl_rows_grown(NULL, 37, &cap, 8, 1000, &err);
  CHECK(rows != NULL && cap == 37 && err == 0);
  CHECK(ogl_rows_grown(rows, 12, &cap, 8, 1000, &err) == rows);
  CHECK(ogl_rows_grown(rows, 1001, &cap, 8, 1000, &err) == NULL);
  CHECK(err == OGL_ERR_PARTS && cap == 37);
  ogl_free(rows);
}

void test_rows(void) {
  test_growth();
  test_many_at_once();
}
