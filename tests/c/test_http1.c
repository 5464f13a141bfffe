/* SPDX-License-Identifier: MIT
** test_http1.c - answers of HTTP/1.1 at every split, what must not be trusted, and the limits.
*/
#include "answers.h"
#include "check.h"
#include "suites.h"

#define OK "HTTP/1.1 200 OK\r\n"

struct row {
  const char *method, *input, *want;
};

static const struct row rows[] = {
  /* by length, by chunks, until the end, none */
  { "GET", OK "Content-Length: 5\r\nX-A:  b \r\n\r\nhello", "200 content-length=5 x-a=b | hello | keep" },
  { "GET", OK "content-length: 0\r\n\r\n", "200 content-length=0 |  | keep" },
  { "GET", OK "transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0b\r\n, and world\r\n0\r\n\r\n",
    "200 transfer-encoding=Chunked | hello, and world | keep" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n2;a=b; c=\"d\"\r\nhi\r\n3  \r\nyou\r\n00\r\nx-t: 1\r\n y\r\n\r\n",
    "200 transfer-encoding=chunked | hiyou | keep" },
  { "GET", OK "\r\nhello", "200 | hello | close" },
  { "GET", OK "\r\n", "200 |  | close" },
  { "HEAD", OK "content-length: 5\r\n\r\n", "200 content-length=5 |  | keep" },
  { "HEAD", OK "transfer-encoding: chunked\r\n\r\n", "200 transfer-encoding=chunked |  | keep" },
  { "GET", "HTTP/1.1 204 No Content\r\n\r\n", "204 |  | keep" },
  { "GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "304 content-length=5 |  | keep" },
  { "CONNECT", "HTTP/1.1 200 Established\r\n\r\nTLS", "200 |  | close+3" },
  { "CONNECT", "HTTP/1.1 407 No\r\ncontent-length: 2\r\n\r\nno", "407 content-length=2 | no | keep" },
  { "GET", "HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n\x81\x01x", "101 upgrade=websocket |  | close+3" },
  /* heads */
  { "GET", "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", "200 content-length=0 |  | keep" },
  { "GET", "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", "200 content-length=0 |  | keep" },
  { "GET", "HTTP/1.1 200 OK\ncontent-length: 2\n\nhi", "200 content-length=2 | hi | keep" },
  { "GET",
    "HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 103 Early\r\ncontent-length: 9\r\n\r\n" OK
    "content-length: 2\r\n\r\nhi",
    "200 content-length=2 | hi | keep" },
  { "GET", OK "a: b\r\n  c\r\n\td\r\ncontent-length: 0\r\n\r\n", "200 a=b c d content-length=0 |  | keep" },
  { "GET", OK "a:\r\nA: \xc3\xa9\tx\r\ncontent-length: 0\r\n\r\n", "200 a= a=\xc3\xa9\tx content-length=0 |  | keep" },
  /* may the connection be kept? */
  { "GET", OK "connection: close\r\ncontent-length: 2\r\n\r\nhi",
    "200 connection=close content-length=2 | hi | close" },
  { "GET", OK "connection: x, Close\r\ncontent-length: 0\r\n\r\n",
    "200 connection=x, Close content-length=0 |  | close" },
  { "GET", OK "connection: close\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
    "200 connection=close connection=keep-alive content-length=0 |  | close" },
  { "GET", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", "200 content-length=2 | hi | close" },
  { "GET", "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nhi",
    "200 connection=Keep-Alive content-length=2 | hi | keep" },
  { "GET", OK "content-length: 2\r\n\r\nhi!!!", "200 content-length=2 | hi | close+3" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n0\r\n\r\nHTTP", "200 transfer-encoding=chunked |  | close+4" },
  { "HEAD", OK "content-length: 2\r\n\r\nhi", "200 content-length=2 |  | close+2" },
  /* two ends: chunks win, and the connection goes */
  { "GET", OK "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "200 content-length=3 transfer-encoding=chunked | hi | close" },
  { "GET", "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "200 connection=keep-alive transfer-encoding=chunked |  | close" },
  { "GET", OK "content-length: 2\r\ncontent-length: 2\r\n\r\nhi", "200 content-length=2 content-length=2 | hi | keep" },
  { "GET", OK "content-length: 2, 2\r\n\r\nhi", "200 content-length=2, 2 | hi | keep" },
  { "GET", OK "content-length: 2\r\ncontent-length: 3\r\n\r\nhi", " | malformed" },
  { "GET", OK "content-length: 2, 3\r\n\r\nhi", " | malformed" },
  { "GET", OK "content-length: +2\r\n\r\nhi", " | malformed" },
  { "GET", OK "content-length: 2 2\r\n\r\nhi", " | malformed" },
  { "GET", OK "content-length: 0x2\r\n\r\nhi", " | malformed" },
  { "GET", OK "content-length: -1\r\n\r\nhi", " | malformed" },
  { "GET", OK "content-length:\r\n\r\nhi", " | malformed" },
  { "GET", OK "content-length: 18446744073709551618\r\n\r\nhi", " | malformed" },
  { "GET", OK "content-length: 9223372036854775807\r\n\r\nhi", " | malformed" },
  { "GET", OK "transfer-encoding: gzip, chunked\r\n\r\n", " | malformed" },
  { "GET", OK "transfer-encoding: chunked, chunked\r\n\r\n", " | malformed" },
  { "GET", OK "transfer-encoding: xchunked\r\n\r\n", " | malformed" },
  { "GET", OK "transfer-encoding : chunked\r\n\r\n", " | malformed" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\nx\r\n", "200 transfer-encoding=chunked |  | malformed" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n2x\r\nhi\r\n", "200 transfer-encoding=chunked |  | malformed" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n-2\r\nhi\r\n", "200 transfer-encoding=chunked |  | malformed" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n\r\n", "200 transfer-encoding=chunked |  | malformed" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n", "200 transfer-encoding=chunked |  | malformed" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n2;a\rb\r\nhi\r\n", "200 transfer-encoding=chunked |  | malformed" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n2\r\nhiX\r\n0\r\n\r\n",
    "200 transfer-encoding=chunked | hi | malformed" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n10000000000000002\r\nhi\r\n",
    "200 transfer-encoding=chunked |  | malformed" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n7fffffffffffffff\r\nhi",
    "200 transfer-encoding=chunked |  | malformed" },
  /* what is no HTTP, or no head */
  { "GET", "", " | closed_early" },
  { "GET", "H", " | cut" },
  { "GET", "HTTP/1.1 2", " | cut" },
  { "GET", "HTTP/1.1 100 Continue\r\n\r\n", " | cut" },
  { "GET", OK "a: b\r\n", " | cut" },
  { "GET", OK "content-length: 3\r\n\r\nhi", "200 content-length=3 | hi | cut" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n", "200 transfer-encoding=chunked | hi | cut" },
  { "GET", OK "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", "200 transfer-encoding=chunked | hi | cut" },
  { "GET", "SSH-2.0-OpenSSH", " | malformed" },
  { "GET", "<", " | malformed" },
  { "GET", "\r\n" OK "\r\n", " | malformed" },
  { "GET", "HTTP/2.0 200 OK\r\n\r\n", " | malformed" },
  { "GET", "HTTP/1.2 200 OK\r\n\r\n", " | malformed" },
  { "GET", "HTTP/1.1 20 OK\r\n\r\n", " | malformed" },
  { "GET", "HTTP/1.1 2000 OK\r\n\r\n", " | malformed" },
  { "GET", "HTTP/1.1 0a0 OK\r\n\r\n", " | malformed" },
  { "GET", OK " a: b\r\n\r\n", " | malformed" },
  { "GET", OK "a b: c\r\n\r\n", " | malformed" },
  { "GET", OK ": c\r\n\r\n", " | malformed" },
  { "GET", OK "abc\r\n\r\n", " | malformed" },
  { "GET", OK "a: b\rc\r\n\r\n", " | malformed" },
};

static void plays(const struct row *row, size_t first, size_t step) {
  struct ogl_http1 h;
  struct ogl_buf log;
  ogl_http1_init(&h, check_span(row->method));
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  answers_play(&log, &h, check_span(row->input), first, step);
  CHECK_TEXT(ogl_buf_span(&log), row->want);
  ogl_http1_clear(&h);
  ogl_http1_clear(&h);
  ogl_buf_clear(&log);
}

static void test_table(void) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    check_case("http1: %.60s -> %s", rows[i].input, rows[i].want);
    plays(&rows[i], 0, 0);
    plays(&rows[i], 0, 1);
    plays(&rows[i], 0, 3);
    for (size_t at = 1; at < strlen(rows[i].input); at++) plays(&rows[i], at, 0);
  }
}

static void test_nul(void) {
  static const char text[] = OK "a: b\0c\r\n\r\n";
  struct ogl_span in = { text, sizeof text - 1 }, body;
  struct ogl_http1 h;
  check_case("http1: a NUL in a header");
  ogl_http1_init(&h, check_span("GET"));
  CHECK_INT(ogl_http1_next(&h, &in, &body), OGL_ERR_MALFORMED);
  CHECK(h.why != NULL);
  CHECK_INT(ogl_http1_next(&h, &in, &body), OGL_ERR_MALFORMED);
  CHECK_INT(ogl_http1_finish(&h), OGL_ERR_MALFORMED);
  ogl_http1_clear(&h);
}

/* The code after `front`, then `line` again and again, until it is no longer OGL_MORE; 0 if it stays so for 64 MiB. */
static int floods(const char *front, const char *line, struct ogl_http1 *h) {
  struct ogl_span in = check_span(front), body;
  ogl_http1_init(h, check_span("GET"));
  int code = ogl_http1_next(h, &in, &body);
  if (code == OGL_HTTP1_HEAD) code = ogl_http1_next(h, &in, &body);
  for (size_t n = 0; n < (size_t)64 << 20 && (code == OGL_MORE || code == OGL_HTTP1_BODY); n += strlen(line)) {
    in = check_span(line);
    do code = ogl_http1_next(h, &in, &body);
    while (code == OGL_HTTP1_BODY || code == OGL_HTTP1_HEAD);
  }
  return code;
}

static void flood(const char *front, const char *line, int want) {
  struct ogl_http1 h;
  check_case("http1: %.40s, then without end %.20s", front, line);
  CHECK_INT(floods(front, line, &h), want);
  CHECK(h.part.cap + h.lines.cap <= 3 * (size_t)OGL_MAX_HEAD);
  ogl_http1_clear(&h);
}

static void test_floods(void) {
  static const char chunked[] = OK "transfer-encoding: chunked\r\n\r\n";
  flood("HTTP/1.1 200 ", "x", OGL_ERR_HEADER);
  flood(OK, "a: b\r\n", OGL_ERR_HEADER);
  flood(OK "a: ", "b", OGL_ERR_HEADER);
  flood(OK "a: b\r\n", " c\r\n", OGL_ERR_HEADER);
  flood("", "HTTP/1.1 100 Continue\r\n\r\n", OGL_ERR_HEADER);
  flood(chunked, "0", OGL_ERR_MALFORMED);
  flood(OK "transfer-encoding: chunked\r\n\r\n1;", "x", OGL_ERR_MALFORMED);
  flood(chunked, "1;0123456789012345678901234567890123456789\r\nx\r\n", OGL_ERR_MALFORMED);
  flood(OK "transfer-encoding: chunked\r\n\r\n0\r\n", "a: b\r\n", OGL_ERR_HEADER);
  flood(chunked, "1\r\nx\r\n", OGL_MORE); /* slow, and honest */
  flood(chunked, "01;a=b\r\nx\r\n", OGL_MORE);
}

static void test_head_limit(void) {
  static char line[OGL_MAX_HEAD];
  struct ogl_http1 h;
  size_t front = strlen(OK "a:"), ends = strlen("\r\n\r\n"), room = sizeof line - front - ends;
  check_case("http1: a head of exactly the limit, and one byte more");
  memset(line, 'x', sizeof line);
  for (size_t more = 0; more < 2; more++) {
    struct ogl_span pieces[3] = { check_span(OK "a:"), { line, room + more }, check_span("\r\n\r\n") }, body;
    int code = OGL_MORE;
    ogl_http1_init(&h, check_span("GET"));
    for (int i = 0; i < 3 && code == OGL_MORE; i++) code = ogl_http1_next(&h, &pieces[i], &body);
    CHECK_INT(code, more ? OGL_ERR_HEADER : OGL_HTTP1_HEAD);
    ogl_http1_clear(&h);
  }
}

static void test_reset(void) {
  struct ogl_http1 h;
  struct ogl_buf log;
  check_case("http1: reset for another answer, after an end and after an error");
  ogl_http1_init(&h, check_span("GET"));
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  answers_play(&log, &h, check_span("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nrest"), 0, 1);
  ogl_http1_reset(&h, check_span("HEAD"));
  answers_play(&log, &h, check_span("nonsense"), 0, 0);
  ogl_http1_reset(&h, check_span("GET"));
  answers_play(&log, &h, check_span("HTTP/1.1 204 No\r\n\r\n"), 0, 1);
  CHECK_TEXT(ogl_buf_span(&log), "200 x-a=b | rest | close | malformed204 |  | keep");
  ogl_http1_clear(&h);
  ogl_buf_clear(&log);
}

static void test_length(void) {
  struct ogl_span in = check_span(OK "content-length: 5\r\n\r\nhel"), body;
  struct ogl_http1 h;
  check_case("http1: the length that was told");
  ogl_http1_init(&h, check_span("GET"));
  CHECK_INT(ogl_http1_length(&h), -1);
  CHECK_INT(ogl_http1_next(&h, &in, &body), OGL_HTTP1_HEAD);
  CHECK_INT(ogl_http1_length(&h), 5);
  CHECK_INT(ogl_http1_next(&h, &in, &body), OGL_HTTP1_BODY);
  CHECK_INT(ogl_http1_length(&h), 5);
  CHECK(!ogl_http1_reusable(&h));
  ogl_http1_clear(&h);
}

void test_http1(void) {
  test_table();
  test_nul();
  test_floods();
  test_head_limit();
  test_reset();
  test_length();
}
