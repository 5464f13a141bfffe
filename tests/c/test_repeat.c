/* SPDX-License-Identifier: MIT
** test_repeat.c - what counts as the same frame with another text, and what only looks like it.
*/
#include "../../csrc/core/repeat.h"
#include "check.h"
#include "suites.h"

#define HEAD "{\"id\":\"x\",\"delta\":{\"content\":\""
#define TAIL "\"},\"end\":null}"
#define MID  "\"},\"pad\":\""

/* The part of `data` that begins with the first `text` in it. */
static struct ogl_span part_of(const char *data, const char *text) {
  struct ogl_span s = { strstr(data, text), strlen(text) };
  return s;
}

static void learn(struct ogl_repeat *r, const char *data, const char *text) {
  struct ogl_hole hole = { part_of(data, text), OGL_HOLE_TEXT };
  ogl_repeat_learn(r, check_span(data), &hole, 1);
}

/* With a string that nobody reads; whether the text stands first does not matter. */
static void learn_both(struct ogl_repeat *r, const char *data, const char *text, const char *idle) {
  struct ogl_hole holes[] = { { part_of(data, idle), OGL_HOLE_IDLE }, { part_of(data, text), OGL_HOLE_TEXT } };
  ogl_repeat_learn(r, check_span(data), holes, 2);
}

static const struct {
  const char *what, *data;
  const char *text; /* NULL: no match */
} rows[] = {
  { "the frame itself", HEAD "Hel" TAIL, "Hel" },
  { "another text", HEAD "lo, longer than before" TAIL, "lo, longer than before" },
  { "escapes", HEAD "\\\"\\n\\u00e9" TAIL, "\\\"\\n\\u00e9" },
  { "the tail inside the text, escaped", HEAD "\\\"},\\\"end\\\":null}" TAIL, "\\\"},\\\"end\\\":null}" },
  { "an empty text", HEAD TAIL, NULL },
  { "another head of the same length", "{\"id\":\"y\",\"delta\":{\"content\":\"Hel" TAIL, NULL },
  { "another tail of the same length", HEAD "Hel\"},\"end\":true}", NULL },
  { "a longer tail", HEAD "Hel" TAIL " ", NULL },
  { "a shorter tail", HEAD "Hel\"},\"end\":null", NULL },
  { "a member more, after the same tail's beginning", HEAD "Hel\",\"refusal\":\"x" TAIL, NULL },
  { "a text that is not closed", HEAD "Hel\\" TAIL, NULL },
  { "a control character", HEAD "H\tl" TAIL, NULL },
  { "an escape that is none", HEAD "\\x" TAIL, NULL },
  { "the head alone", HEAD, NULL },
  { "nothing", "", NULL },
};

static void test_table(void) {
  struct ogl_repeat r = { 0 };
  learn(&r, HEAD "Hel" TAIL, "Hel");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct ogl_repeated found;
    check_case("repeat: %s", rows[i].what);
    CHECK_INT(ogl_repeat_match(&r, check_span(rows[i].data), &found), rows[i].text != NULL);
    if (!rows[i].text) continue;
    CHECK_TEXT(found.text.raw, rows[i].text);
    CHECK_INT(found.text.escaped, strchr(rows[i].text, '\\') != NULL);
  }
  ogl_repeat_clear(&r);
}

/* Blanks between closing brackets do not count; anything else there does. */
static const struct {
  const char *what, *data;
  int matches;
} loose_rows[] = {
  { "no blank", "{\"t\":{\"x\":\"ab\"}}", 1 },        { "other blanks", "{\"t\":{\"x\":\"ab\"   } }  ", 1 },
  { "a bracket less", "{\"t\":{\"x\":\"ab\" }", 0 },  { "a bracket more", "{\"t\":{\"x\":\"ab\"}}}", 0 },
  { "another bracket", "{\"t\":{\"x\":\"ab\"}]", 0 }, { "a member more", "{\"t\":{\"x\":\"ab\"},\"y\":1}", 0 },
  { "another head", "{\"t\": {\"x\":\"ab\"}}", 0 },
};

static void test_loose(void) {
  struct ogl_repeat r = { 0 };
  learn(&r, "{\"t\":{\"x\":\"Hel\"} }", "Hel");
  for (size_t i = 0; i < sizeof loose_rows / sizeof loose_rows[0]; i++) {
    struct ogl_repeated found;
    check_case("repeat: brackets: %s", loose_rows[i].what);
    CHECK_INT(ogl_repeat_match(&r, check_span(loose_rows[i].data), &found), loose_rows[i].matches);
  }
  ogl_repeat_clear(&r);
}

/* With a string that nobody reads behind the text. */
static const struct {
  const char *what, *data, *text;
} idle_rows[] = {
  { "another text and another idle string", HEAD "lo" MID "longer than it was" TAIL, "lo" },
  { "an empty idle string", HEAD "lo" MID TAIL, "lo" },
  { "escapes in both", HEAD "\\n" MID "\\\"\\u00e9" TAIL, "\\n" },
  { "an escape that is none in the idle string", HEAD "lo" MID "\\q" TAIL, NULL },
  { "an empty text", HEAD MID "abc" TAIL, NULL },
  { "an idle string with a control character", HEAD "lo" MID "a\nb" TAIL, NULL },
  { "an idle string that is no string", HEAD "lo\"},\"pad\":12\"},\"end\":null}", NULL },
  { "another name of it", HEAD "lo\"},\"pat\":\"abc" TAIL, NULL },
  { "none", HEAD "lo" TAIL, NULL },
  { "one more member behind it", HEAD "lo" MID "abc\",\"x\":\"" TAIL, NULL },
  { "the middle twice", HEAD "lo" MID MID TAIL, NULL },
  { "the frame cut in the middle", HEAD "lo" MID, NULL },
  { "a byte more at the end", HEAD "lo" MID "abc" TAIL "}", NULL },
};

static void test_idle(void) {
  struct ogl_repeat r = { 0 };
  static const char first[] = HEAD "Hel" MID "a8Kq" TAIL;
  learn_both(&r, first, "Hel", "a8Kq");
  for (size_t i = 0; i < sizeof idle_rows / sizeof idle_rows[0]; i++) {
    struct ogl_repeated found;
    check_case("repeat: idle, %s", idle_rows[i].what);
    CHECK_INT(ogl_repeat_match(&r, check_span(idle_rows[i].data), &found), idle_rows[i].text != NULL);
    if (idle_rows[i].text) CHECK_TEXT(found.text.raw, idle_rows[i].text);
  }
  check_case("repeat: an idle string before the text");
  struct ogl_repeated found;
  learn_both(&r, first, "a8Kq", "Hel");
  CHECK(ogl_repeat_match(&r, check_span(HEAD "" MID "other" TAIL), &found));
  CHECK_TEXT(found.text.raw, "other");
  CHECK(!ogl_repeat_match(&r, check_span(HEAD "Hel" MID TAIL), &found));
  ogl_repeat_clear(&r);
}

/* With a number that is given and one that is not looked at, around the text. */
#define COUNTED(a, text, b) "{\"n\":" a ",\"t\":\"" text "\",\"m\": " b " }"

static const struct {
  const char *what, *data;
  int a, b; /* b -1: no match */
} number_rows[] = {
  { "the same", COUNTED("7", "Hel", "12"), 7, 12 },
  { "others", COUNTED("123456789", "lo", "0"), 123456789, 0 },
  { "a zero in front", COUNTED("7", "lo", "012"), 0, -1 },
  { "a sign", COUNTED("-7", "lo", "12"), 0, -1 },
  { "a fraction", COUNTED("7", "lo", "1.5"), 0, -1 },
  { "an exponent", COUNTED("7e1", "lo", "12"), 0, -1 },
  { "too many digits", COUNTED("7", "lo", "1234567890123456"), 0, -1 },
  { "none", COUNTED("", "lo", "12"), 0, -1 },
  { "a string", COUNTED("\"7\"", "lo", "12"), 0, -1 },
  { "other blanks", "{\"n\":7,\"t\":\"lo\",\"m\":12 }", 0, -1 },
  { "the end in the number", "{\"n\":7,\"t\":\"lo\",\"m\": 12", 0, -1 },
};

static void test_numbers(void) {
  struct ogl_repeat r = { 0 };
  static const char first[] = COUNTED("7", "Hel", "12");
  struct ogl_hole holes[] = { { part_of(first, "Hel"), OGL_HOLE_TEXT },
                              ogl_hole_number(part_of(first, "12"), 3),
                              ogl_hole_number(part_of(first, "7"), 1),
                              { { NULL, 0 }, OGL_HOLE_IDLE } };
  ogl_repeat_learn(&r, check_span(first), holes, 4);
  for (size_t i = 0; i < sizeof number_rows / sizeof number_rows[0]; i++) {
    struct ogl_repeated found;
    int wanted = number_rows[i].b >= 0;
    check_case("repeat: numbers: %s", number_rows[i].what);
    CHECK_INT(ogl_repeat_match(&r, check_span(number_rows[i].data), &found), wanted);
    if (!wanted) continue;
    CHECK_INT(found.numbers[1], number_rows[i].a);
    CHECK_INT(found.numbers[3], number_rows[i].b);
  }
  check_case("repeat: a number that is no plain integer is no hole");
  CHECK(!ogl_hole_number(check_span("-1"), 0).raw.p);
  CHECK(!ogl_hole_number(check_span("1.5"), 0).raw.p);
  CHECK(!ogl_hole_number(check_span(""), 0).raw.p);
  CHECK(!ogl_hole_number(check_span("null"), 0).raw.p);
  CHECK(!ogl_hole_number(check_span("1234567890123456"), 0).raw.p);
  ogl_repeat_clear(&r);
}

static void test_forget(void) {
  struct ogl_repeat r = { 0 };
  struct ogl_repeated found;
  struct ogl_span data = check_span(HEAD "Hel" TAIL);
  check_case("repeat: nothing is known before the first frame, nor after forgetting");
  CHECK(!ogl_repeat_match(&r, data, &found));
  learn(&r, HEAD "Hel" TAIL, "Hel");
  CHECK(ogl_repeat_match(&r, data, &found));
  ogl_repeat_forget(&r);
  CHECK(!ogl_repeat_match(&r, data, &found));
  ogl_repeat_clear(&r);
}

/* A frame with `head` blanks in front of its string and `tail` behind it, learnt; whether it matches then. */
static int matches(int head, int tail) {
  static char data[4096];
  struct ogl_repeat r = { 0 };
  struct ogl_repeated found;
  memset(data, ' ', sizeof data);
  memcpy(data + head - 1, "\"abc\"", 5); /* the quotes belong to head and tail */
  struct ogl_span s = { data, (size_t)(head + 3 + tail) };
  struct ogl_hole hole = { { data + head, 3 }, OGL_HOLE_TEXT };
  ogl_repeat_learn(&r, s, &hole, 1);
  int matched = ogl_repeat_match(&r, s, &found);
  ogl_repeat_clear(&r);
  return matched;
}

static void test_sizes(void) {
  struct ogl_repeat r = { 0 };
  struct ogl_repeated found;
  check_case("repeat: parts that are too long are not learnt, and what was known is forgotten");
  CHECK(matches(OGL_REPEAT_BYTES - 100, 100));
  CHECK(!matches(OGL_REPEAT_BYTES - 99, 100));
  CHECK(!matches(OGL_REPEAT_BYTES - 100, 101));
  static char longer[OGL_REPEAT_BYTES + 64];
  memset(longer, ' ', sizeof longer - 1);
  memcpy(longer + sizeof longer - 6, "\"abc\"", 5);
  learn(&r, HEAD "Hel" TAIL, "Hel");
  learn(&r, longer, "abc");
  CHECK(!ogl_repeat_match(&r, check_span(HEAD "Hel" TAIL), &found));
  ogl_repeat_clear(&r);
}

void test_repeat(void) {
  test_table();
  test_loose();
  test_idle();
  test_numbers();
  test_forget();
  test_sizes();
}
