/* SPDX-License-Identifier: MIT
** test_buf.c - ceilings, sticky errors, and that moving the bytes costs a constant a byte.
*/
#include "../../csrc/core/buf.h"
#include "check.h"
#include "suites.h"

static void test_ceiling(void) {
  struct ogl_buf b;
  check_case("buf: the ceiling is exact, and the error sticks");
  ogl_buf_init(&b, 10, OGL_ERR_LINE);
  CHECK_INT(ogl_buf_append(&b, "0123456789", 10), 0);
  CHECK_INT(ogl_buf_byte(&b, 'x'), OGL_ERR_LINE);
  CHECK_TEXT(ogl_buf_span(&b), "0123456789");
  ogl_buf_consume(&b, 5);
  CHECK_INT(ogl_buf_byte(&b, 'x'), OGL_ERR_LINE); /* there is room again, but an append was lost */
  CHECK_INT(ogl_buf_append(&b, "", 0), OGL_ERR_LINE);
  CHECK(ogl_buf_room(&b, 1) == NULL);
  CHECK_TEXT(ogl_buf_span(&b), "56789");
  ogl_buf_reset(&b);
  CHECK_INT(ogl_buf_text(&b, "again"), 0);
  CHECK_TEXT(ogl_buf_span(&b), "again");
  ogl_buf_clear(&b);
}

static void test_ceiling_of_the_rest(void) {
  struct ogl_buf b;
  check_case("buf: the ceiling counts what is unread");
  ogl_buf_init(&b, 8, OGL_ERR_BODY);
  for (int i = 0; i < 1000; i++) {
    CHECK_INT(ogl_buf_append(&b, "abcdefgh", 8), 0);
    CHECK(b.cap <= 256 + 16);
    ogl_buf_consume(&b, 8);
  }
  CHECK_INT(ogl_buf_append(&b, "abcdefghi", 9), OGL_ERR_BODY);
  ogl_buf_clear(&b);
}

static void test_size_of_anything(void) {
  struct ogl_buf b;
  check_case("buf: a size near SIZE_MAX is refused, not wrapped");
  ogl_buf_init(&b, 100, OGL_ERR_FRAME);
  ogl_buf_text(&b, "abc");
  CHECK(ogl_buf_room(&b, SIZE_MAX) == NULL);
  CHECK_INT(b.err, OGL_ERR_FRAME);
  ogl_buf_reset(&b);
  ogl_buf_text(&b, "abc");
  CHECK(ogl_buf_room(&b, SIZE_MAX - 2) == NULL);
  ogl_buf_clear(&b);
}

static void test_empty(void) {
  struct ogl_buf b;
  check_case("buf: empty, cleared, cleared again, used again");
  ogl_buf_init(&b, 100, OGL_ERR_FRAME);
  CHECK_TEXT(ogl_buf_span(&b), "");
  CHECK(ogl_buf_span(&b).p != NULL);
  CHECK_INT(ogl_buf_append(&b, NULL, 0), 0);
  ogl_buf_clear(&b);
  ogl_buf_text(&b, "abc");
  ogl_buf_clear(&b);
  ogl_buf_clear(&b);
  CHECK_INT(b.cap, 0);
  CHECK_INT(ogl_buf_text(&b, "abc"), 0);
  CHECK_TEXT(ogl_buf_span(&b), "abc");
  ogl_buf_clear(&b);
}

static void test_room(void) {
  struct ogl_buf b;
  check_case("buf: room, then what was written of it");
  ogl_buf_init(&b, 100, OGL_ERR_FRAME);
  char *room = ogl_buf_room(&b, 5);
  if (CHECK(room != NULL)) memcpy(room, "hello", 5);
  ogl_buf_grew(&b, 2);
  CHECK_TEXT(ogl_buf_span(&b), "he");
  ogl_buf_text(&b, "y you");
  ogl_buf_truncate(&b, 3);
  ogl_buf_truncate(&b, 50);
  CHECK_TEXT(ogl_buf_span(&b), "hey");
  ogl_buf_clear(&b);
}

/* A queue of `kept` bytes through which `passes` pieces of one byte go. The bytes that slides move must stay within a few
   times the bytes that passed, or a slow reader would pay a square. */
static void slide_cost(size_t kept, size_t passes) {
  struct ogl_buf b;
  size_t moved = 0;
  ogl_buf_init(&b, 1 << 20, OGL_ERR_FRAME);
  for (size_t i = 0; i < kept; i++) ogl_buf_byte(&b, (char)i);
  for (size_t i = 0; i < passes; i++) {
    size_t head = b.head;
    ogl_buf_byte(&b, (char)(kept + i));
    if (b.head < head) moved += b.n;
    if (ogl_buf_bytes(&b)[0] != (char)i) break;
    ogl_buf_consume(&b, 1);
  }
  CHECK_INT(b.n, kept);
  if (kept) CHECK_INT((unsigned char)ogl_buf_bytes(&b)[0], (unsigned char)passes);
  CHECK(moved <= 4 * (passes + kept));
  CHECK(b.cap <= 4 * (kept + 256));
  ogl_buf_clear(&b);
}

static void test_sliding(void) {
  check_case("buf: sliding costs a constant a byte, and the block stays small");
  slide_cost(0, 100000);
  slide_cost(1, 100000);
  slide_cost(255, 200000); /* one below a size of the block: every slide could free a single byte */
  slide_cost(399, 200000);
  slide_cost(1000, 200000);
  slide_cost(60000, 400000);
}

void test_buf(void) {
  test_ceiling();
  test_ceiling_of_the_rest();
  test_size_of_anything();
  test_empty();
  test_room();
  test_sliding();
}
