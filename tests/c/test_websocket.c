/* SPDX-License-Identifier: MIT
** test_websocket.c - RFC 6455 as a client reads and writes it: its own examples (section 5.7), what it forbids, the limits; every case
** at once, byte by byte and cut in two at every place.
*/
#include "../../csrc/core/websocket.h"
#include "check.h"
#include "messages.h"
#include "suites.h"

struct row {
  const char *name, *bytes;
  size_t n;
  const char *log;
};

#define ROW(name, bytes, log) \
  { name, bytes, sizeof(bytes) - 1, log }

static const struct row good[] = {
  ROW("a text", "\x81\x05Hello", "text \"Hello\"\nmore\n"),
  ROW("a text in two fragments", "\x01\x03Hel\x80\x02lo", "text \"Hello\"\nmore\n"),
  ROW("ping and pong", "\x89\x05Hello\x8a\x05Hello", "ping \"Hello\"\npong \"Hello\"\nmore\n"),
  ROW("a ping between two fragments", "\x01\x03Hel\x89\x01?\x80\x02lo", "ping \"?\"\ntext \"Hello\"\nmore\n"),
  ROW("bytes", "\x82\x03\x01\x02\x03", "binary \"\\u0001\\u0002\\u0003\"\nmore\n"),
  ROW("bytes in fragments, one of them empty",
      "\x02\x01"
      "a\x00\x00\x80\x01"
      "b",
      "binary \"ab\"\nmore\n"),
  ROW("empty ones", "\x81\x00\x82\x00\x89\x00\x8a\x00\x01\x00\x80\x00",
      "text \"\"\nbinary \"\"\nping \"\"\npong \"\"\ntext \"\"\nmore\n"),
  ROW("a character cut by a fragment", "\x01\x01\xc3\x00\x00\x80\x01\xa9", "text \"\xc3\xa9\"\nmore\n"),
  ROW("two texts at once",
      "\x81\x01"
      "a\x81\x01"
      "b",
      "text \"a\"\ntext \"b\"\nmore\n"),
  ROW("a close",
      "\x88\x05\x03\xe8"
      "bye",
      "close 1000 \"bye\"\nend\n"),
  ROW("a close that says nothing", "\x88\x00", "close 1005 \"\"\nend\n"),
  ROW("what comes behind a close", "\x88\x02\x03\xe9\xff\xff\xff\xff", "close 1001 \"\"\nend\n"),
  ROW("a close between two fragments", "\x01\x03Hel\x88\x02\x03\xf3", "close 1011 \"\"\nend\n"),
  ROW("codes of others", "\x88\x02\x0f\xa0", "close 4000 \"\"\nend\n"),
  ROW("the highest code", "\x88\x02\x13\x87", "close 4999 \"\"\nend\n"),
};

#define PROTOCOL "protocol 1002: "

static const struct row bad[] = {
  ROW("the first reserved bit", "\xc1\x05Hello", PROTOCOL "a reserved bit, of an extension that was not asked for\n"),
  ROW("the second", "\xa1\x00", PROTOCOL "a reserved bit, of an extension that was not asked for\n"),
  ROW("the third", "\x91\x00", PROTOCOL "a reserved bit, of an extension that was not asked for\n"),
  ROW("a masked frame", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
      PROTOCOL "a masked frame: servers do not mask\n"),
  ROW("a kind of data that does not exist", "\x83\x00", PROTOCOL "a frame of a kind that does not exist\n"),
  ROW("a kind of control that does not exist", "\x8b\x00", PROTOCOL "a frame of a kind that does not exist\n"),
  ROW("a ping in fragments", "\x09\x00", PROTOCOL "a control frame in fragments\n"),
  ROW("a long ping", "\x89\x7e\x00\x7e", PROTOCOL "a control frame above 125 bytes\n"),
  ROW("a long close", "\x88\x7f", PROTOCOL "a control frame above 125 bytes\n"),
  ROW("a continuation of nothing", "\x80\x00", PROTOCOL "a continuation of no message\n"),
  ROW("a continuation of a whole text",
      "\x81\x01"
      "a\x80\x00",
      "text \"a\"\n" PROTOCOL "a continuation of no message\n"),
  ROW("a text inside of another",
      "\x01\x01"
      "a\x81\x01"
      "b",
      PROTOCOL "a message inside of another\n"),
  ROW("a length of 125 in two bytes", "\x81\x7e\x00\x7d", PROTOCOL "a length in more bytes than it needs\n"),
  ROW("a length of 65535 in eight bytes", "\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
      PROTOCOL "a length in more bytes than it needs\n"),
  ROW("a length with its highest bit", "\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
      PROTOCOL "a length with its highest bit set\n"),
  ROW("half a code", "\x88\x01\x03", PROTOCOL "a close with half a code\n"),
  ROW("code 999", "\x88\x02\x03\xe7", PROTOCOL "a close with a code that cannot be sent\n"),
  ROW("code 1004", "\x88\x02\x03\xec", PROTOCOL "a close with a code that cannot be sent\n"),
  ROW("code 1005", "\x88\x02\x03\xed", PROTOCOL "a close with a code that cannot be sent\n"),
  ROW("code 1006", "\x88\x02\x03\xee", PROTOCOL "a close with a code that cannot be sent\n"),
  ROW("code 1015", "\x88\x02\x03\xf7", PROTOCOL "a close with a code that cannot be sent\n"),
  ROW("code 2999", "\x88\x02\x0b\xb7", PROTOCOL "a close with a code that cannot be sent\n"),
  ROW("code 5000", "\x88\x02\x13\x88", PROTOCOL "a close with a code that cannot be sent\n"),
  ROW("a reason that is no text", "\x88\x03\x03\xe8\xff", "utf8 1007: a close whose reason is not UTF-8\n"),
  ROW("a text that is none", "\x81\x02\xc3\x28", "utf8 1007: a text that is not UTF-8\n"),
  ROW("a surrogate", "\x81\x03\xed\xa0\x80", "utf8 1007: a text that is not UTF-8\n"),
  ROW("a text that ends inside a character",
      "\x01\x01"
      "a\x80\x01\xc3",
      "utf8 1007: a text that is not UTF-8\n"),
  ROW("a message above the limit", "\x81\x15", "frame 1009: a message above the limit\n"),
  ROW("fragments above the limit",
      "\x01\x0a"
      "0123456789\x00\x0b",
      "frame 1009: a message above the limit\n"),
  ROW("a length above every limit", "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
      "frame 1009: a message above the limit\n"),
};

enum { MAX = 20 }; /* bytes of a message, in the rows */

static void check_way(const struct row *row, size_t first, size_t step) {
  struct ogl_span s = { row->bytes, row->n };
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  messages_run(&log, MAX, s, first, step);
  CHECK_TEXT(ogl_buf_span(&log), row->log);
  ogl_buf_clear(&log);
}

static void check_rows(const struct row *rows, size_t n) {
  for (size_t i = 0; i < n; i++) {
    check_case("websocket: %s", rows[i].name);
    check_way(&rows[i], 0, 0);
    check_way(&rows[i], 0, 1);
    for (size_t at = 1; at < rows[i].n; at++) check_way(&rows[i], at, 0);
  }
}

/* --- lengths ---------------------------------------------------------------------------------------------------- */

/* A frame as a server writes it: what we write, without its mask. Its length. */
static size_t serve(char *out, int kind, struct ogl_span payload) {
  size_t n = ogl_websocket_write(out, kind, payload, "\0\0\0\0"), head = n - payload.n;
  out[1] = (char)(out[1] & 0x7f);
  memmove(out + head - OGL_WEBSOCKET_KEY, out + head, payload.n);
  return n - OGL_WEBSOCKET_KEY;
}

static void test_lengths(void) {
  static const size_t lengths[] = { 0, 1, 125, 126, 127, 65535, 65536, 70000 };
  static char payload[70000], frame[70000 + OGL_WEBSOCKET_HEAD];
  struct ogl_websocket w;
  struct ogl_websocket_item item;
  check_case("websocket: lengths around the forms of a head, there and back");
  memset(payload, 'x', sizeof payload);
  ogl_websocket_init(&w, 0);
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    struct ogl_span s = { payload, lengths[i] };
    size_t n = serve(frame, OGL_WEBSOCKET_BINARY, s), head = lengths[i] < 126 ? 2 : lengths[i] < 65536 ? 4 : 10;
    CHECK_INT(n, lengths[i] + head);
    CHECK_INT(ogl_websocket_feed(&w, frame, n - 1), OGL_OK);
    CHECK_INT(ogl_websocket_next(&w, &item), OGL_MORE);
    CHECK_INT(ogl_websocket_feed(&w, frame + n - 1, 1), OGL_OK);
    CHECK_INT(ogl_websocket_next(&w, &item), OGL_OK);
    CHECK_SPAN(item.data, s);
    CHECK_INT(ogl_websocket_next(&w, &item), OGL_MORE);
    CHECK(w.in.cap <= OGL_WEBSOCKET_KEPT); /* what was large is given back */
  }
  ogl_websocket_clear(&w);
}

/* --- out -------------------------------------------------------------------------------------------------------- */

static void test_written(void) {
  static char out[300 + OGL_WEBSOCKET_HEAD], long_one[300];
  struct ogl_span got = { out, 0 };
  check_case("websocket: the masked examples of the RFC, written");
  got.n = ogl_websocket_write(out, OGL_WEBSOCKET_TEXT, check_span("Hello"), "\x37\xfa\x21\x3d");
  CHECK_TEXT(got, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  got.n = ogl_websocket_write(out, OGL_WEBSOCKET_PONG, check_span("Hello"), "\x37\xfa\x21\x3d");
  CHECK_TEXT(got, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  check_case("websocket: a mask over every length up to 300");
  for (size_t n = 0; n <= sizeof long_one; n++) {
    struct ogl_span s = { long_one, n };
    size_t head = n < 126 ? 6 : 8;
    int wrong = 0;
    for (size_t i = 0; i < n; i++) long_one[i] = (char)(31 * i + n);
    wrong += ogl_websocket_write(out, OGL_WEBSOCKET_BINARY, s, "\x01\x80\xff\x5a") != n + head;
    for (size_t i = 0; i < n; i++) wrong += out[head + i] != (char)(long_one[i] ^ "\x01\x80\xff\x5a"[i % 4]);
    CHECK_INT(wrong, 0);
  }
}

/* --- limits ----------------------------------------------------------------------------------------------------- */

static void test_limits(void) {
  static char block[1 << 20];
  struct ogl_websocket w;
  struct ogl_websocket_item item;
  check_case("websocket: the usual limit, to the byte");
  ogl_websocket_init(&w, 0);
  CHECK_INT(ogl_websocket_feed(&w, "\x82\x7f\x00\x00\x00\x00\x02\x00\x00\x00", 10), OGL_OK);
  for (int mib = 0; mib < OGL_WEBSOCKET_MAX >> 20; mib++) {
    CHECK_INT(ogl_websocket_next(&w, &item), OGL_MORE);
    CHECK_INT(ogl_websocket_feed(&w, block, sizeof block), OGL_OK);
  }
  CHECK_INT(ogl_websocket_next(&w, &item), OGL_OK);
  CHECK_INT(item.data.n, OGL_WEBSOCKET_MAX);
  CHECK_INT(ogl_websocket_feed(&w, "\x82\x7f\x00\x00\x00\x00\x02\x00\x00\x01", 10), OGL_OK);
  CHECK_INT(ogl_websocket_next(&w, &item), OGL_ERR_FRAME);
  CHECK_INT(ogl_websocket_feed(&w, "\x81\x00", 2), OGL_ERR_FRAME); /* it stays */
  CHECK_INT(ogl_websocket_next(&w, &item), OGL_ERR_FRAME);
  ogl_websocket_clear(&w);
  ogl_websocket_clear(&w);
  CHECK_INT(ogl_websocket_next(&w, &item), OGL_ERR_CLOSED);
  check_case("websocket: fed, and never asked for");
  ogl_websocket_init(&w, 0);
  CHECK_INT(ogl_websocket_feed(&w, block, (size_t)OGL_MAX_INPUT + 1), OGL_ERR_FRAME);
  CHECK_INT(w.close_code, 1009);
  ogl_websocket_clear(&w);
}

void test_websocket(void) {
  check_rows(good, sizeof good / sizeof good[0]);
  check_rows(bad, sizeof bad / sizeof bad[0]);
  test_lengths();
  test_written();
  test_limits();
}
