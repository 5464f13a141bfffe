/* SPDX-License-Identifier: MIT
** test_ndjson.c - lines of JSON against the conformance table of the fixtures, at every split; and the limits.
*/
#include <stdlib.h>

#include "../../csrc/core/base64.h"
#include "../../csrc/core/ndjson.h"
#include "check.h"
#include "files.h"
#include "pick.h"
#include "suites.h"

/* How the bytes are fed: `first`, then `step` (0: all that is left), or the pieces of a JSON array in base64. */
struct feeding {
  size_t first, step;
  struct ogl_span chunks;
};

/* The values so far, against the next of the expected ones. */
struct verdict {
  struct ogl_json expected;
  int same;
};

/* {"_error": true} stands for a line that is no JSON. The framer gives the line as it is: what to do about it is the
   decoder's to say. */
static int is_expected(struct ogl_span line, struct ogl_span want) {
  int good = ogl_json_check(line.p, line.n) == OGL_OK;
  return pick_is_true(want, "_error") ? !good : good && pick_same(line, want);
}

static void drain(struct ogl_ndjson *s, struct verdict *v) {
  struct ogl_frame frame;
  struct ogl_span want;
  while (ogl_ndjson_next(s, &frame) == OGL_OK)
    if (!pick_next(&v->expected, &want) || !is_expected(frame.data, want)) v->same = 0;
}

static void feed(struct ogl_ndjson *s, struct verdict *v, const char *p, size_t n) {
  char *copy = malloc(n ? n : 1);
  if (!copy) abort();
  if (n) memcpy(copy, p, n);
  ogl_ndjson_feed(s, copy, n);
  free(copy);
  drain(s, v);
}

static void feed_chunks(struct ogl_ndjson *s, struct verdict *v, struct ogl_span chunks) {
  struct ogl_json j;
  struct ogl_span raw;
  for (pick_open(&j, chunks); pick_next(&j, &raw);) {
    char bytes[256];
    size_t n = raw.n / 4 * 3 + 3 <= sizeof bytes ? ogl_base64_decode(raw.p + 1, raw.n - 2, bytes) : 0;
    feed(s, v, bytes, n);
  }
}

static int plays(struct ogl_span input, struct ogl_span expected, struct feeding way) {
  struct ogl_ndjson s;
  struct verdict v;
  struct ogl_span none;
  v.same = 1;
  pick_open(&v.expected, expected);
  ogl_ndjson_init(&s);
  if (way.chunks.n) feed_chunks(&s, &v, way.chunks);
  else
    for (size_t at = 0, n = way.first ? way.first : way.step; at < input.n; at += n, n = way.step) {
      if (n == 0 || n > input.n - at) n = input.n - at;
      feed(&s, &v, input.p + at, n);
    }
  ogl_ndjson_finish(&s);
  drain(&s, &v);
  ogl_ndjson_clear(&s);
  return CHECK(v.same) && CHECK(!pick_next(&v.expected, &none));
}

static void check_row(struct ogl_span row) {
  struct ogl_buf scratch;
  ogl_buf_init(&scratch, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_room(&scratch, 4 * row.n);
  struct ogl_span name = pick_text(&scratch, row, "name"), coded = pick_text(&scratch, row, "input_base64");
  struct ogl_span expected = pick(row, "expected"), none = { "", 0 };
  char *bytes = malloc(ogl_base64_decoded(coded.n));
  if (!bytes) abort();
  struct ogl_span input = { bytes, ogl_base64_decode(coded.p, coded.n, bytes) };
  struct feeding whole = { 0, 0, none }, each = { 0, 1, none }, said = { 0, 0, pick(row, "chunks") };
  /* a line of 256 KiB is compared with its value each time: every 997th split of it will do */
  size_t stride = input.n > 65536 ? 997 : 1;
  check_case("ndjson: %.*s", (int)name.n, name.p);
  plays(input, expected, whole);
  plays(input, expected, each);
  plays(input, expected, said);
  for (size_t at = 1; at < input.n; at += stride) {
    struct feeding split = { at, 0, none };
    if (!plays(input, expected, split)) break;
  }
  free(bytes);
  ogl_buf_clear(&scratch);
}

static void test_table(void) {
  struct ogl_buf all;
  struct ogl_json j;
  struct ogl_span row;
  const char *path = files_shared("fixtures/ndjson_cases.json");
  ogl_buf_init(&all, OGL_MAX_BODY, OGL_ERR_BODY);
  if (!files_read(path, &all)) check_skip("ndjson: conformance table (no %s)", path);
  else
    for (pick_open(&j, ogl_buf_span(&all)); pick_next(&j, &row);) check_row(row);
  ogl_buf_clear(&all);
}

static void test_own(void) {
  struct ogl_span none = { "", 0 };
  static const char text[] = "\xef\xbb\xbf \r\n\t{\"a\":1} \r\n\n[2]\r\n3";
  struct ogl_span input = { text, sizeof text - 1 };
  check_case("ndjson: mark, blanks, CR and a last line without an end, at every split");
  for (size_t at = 0; at < sizeof text - 1; at++) {
    struct feeding split = { at, 0, none };
    plays(input, check_span("[{\"a\":1},[2],3]"), split);
  }
}

static void test_limits(void) {
  static char block[1 << 20];
  struct ogl_ndjson s;
  struct ogl_frame frame;
  int code = OGL_MORE;
  check_case("ndjson: a line above the limit, and input above it");
  memset(block, 'x', sizeof block);
  ogl_ndjson_init(&s);
  for (int mib = 0; mib < OGL_MAX_LINE >> 20; mib++) {
    ogl_ndjson_feed(&s, block, sizeof block);
    CHECK_INT(code = ogl_ndjson_next(&s, &frame), OGL_MORE);
  }
  CHECK_INT(ogl_ndjson_feed(&s, "x", 1), OGL_OK);
  CHECK_INT(ogl_ndjson_next(&s, &frame), OGL_ERR_LINE);
  CHECK_INT(ogl_ndjson_feed(&s, "\n", 1), OGL_ERR_LINE);
  ogl_ndjson_clear(&s);
  ogl_ndjson_clear(&s);
  ogl_ndjson_init(&s);
  CHECK_INT(ogl_ndjson_feed(&s, "x", (size_t)OGL_MAX_INPUT + 1), OGL_ERR_FRAME);
  CHECK_INT(ogl_ndjson_next(&s, &frame), OGL_ERR_FRAME);
  ogl_ndjson_clear(&s);
}

void test_ndjson(void) {
  test_table();
  test_own();
  test_limits();
}
