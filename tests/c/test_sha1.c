/* SPDX-License-Identifier: MIT
** test_sha1.c - the standard's examples, every length around a block against each other's padding, and the RFC's handshake.
*/
#include "../../csrc/core/sha1.h"
#include "../../csrc/core/websocket.h"
#include "check.h"
#include "suites.h"

static const struct {
  const char *text, *hex;
} rows[] = {
  { "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
  { "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
  { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
  { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
    "a49b2446a02c645bf419f995b67091253a04a259" },
};

/* 'a' so many times: what sha1sum says. */
static const struct {
  size_t n;
  const char *hex;
} lengths[] = {
  { 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a" }, { 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
  { 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5" }, { 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d" },
  { 65, "11655326c708d70319be2610e8a57d9a5b959d3b" }, { 1000, "291e9a6c66994949b57ba5e650361e98fc36b1ba" },
};

static void check_hash(const char *p, size_t n, const char *hex) {
  static const char digits[] = "0123456789abcdef";
  char hash[OGL_SHA1_BYTES], shown[2 * OGL_SHA1_BYTES + 1] = { 0 };
  ogl_sha1(p, n, hash);
  for (size_t i = 0; i < sizeof hash; i++) {
    shown[2 * i] = digits[(unsigned char)hash[i] >> 4];
    shown[2 * i + 1] = digits[hash[i] & 15];
  }
  CHECK_TEXT(check_span(shown), hex);
}

void test_sha1(void) {
  static char as[1000];
  char accept[OGL_WEBSOCKET_ACCEPT];
  struct ogl_span got = { accept, sizeof accept };
  memset(as, 'a', sizeof as);
  check_case("sha1: the examples of the standard");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_hash(rows[i].text, strlen(rows[i].text), rows[i].hex);
  check_case("sha1: lengths around the end of a block");
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) check_hash(as, lengths[i].n, lengths[i].hex);
  check_case("sha1: the handshake of RFC 6455, section 1.3");
  ogl_websocket_accept(check_span("dGhlIHNhbXBsZSBub25jZQ=="), accept);
  CHECK_TEXT(got, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
