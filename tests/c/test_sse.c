/* SPDX-License-Identifier: MIT
** test_sse.c - Server-Sent Events against the conformance table of the fixtures, in both modes, at every split;
** and the limits.
*/
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/core/base64.h"
#include "../../csrc/core/json_write.h"
#include "check.h"
#include "files.h"
#include "frames.h"
#include "pick.h"
#include "suites.h"

/* --- the table ------------------------------------------------------------------------------------------------- */

/* What the llm mode gives beyond the standard, behind the frames of the standard, in the cases that have no
   `lenient_eof_expected`. */
static const struct {
  const char *name, *more;
} llm_adds[] = {
  /* the event that the end of input cuts off before its blank line is given, with its id */
  { "wpt/format-data-before-final-empty-line", "event \"message\" \"test2\" id=\"test\" retry=1000\n" },
  { "whatwg/example two+discard", "event \"message\" \"\"\n" },
  { "whatwg/data line then EOF", "event \"message\" \"a\"\n" },
  { "whatwg/no trailing newline", "event \"message\" \"a\"\n" },
  { "esp/mixed comments", "event \"message\" \"5\"\n" },
  { "es-stream/populate", "event \"message\" \"ignored\" id=\"my-id\" retry=42\n" },
  /* JSON outside any field */
  { "esp/json error body, no sse",
    "bare \"message\" \"{\\\"error\\\":\\\"Internal Server Error\\\",\\\"message\\\":\\\"x\\\"}\"\n" },
  { "llm/gemini bare json error after sse", "bare \"message\" \"{\\n  \\\"error\\\": {\\n    \\\"code\\\": 499,\\n    "
                                            "\\\"status\\\": \\\"CANCELLED\\\"\\n  }\\n}\"\n" },
  /* a line `error: …` */
  { "llm/error field line (llama.cpp, gpustack)",
    "error \"message\" \"{\\\"code\\\":500,\\\"message\\\":\\\"failed to decode\\\"}\"\n" },
};

static const char *llm_addition(struct ogl_span name) {
  for (size_t i = 0; i < sizeof llm_adds / sizeof llm_adds[0]; i++)
    if (ogl_span_equal(name, llm_adds[i].name, strlen(llm_adds[i].name))) return llm_adds[i].more;
  return "";
}

/* One line of the expected frames, as frames_add writes them. */
static void expect_event(struct ogl_buf *log, struct ogl_buf *scratch, struct ogl_span event) {
  struct ogl_span type = pick_text(scratch, event, "event"), data = pick_text(scratch, event, "data"),
                  id = pick_text(scratch, event, "id");
  int64_t retry = pick_integer(event, "retry", -1);
  ogl_buf_text(log, "event ");
  ogl_json_write_string(log, type.p, type.n);
  ogl_buf_byte(log, ' ');
  ogl_json_write_string(log, data.p, data.n);
  if (id.n) ogl_buf_text(log, " id="), ogl_json_write_string(log, id.p, id.n);
  if (retry >= 0) ogl_buf_text(log, " retry="), ogl_json_write_integer(log, retry);
  ogl_buf_byte(log, '\n');
}

static void expect(struct ogl_buf *log, struct ogl_buf *scratch, struct ogl_span events, const char *more) {
  struct ogl_json j;
  struct ogl_span event;
  ogl_buf_reset(log);
  for (pick_open(&j, events); pick_next(&j, &event);) expect_event(log, scratch, event);
  ogl_buf_text(log, more);
  ogl_buf_text(log, "end\n");
}

static int plays(struct ogl_span input, int mode, size_t first, size_t step, struct ogl_span want) {
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  frames_run(&log, "text/event-stream", mode, input, first, step);
  int same = CHECK_SPAN(ogl_buf_span(&log), want);
  ogl_buf_clear(&log);
  return same;
}

/* Whole, byte by byte, and at every split in two. */
static void play_all(struct ogl_span input, int mode, struct ogl_span want) {
  if (!plays(input, mode, 0, 0, want) || !plays(input, mode, 0, 1, want)) return;
  for (size_t at = 1; at < input.n; at++)
    if (!plays(input, mode, at, 0, want)) return;
}

static struct ogl_span decoded(struct ogl_buf *scratch, struct ogl_span coded) {
  char *room = ogl_buf_room(scratch, ogl_base64_decoded(coded.n) + 1);
  if (!room) abort();
  struct ogl_span s = { room, ogl_base64_decode(coded.p, coded.n, room) };
  ogl_buf_grew(scratch, s.n);
  return s;
}

/* The pieces that the case says, and the last id and reconnection time that stay behind. */
static void play_chunks(struct ogl_buf *scratch, struct ogl_span row, struct ogl_span input, struct ogl_span want) {
  struct ogl_framer f;
  struct ogl_buf log;
  struct ogl_json j;
  struct ogl_span chunks = pick(row, "chunks"), raw, final = pick(row, "final"), end = { "", 0 };
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_framer_init(&f, NULL, OGL_SSE_WHATWG);
  if (!chunks.n) ogl_framer_feed(&f, input.p, input.n);
  for (pick_open(&j, chunks); chunks.n && pick_next(&j, &raw);) {
    struct ogl_span piece = decoded(scratch, pick_unescape(scratch, raw));
    struct ogl_frame frame;
    ogl_framer_feed(&f, piece.p, piece.n);
    while (ogl_framer_next(&f, &frame) == OGL_OK) frames_add(&log, &frame, &f);
  }
  frames_play(&log, &f, end, 0, 0);
  CHECK_SPAN(ogl_buf_span(&log), want);
  if (f.framing == OGL_FRAMING_SSE) { /* not where there was no byte */
    CHECK_SPAN(ogl_buf_span(&f.u.sse.id), pick_text(scratch, final, "last_event_id"));
    CHECK_INT(f.u.sse.retry, pick_integer(final, "retry", -1));
  }
  ogl_framer_clear(&f);
  ogl_buf_clear(&log);
}

static void check_row(struct ogl_span row) {
  struct ogl_buf scratch, log;
  ogl_buf_init(&scratch, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_room(&scratch, 4 * row.n + 4096); /* the texts picked into it must not move */
  struct ogl_span name = pick_text(&scratch, row, "name"), lenient = pick(row, "lenient_eof_expected");
  struct ogl_span input = decoded(&scratch, pick_text(&scratch, row, "input_base64"));

  check_case("sse: whatwg %.*s", (int)name.n, name.p);
  expect(&log, &scratch, pick(row, "expected"), "");
  play_all(input, OGL_SSE_WHATWG, ogl_buf_span(&log));
  play_chunks(&scratch, row, input, ogl_buf_span(&log));

  check_case("sse: llm %.*s", (int)name.n, name.p);
  expect(&log, &scratch, lenient.n ? lenient : pick(row, "expected"), llm_addition(name));
  play_all(input, OGL_SSE_LLM, ogl_buf_span(&log));
  ogl_buf_clear(&scratch);
  ogl_buf_clear(&log);
}

static void test_table(void) {
  struct ogl_buf all;
  struct ogl_json j;
  struct ogl_span row;
  const char *path = files_shared("fixtures/sse_cases.json");
  ogl_buf_init(&all, OGL_MAX_BODY, OGL_ERR_BODY);
  if (!files_read(path, &all)) check_skip("sse: conformance table (no %s)", path);
  else
    for (pick_open(&j, ogl_buf_span(&all)); pick_next(&j, &row);) check_row(row);
  ogl_buf_clear(&all);
}

/* --- what the table does not say --------------------------------------------------------------------------------- */

static const struct {
  const char *what, *input, *frames;
} llm_cases[] = {
  { "bare JSON ends where its braces do, not at those in a string", "{\"a\":\"}\\\"}\",\n\"b\":[{}]\n}\ndata: x\n\n",
    "bare \"message\" \"{\\\"a\\\":\\\"}\\\\\\\"}\\\",\\n\\\"b\\\":[{}]\\n}\"\nevent \"message\" \"x\"\nend\n" },
  { "bare JSON that never ends gives way to a field", "{\n  \"a\": 1,\ndata: x\n\n",
    "bare \"message\" \"{\\n  \\\"a\\\": 1,\"\nevent \"message\" \"x\"\nend\n" },
  { "bare JSON that never ends is given at the end of input", "{\n  \"a\": 1",
    "bare \"message\" \"{\\n  \\\"a\\\": 1\"\nend\n" },
  { "bare JSON right behind data comes after that event", "data: x\n{\"a\":1}\ndata: y\n\n",
    "event \"message\" \"x\"\nbare \"message\" \"{\\\"a\\\":1}\"\nevent \"message\" \"y\"\nend\n" },
  { "an error line right behind data comes after that event", "data: x\r\nerror: {}\r\n\r\n",
    "event \"message\" \"x\"\nerror \"message\" \"{}\"\nend\n" },
  { "an error line without a value is nothing", "error:\nerror\n\n", "end\n" },
  { "an array in brackets is JSON too", "[1,\n2]\n", "bare \"message\" \"[1,\\n2]\"\nend\n" },
  { "the event type goes with the first frame", "event: a\ndata: x\n\ndata: y\n\n",
    "event \"a\" \"x\"\nevent \"message\" \"y\"\nend\n" },
  { "CRLF is one line end, also where it is cut", "data: a\r\ndata: b\r\n\r\ndata\r\n\r\n",
    "event \"message\" \"a\\nb\"\nevent \"message\" \"\"\nend\n" },
  { "CR alone is one, and LF CR are two", "data: a\rdata: b\r\rdata: c\n\r",
    "event \"message\" \"a\\nb\"\nevent \"message\" \"c\"\nend\n" },
  { "an id lives on, also from an event without data, and goes with an empty one",
    "id: 1\n\ndata: a\n\ndata: b\n\nid\ndata: c\n\nid: x\ndata: d\nid: y\n\n",
    "event \"message\" \"a\" id=\"1\"\nevent \"message\" \"b\" id=\"1\"\nevent \"message\" \"c\"\n"
    "event \"message\" \"d\" id=\"y\"\nend\n" },
  { "a reconnection time is digits and nothing else", "retry: 10\nretry: 1x\nretry:\nretry: -1\ndata: a\n\n",
    "event \"message\" \"a\" retry=10\nend\n" },
  { "the standard's examples of data", "data\n\ndata\ndata\n\ndata:\n:x\ndata:  y\n\n",
    "event \"message\" \"\"\nevent \"message\" \"\\n\"\nevent \"message\" \"\\n y\"\nend\n" },
  { "a cut field name at the end of input is nothing", "data: x\n\ndat", "event \"message\" \"x\"\nend\n" },
  { "a cut data line at the end of input counts", "data: x\ndata", "event \"message\" \"x\\n\"\nend\n" },
};

static void test_llm(void) {
  for (size_t i = 0; i < sizeof llm_cases / sizeof llm_cases[0]; i++) {
    check_case("sse: llm, %s", llm_cases[i].what);
    play_all(check_span(llm_cases[i].input), OGL_SSE_LLM, check_span(llm_cases[i].frames));
  }
}

static void test_whatwg_ignores(void) {
  check_case("sse: whatwg gives none of what the llm mode adds");
  for (size_t i = 0; i < 3; i++)
    play_all(check_span(llm_cases[i].input), OGL_SSE_WHATWG,
             check_span(i < 2 ? "event \"message\" \"x\"\nend\n" : "end\n"));
}

static void test_feed_before_next(void) {
  struct ogl_framer f;
  struct ogl_buf log;
  static const char text[] = "data: a\ndata: b\n\nevent: t\ndata: c\n\n";
  struct ogl_span end = { "", 0 };
  check_case("sse: everything fed before the first frame is asked for");
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_framer_init(&f, "text/event-stream", OGL_SSE_LLM);
  for (size_t i = 0; i < sizeof text - 1; i++) CHECK_INT(ogl_framer_feed(&f, text + i, 1), OGL_OK);
  frames_play(&log, &f, end, 0, 0);
  CHECK_TEXT(ogl_buf_span(&log), "event \"message\" \"a\\nb\"\nevent \"t\" \"c\"\nend\n");
  ogl_framer_clear(&f);
  ogl_framer_clear(&f);
  ogl_buf_clear(&log);
}

static void test_last_id(void) {
  struct ogl_sse s;
  struct ogl_frame frame;
  check_case("sse: a blank line makes an id the last one, with data or without; the end of input does not");
  ogl_sse_init(&s, OGL_SSE_WHATWG);
  ogl_sse_feed(&s, "id: 1\n\nid: 2\n", 13);
  ogl_sse_finish(&s);
  CHECK_INT(ogl_sse_next(&s, &frame), OGL_MORE);
  CHECK_TEXT(ogl_buf_span(&s.id), "1");
  ogl_sse_clear(&s);
}

/* --- limits ---------------------------------------------------------------------------------------------------- */

/* Feeds `total` bytes 'x' behind `head`; the first code that is no OGL_OK or OGL_MORE. */
static int pour(struct ogl_sse *s, const char *head, size_t total) {
  static char block[1 << 20];
  struct ogl_frame frame;
  memset(block, 'x', sizeof block);
  int code = ogl_sse_feed(s, head, strlen(head));
  for (size_t n; total && code >= 0; total -= n) {
    n = total < sizeof block ? total : sizeof block;
    if ((code = ogl_sse_feed(s, block, n)) >= 0) code = ogl_sse_next(s, &frame);
  }
  return code;
}

static void test_line_limit(void) {
  struct ogl_sse s;
  struct ogl_frame frame;
  check_case("sse: a line of the limit passes, one more byte does not, and the error sticks");
  ogl_sse_init(&s, OGL_SSE_LLM);
  CHECK_INT(pour(&s, "data: ", OGL_MAX_LINE - 6), OGL_MORE);
  CHECK_INT(ogl_sse_feed(&s, "\n\n", 2), OGL_OK);
  CHECK(ogl_sse_next(&s, &frame) == OGL_OK && frame.data.n == OGL_MAX_LINE - 6);
  CHECK_INT(pour(&s, "data: ", OGL_MAX_LINE - 5), OGL_ERR_LINE);
  CHECK_INT(ogl_sse_feed(&s, "\n\n", 2), OGL_ERR_LINE);
  CHECK_INT(ogl_sse_next(&s, &frame), OGL_ERR_LINE);
  ogl_sse_clear(&s);
  ogl_sse_clear(&s);
}

static void test_frame_limit(void) {
  struct ogl_sse s;
  int code = OGL_MORE;
  check_case("sse: many lines of one event pass the limit of a frame");
  ogl_sse_init(&s, OGL_SSE_LLM);
  for (int mib = 0; mib < OGL_MAX_FRAME >> 20 && code >= 0; mib++) {
    code = pour(&s, mib ? "\ndata:" : "data:", 1 << 20);
    CHECK_INT(code, OGL_MORE);
  }
  CHECK_INT(pour(&s, "\n", 1), OGL_ERR_FRAME); /* the last line was open; the joints count too */
  ogl_sse_clear(&s);
}

static void test_bare_limit(void) {
  struct ogl_sse s;
  int code = OGL_MORE, mib = 0;
  check_case("sse: bare JSON that never ends passes the limit of a frame");
  ogl_sse_init(&s, OGL_SSE_LLM);
  CHECK_INT(pour(&s, "{", 0), OGL_OK);
  while (mib <= (OGL_MAX_FRAME >> 20) + 1 && code >= 0) code = pour(&s, "\n", 1 << 20), mib++;
  CHECK_INT(code, OGL_ERR_FRAME);
  CHECK(mib >= OGL_MAX_FRAME >> 20);
  ogl_sse_clear(&s);
}

static void test_input_limit(void) {
  struct ogl_sse s;
  check_case("sse: more input than the limit is refused before a byte of it is read");
  ogl_sse_init(&s, OGL_SSE_LLM);
  CHECK_INT(ogl_sse_feed(&s, "x", (size_t)OGL_MAX_INPUT + 1), OGL_ERR_FRAME);
  CHECK_INT(ogl_sse_feed(&s, "x", 1), OGL_ERR_FRAME);
  ogl_sse_clear(&s);
}

static void test_memory(void) {
  struct ogl_sse s;
  struct ogl_frame frame;
  static const char event[] = "data: 0123456789\n\n";
  size_t frames = 0;
  check_case("sse: an endless stream needs no more memory than a piece of it");
  ogl_sse_init(&s, OGL_SSE_LLM);
  for (int i = 0; i < 100000; i++) {
    ogl_sse_feed(&s, event, sizeof event - 1);
    while (ogl_sse_next(&s, &frame) == OGL_OK) frames++;
  }
  CHECK_INT(frames, 100000);
  CHECK(s.in.cap + s.data.cap + s.event.cap + s.id.cap + s.bare.cap < 2000);
  ogl_sse_clear(&s);
}

void test_sse(void) {
  test_table();
  test_llm();
  test_whatwg_ignores();
  test_feed_before_next();
  test_last_id();
  test_line_limit();
  test_frame_limit();
  test_bare_limit();
  test_input_limit();
  test_memory();
}
