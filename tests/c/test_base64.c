/* SPDX-License-Identifier: MIT
** test_base64.c - RFC 4648: its own examples, every length, and what is no base64.
*/
#include "../../csrc/core/base64.h"
#include "check.h"
#include "suites.h"

static const struct {
  const char *plain, *coded;
} rows[] = {
  { "", "" },
  { "f", "Zg==" },
  { "fo", "Zm8=" },
  { "foo", "Zm9v" },
  { "foob", "Zm9vYg==" },
  { "fooba", "Zm9vYmE=" },
  { "foobar", "Zm9vYmFy" },
};

static struct ogl_span decode(const char *text, char *out) {
  struct ogl_span s = { out, ogl_base64_decode(text, strlen(text), out) };
  return s;
}

static void test_examples(void) {
  char out[32];
  check_case("base64: the examples of the RFC");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t n = strlen(rows[i].plain);
    struct ogl_span coded = { out, ogl_base64_encode(rows[i].plain, n, out) };
    CHECK_TEXT(coded, rows[i].coded);
    CHECK_INT(coded.n, ogl_base64_encoded(n));
    CHECK_TEXT(decode(rows[i].coded, out), rows[i].plain);
  }
}

static void test_round_trip(void) {
  char bytes[256], coded[400], back[400];
  check_case("base64: all bytes, every length");
  for (int i = 0; i < 256; i++) bytes[i] = (char)(i * 7 + 3);
  for (size_t n = 0; n <= sizeof bytes; n++) {
    size_t c = ogl_base64_encode(bytes, n, coded);
    struct ogl_span want = { bytes, n }, got = { back, ogl_base64_decode(coded, c, back) };
    CHECK_SPAN(got, want);
    CHECK(got.n <= ogl_base64_decoded(c));
  }
}

static void test_loose(void) {
  char out[32];
  check_case("base64: white space and missing padding");
  CHECK_TEXT(decode("Zm9v\r\n Ym\tFy\n", out), "foobar");
  CHECK_TEXT(decode("Zm8", out), "fo");
  CHECK_TEXT(decode("Zg", out), "f");
}

static void test_bad(void) {
  static const char *const bad[] = { "Z", "Zm9vY", "Zm9!", "Zg==Zg==", "Z-_v", "Zm9v\x80" };
  char out[32];
  check_case("base64: what is none");
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    CHECK(ogl_base64_decode(bad[i], strlen(bad[i]), out) == (size_t)-1);
}

void test_base64(void) {
  test_examples();
  test_round_trip();
  test_loose();
  test_bad();
}
