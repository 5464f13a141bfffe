/* SPDX-License-Identifier: MIT
** test_frame.c - which framing a body gets, at every split of its first bytes; repair; the ceiling of a whole body.
*/
#include "check.h"
#include "frames.h"
#include "suites.h"

static const struct {
  const char *what, *type, *input, *frames;
} cases[] = {
  { "a stream by its type", "text/event-stream; charset=utf-8", "x\ndata: a\n\n", "event \"message\" \"a\"\nend\n" },
  { "a stream by its type, in capitals", "Text/Event-Stream", "data: a\n\n", "event \"message\" \"a\"\nend\n" },
  { "a stream by its first field", "application/json", "data: a\n\n", "event \"message\" \"a\"\nend\n" },
  { "each field, without a type", NULL, "event: e\ndata: a\n\n", "event \"e\" \"a\"\nend\n" },
  { "an id", NULL, "id: 7\ndata: a\n\n", "event \"message\" \"a\" id=\"7\"\nend\n" },
  { "a reconnection time", NULL, "retry: 7\ndata: a\n\n", "event \"message\" \"a\" retry=7\nend\n" },
  { "a comment", "text/plain", ": hello\n\ndata: a\n\n", "event \"message\" \"a\"\nend\n" },
  { "blanks before the first field", NULL, "\r\n\n data\ndata: a\n\n",
    "whole \"message\" \"\\r\\n\\n data\\ndata: a\\n\\n\"\nend\n" },
  { "blank lines before the first field", NULL, "\r\n\ndata: a\n\n", "event \"message\" \"a\"\nend\n" },
  { "a mark before the first field", NULL,
    "\xef\xbb\xbf"
    "data: a\n\n",
    "event \"message\" \"a\"\nend\n" },
  { "a whole body", "application/json", "{\"a\":1}", "whole \"message\" \"{\\\"a\\\":1}\"\nend\n" },
  { "a whole body without a type", NULL, "[1]\n", "whole \"message\" \"[1]\\n\"\nend\n" },
  { "a whole body with a mark", "application/json", "\xef\xbb\xbf{}", "whole \"message\" \"{}\"\nend\n" },
  { "an array of objects", "application/json", " [ {\"a\":[1]} ,\n{}]\n",
    "event \"message\" \"{\\\"a\\\":[1]}\"\nevent \"message\" \"{}\"\nend\n" },
  { "an array of objects without a type, with a mark", NULL, "\xef\xbb\xbf[\r\n{}", "event \"message\" \"{}\"\nend\n" },
  { "an array of objects that is called ndjson", "application/x-ndjson", "[{\n}]\n",
    "event \"message\" \"{\\n}\"\nend\n" },
  { "an empty array", NULL, "[ ]", "whole \"message\" \"[ ]\"\nend\n" },
  { "a bracket alone", NULL, "[ ", "whole \"message\" \"[ \"\nend\n" },
  { "a bracket that is no JSON", "text/plain", "[ERROR] x", "whole \"message\" \"[ERROR] x\"\nend\n" },
  { "half a mark is a body", NULL, "\xef\xbb", "whole \"message\" \"\xef\xbf\xbd\"\nend\n" },
  { "half a field is a body", NULL, "dat", "whole \"message\" \"dat\"\nend\n" },
  { "HTML", "text/html", "<html>", "whole \"message\" \"<html>\"\nend\n" },
  { "lines of JSON", "application/x-ndjson", "{\"a\":1}\n{}\n",
    "event \"message\" \"{\\\"a\\\":1}\"\nevent \"message\" \"{}\"\nend\n" },
  { "lines of JSON, another name", "application/jsonl", "\n[1]\n2",
    "event \"message\" \"[1]\"\nevent \"message\" \"2\"\nend\n" },
  { "a stream that is called ndjson", "application/x-ndjson", "data: a\n\n", "event \"message\" \"a\"\nend\n" },
  { "the word behind the semicolon does not count", "text/plain; x=event-stream", "x",
    "whole \"message\" \"x\"\nend\n" },
  { "nothing", NULL, "", "end\n" },
  { "nothing of a stream", "text/event-stream", "", "end\n" },
  { "blanks alone", "application/json", " \n\t", "whole \"message\" \" \\n\\t\"\nend\n" },
  { "repair of data", NULL, "data: a\xff\n\n", "event \"message\" \"a\xef\xbf\xbd\"\nend\n" },
  { "repair of a type", NULL, "event: \xc3\ndata: ok\n\n", "event \"\xef\xbf\xbd\" \"ok\"\nend\n" },
  { "repair of both", NULL, "event: \xc3(\ndata: \xed\xa0\x80\n\n",
    "event \"\xef\xbf\xbd(\" \"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\nend\n" },
  { "repair of a body", NULL, "{\"a\":\"\xe2\x82\"}", "whole \"message\" \"{\\\"a\\\":\\\"\xef\xbf\xbd\\\"}\"\nend\n" },
};

static void check_row(const char *type, struct ogl_span input, struct ogl_span frames) {
  struct ogl_buf log;
  ogl_buf_init(&log, OGL_MAX_BODY, OGL_ERR_BODY);
  for (size_t at = 0; at <= input.n; at++) {
    ogl_buf_reset(&log);
    frames_run(&log, type, OGL_SSE_LLM, input, at, at == input.n);
    CHECK_SPAN(ogl_buf_span(&log), frames);
  }
  ogl_buf_reset(&log);
  frames_run(&log, type, OGL_SSE_LLM, input, 0, 1);
  CHECK_SPAN(ogl_buf_span(&log), frames);
  ogl_buf_clear(&log);
}

static void test_framing(void) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_case("frame: %s", cases[i].what);
    check_row(cases[i].type, check_span(cases[i].input), check_span(cases[i].frames));
  }
}

static void test_blanks(void) {
  struct ogl_framer f;
  check_case("frame: blanks that come one by one cost a constant each");
  ogl_framer_init(&f, NULL, OGL_SSE_LLM);
  for (int i = 0; i < 1 << 21; i++) ogl_framer_feed(&f, " ", 1); /* hours, if each looked at all before it */
  CHECK_INT(f.framing, OGL_FRAMING_UNDECIDED);
  CHECK_INT(ogl_framer_feed(&f, "{", 1), OGL_OK);
  CHECK_INT(f.framing, OGL_FRAMING_WHOLE);
  CHECK_INT(f.first.n, (1 << 21) + 1);
  ogl_framer_clear(&f);
}

static void test_bracket_blanks(void) {
  struct ogl_framer f;
  check_case("frame: blanks behind a bracket cost a constant each");
  ogl_framer_init(&f, NULL, OGL_SSE_LLM);
  ogl_framer_feed(&f, "[", 1);
  for (int i = 0; i < 1 << 21; i++) ogl_framer_feed(&f, " ", 1);
  CHECK_INT(f.framing, OGL_FRAMING_UNDECIDED);
  CHECK_INT(ogl_framer_feed(&f, "{", 1), OGL_OK);
  CHECK_INT(f.framing, OGL_FRAMING_JSON_ARRAY);
  ogl_framer_clear(&f);
  ogl_framer_clear(&f);
}

static void test_body_limit(void) {
  static char block[1 << 20];
  struct ogl_framer f;
  struct ogl_frame frame;
  check_case("frame: a whole body of the limit passes, one more byte does not, and the error sticks");
  memset(block, ' ', sizeof block);
  block[0] = '{';
  ogl_framer_init(&f, "application/json", OGL_SSE_LLM);
  for (int mib = 0; mib < OGL_MAX_BODY >> 20; mib++) CHECK_INT(ogl_framer_feed(&f, block, sizeof block), OGL_OK);
  CHECK_INT(ogl_framer_next(&f, &frame), OGL_MORE);
  CHECK_INT(ogl_framer_feed(&f, "x", 1), OGL_ERR_BODY);
  CHECK_INT(ogl_framer_feed(&f, "", 0), OGL_ERR_BODY);
  ogl_framer_finish(&f);
  CHECK_INT(ogl_framer_next(&f, &frame), OGL_ERR_BODY);
  ogl_framer_clear(&f);
  ogl_framer_clear(&f);
}

void test_frame(void) {
  test_framing();
  test_blanks();
  test_bracket_blanks();
  test_body_limit();
}
