/* SPDX-License-Identifier: MIT
** test_repeat.c - what counts as the same frame with another text, and what only looks like it.
*/
#include "../../csrc/core/repeat.h"
#include "check.h"
#include "suites.h"

#define HEAD "{\"id\":\"x\",\"delta\":{\"content\":\""
#define TAIL "\"},\"end\":null}"
#define MID  "\"},\"pad\":\""

static const struct ogl_span no_idle = { "", 0 };

/* The part of `data` that begins with the first `text` in it. */
static struct ogl_span part_of(const char *data, const char *text) {
  struct ogl_span s = { strstr(data, text), strlen(text) };
  return s;
}

static void learn(struct ogl_repeat *r, const char *data, const char *text) {
  ogl_repeat_learn(r, check_span(data), part_of(data, text), no_idle);
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

static void test_rows(void) {
  struct ogl_repeat r;
  memset(&r, 0, sizeof r);
  learn(&r, HEAD "Hel" TAIL, "Hel");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct ogl_json_text text = { { "", 0 }, 0 };
    check_case("repeat: %s", rows[i].what);
    CHECK_INT(ogl_repeat_match(&r, check_span(rows[i].data), &text), rows[i].text != NULL);
    if (!rows[i].text) continue;
    CHECK_TEXT(text.raw, rows[i].text);
    CHECK_INT(text.escaped, strchr(rows[i].text, '\\') != NULL);
  }
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
  struct ogl_repeat r;
  memset(&r, 0, sizeof r);
  learn(&r, "{\"t\":{\"x\":\"Hel\"} }", "Hel");
  for (size_t i = 0; i < sizeof loose_rows / sizeof loose_rows[0]; i++) {
    struct ogl_json_text text = { { "", 0 }, 0 };
    check_case("repeat: brackets: %s", loose_rows[i].what);
    CHECK_INT(ogl_repeat_match(&r, check_span(loose_rows[i].data), &text), loose_rows[i].matches);
  }
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
  struct ogl_repeat r;
  static const char first[] = HEAD "Hel" MID "a8Kq" TAIL;
  memset(&r, 0, sizeof r);
  ogl_repeat_learn(&r, check_span(first), part_of(first, "Hel"), part_of(first, "a8Kq"));
  for (size_t i = 0; i < sizeof idle_rows / sizeof idle_rows[0]; i++) {
    struct ogl_json_text text = { { "", 0 }, 0 };
    check_case("repeat: idle, %s", idle_rows[i].what);
    CHECK_INT(ogl_repeat_match(&r, check_span(idle_rows[i].data), &text), idle_rows[i].text != NULL);
    if (idle_rows[i].text) CHECK_TEXT(text.raw, idle_rows[i].text);
  }
  check_case("repeat: an idle string before the text is part of the head");
  ogl_repeat_learn(&r, check_span(first), part_of(first, "a8Kq"), part_of(first, "Hel"));
  struct ogl_json_text text = { { "", 0 }, 0 };
  CHECK(ogl_repeat_match(&r, check_span(HEAD "Hel" MID "other" TAIL), &text));
  CHECK_TEXT(text.raw, "other");
  CHECK(!ogl_repeat_match(&r, check_span(HEAD "hEL" MID "other" TAIL), &text));
}

static void test_forget(void) {
  struct ogl_repeat r;
  struct ogl_json_text text;
  struct ogl_span data = check_span(HEAD "Hel" TAIL);
  check_case("repeat: nothing is known before the first frame, nor after forgetting");
  memset(&r, 0, sizeof r);
  CHECK(!ogl_repeat_match(&r, data, &text));
  learn(&r, HEAD "Hel" TAIL, "Hel");
  CHECK(ogl_repeat_match(&r, data, &text));
  ogl_repeat_forget(&r);
  CHECK(!ogl_repeat_match(&r, data, &text));
}

/* A frame with `head` blanks in front of its string and `tail` behind it, learnt; whether it matches then. */
static int matches(int head, int tail) {
  static char data[4096];
  struct ogl_repeat r;
  struct ogl_json_text text;
  memset(data, ' ', sizeof data);
  memcpy(data + head - 1, "\"abc\"", 5); /* the quotes belong to head and tail */
  struct ogl_span s = { data, (size_t)(head + 3 + tail) }, t = { data + head, 3 };
  memset(&r, 0, sizeof r);
  ogl_repeat_learn(&r, s, t, no_idle);
  return ogl_repeat_match(&r, s, &text);
}

static void test_sizes(void) {
  struct ogl_repeat r;
  struct ogl_json_text text;
  check_case("repeat: ends that are too long are not learnt, and what was known is forgotten");
  CHECK(matches(OGL_REPEAT_HEAD, OGL_REPEAT_TAIL));
  CHECK(!matches(OGL_REPEAT_HEAD + 1, OGL_REPEAT_TAIL));
  CHECK(!matches(OGL_REPEAT_HEAD, OGL_REPEAT_TAIL + 1));
  static char longer[OGL_REPEAT_HEAD + 64];
  memset(longer, ' ', sizeof longer - 1);
  memcpy(longer + sizeof longer - 6, "\"abc\"", 5);
  memset(&r, 0, sizeof r);
  learn(&r, HEAD "Hel" TAIL, "Hel");
  learn(&r, longer, "abc");
  CHECK(!ogl_repeat_match(&r, check_span(HEAD "Hel" TAIL), &text));
}

void test_repeat(void) {
  test_rows();
  test_loose();
  test_idle();
  test_forget();
  test_sizes();
}
