/* SPDX-License-Identifier: MIT
** test_fragments.c - a property of openai_chat: a list of tool calls, told in fragments by any of the habits that servers have, is
** that list again. The habits are drawn by a seeded generator, and only those that a reader can tell apart go together.
*/
#include <stdio.h>

#include "../../csrc/core/decoder.h"
#include "../../csrc/core/json_write.h"
#include "../../csrc/protocol/registry.h"
#include "check.h"
#include "suites.h"

enum { ROUNDS = 4000, MOST_CALLS = 4 };

enum ids { ID_FIRST, ID_REPEATED, ID_EMPTY_LATER, ID_ABSENT, ID_CHANGING, ID_WAYS };
enum indexes { INDEX_OF_CALL, INDEX_ZERO, INDEX_ABSENT, INDEX_OF_FRAGMENT, INDEX_WAYS };
enum names { NAME_FIRST, NAME_EMPTY_LATER, NAME_REPEATED, NAME_WAYS };
enum forms { FORM_DELTAS, FORM_DELTAS_AND_MESSAGE, FORM_WHOLE, FORM_FUNCTION_CALL, FORMS };

struct habits {
  enum ids ids;
  enum indexes indexes;
  enum names names;
  enum forms forms;
  int mixed; /* fragments of several calls in turn */
};

/* Arguments as UTF-16, so that they may be cut between the halves of a character. */
struct call {
  const char *text;
  uint16_t arguments[48];
  size_t n, at;
  int fragments;
};

static const char *const texts[] = {
  "{\"city\":\"Lyon\"}",
  "{}",
  "{\"a\":\"}{\\\"\\\\\",\"b\":[{}]}",
  "{\"face\":\"\xf0\x9f\x98\x80\xf0\x9f\x92\xa9\"}",
  "{ \"n\" : [1, 2, null] }",
  "{\"\xc3\xa9\":\"\\ud83d\\ude00\"}",
  "",
  "null",
};
enum { TEXTS = sizeof texts / sizeof texts[0], OBJECTS = 6 };

static uint32_t seed;

static size_t draw(size_t n) { /* Marsaglia's xorshift */
  seed ^= seed << 13, seed ^= seed >> 17, seed ^= seed << 5;
  return seed % n;
}

/* The units of a text; it has characters of one, two and four bytes. */
static void set_arguments(struct call *c, const char *text) {
  const unsigned char *p = (const unsigned char *)text;
  c->text = text;
  for (c->n = 0; *p;) {
    if (*p < 0x80) c->arguments[c->n++] = *p++;
    else if (*p < 0xe0) c->arguments[c->n++] = (uint16_t)((p[0] & 0x1f) << 6 | (p[1] & 0x3f)), p += 2;
    else {
      unsigned code = (p[0] & 7u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
      c->arguments[c->n++] = (uint16_t)(0xd800 + ((code - 0x10000) >> 10));
      c->arguments[c->n++] = (uint16_t)(0xdc00 + ((code - 0x10000) & 0x3ff));
      p += 4;
    }
  }
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static void put_units(struct ogl_buf *b, const uint16_t *s, size_t n) {
  char escape[8];
  ogl_buf_byte(b, '"');
  for (size_t i = 0; i < n; i++) {
    if (s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\') {
      ogl_buf_byte(b, (char)s[i]);
      continue;
    }
    snprintf(escape, sizeof escape, "\\u%04x", s[i]);
    ogl_buf_text(b, escape);
  }
  ogl_buf_byte(b, '"');
}

static void put_number(struct ogl_buf *b, const char *before, size_t n, const char *after) {
  ogl_buf_text(b, before);
  ogl_json_write_integer(b, (int64_t)n);
  ogl_buf_text(b, after);
}

/* The id of call i, in its fragment `part`. */
static void put_id(struct ogl_buf *b, const struct habits *h, size_t i, int part) {
  if (h->ids == ID_ABSENT || (h->ids == ID_FIRST && part)) return;
  if (h->ids == ID_EMPTY_LATER && part) ogl_buf_text(b, "\"id\":\"\",");
  else put_number(b, "\"id\":\"call_", i * 100 + (h->ids == ID_CHANGING ? (size_t)part : 0), "\",");
}

static void put_function(struct ogl_buf *b, const struct habits *h, const struct call *c, size_t i, size_t n) {
  ogl_buf_byte(b, '{');
  if (!c->fragments || h->names == NAME_REPEATED) put_number(b, "\"name\":\"f", i, "\",");
  else if (h->names == NAME_EMPTY_LATER) ogl_buf_text(b, "\"name\":\"\",");
  ogl_buf_text(b, "\"arguments\":");
  put_units(b, c->arguments + c->at, n);
  ogl_buf_byte(b, '}');
}

/* The next n units of a call's arguments; `count`: fragments so far, of all calls. */
static void put_fragment(struct ogl_buf *b, const struct habits *h, struct call *c, size_t i, size_t n, size_t count) {
  ogl_buf_byte(b, '{');
  if (h->indexes == INDEX_OF_CALL) put_number(b, "\"index\":", i, ",");
  if (h->indexes == INDEX_ZERO) ogl_buf_text(b, "\"index\":0,");
  if (h->indexes == INDEX_OF_FRAGMENT) put_number(b, "\"index\":", count, ",");
  put_id(b, h, i, c->fragments);
  ogl_buf_text(b, "\"type\":\"function\",\"function\":");
  put_function(b, h, c, i, n);
  ogl_buf_byte(b, '}');
  c->at += n;
  c->fragments++;
}

static void rewind_calls(struct call *calls, size_t n) {
  for (size_t i = 0; i < n; i++) calls[i].at = 0, calls[i].fragments = 0;
}

/* A message with all of them, whole. */
static void put_message(struct ogl_buf *b, const struct habits *h, struct call *calls, size_t n) {
  rewind_calls(calls, n);
  ogl_buf_text(b, "{\"choices\":[{\"index\":0,\"message\":{\"content\":null,\"tool_calls\":[");
  for (size_t i = 0; i < n; i++) {
    if (i) ogl_buf_byte(b, ',');
    put_fragment(b, h, &calls[i], i, calls[i].n, i);
  }
  ogl_buf_text(b, "]},\"finish_reason\":\"tool_calls\"}]}");
}

/* The call whose fragment comes next: of those that are not done any, or the first. They begin in their order. */
static size_t next_call(const struct habits *h, const struct call *calls, size_t n) {
  size_t open[MOST_CALLS], count = 0;
  for (size_t i = 0; i < n; i++) {
    if (!calls[i].fragments || calls[i].at < calls[i].n) open[count++] = i;
    if (!calls[i].fragments) break;
  }
  if (!count) return n;
  return open[h->mixed ? draw(count) : 0];
}

static void put_deltas(struct ogl_buf *b, const struct habits *h, struct call *calls, size_t n) {
  size_t i, count = 0;
  int is_old = h->forms == FORM_FUNCTION_CALL, open = 0;
  while ((i = next_call(h, calls, n)) < n) {
    size_t units = draw(calls[i].n - calls[i].at + 1);
    if (calls[i].fragments && !units) continue; /* only the first may bring nothing */
    if (!open) ogl_buf_text(b, "data: {\"choices\":[{\"index\":0,\"delta\":{");
    if (is_old) {
      ogl_buf_text(b, "\"function_call\":");
      put_function(b, h, &calls[i], i, units);
      calls[i].at += units, calls[i].fragments++;
    } else {
      ogl_buf_text(b, open ? "," : "\"tool_calls\":[");
      put_fragment(b, h, &calls[i], i, units, count++);
    }
    open = !is_old && draw(3) == 0;
    if (!open) ogl_buf_text(b, is_old ? "}}]}\n\n" : "]}}]}\n\n");
  }
  if (open) ogl_buf_text(b, "]}}]}\n\n");
}

/* --- checking -------------------------------------------------------------------------------------------------- */

static void check_call(const struct habits *h, const struct ogl_part *p, const struct call *c, size_t i) {
  char name[16], id[32];
  snprintf(name, sizeof name, "f%d", (int)i);
  snprintf(id, sizeof id, "call_%d", (int)i * 100);
  CHECK_SPAN(ogl_buf_span(&p->name), check_span(name));
  CHECK_SPAN(ogl_buf_span(&p->id), check_span(h->ids == ID_ABSENT || h->forms == FORM_FUNCTION_CALL ? "" : id));
  int none = !*c->text || strcmp(c->text, "null") == 0;
  CHECK_SPAN(ogl_buf_span(&p->text), check_span(none ? "{}" : c->text));
}

static void check_body(const struct habits *h, const struct call *calls, size_t n, struct ogl_span body) {
  struct ogl_decoder_options options = { NULL, 0, 1, 0, 0 };
  struct ogl_decoder d;
  struct ogl_event e;
  int code;
  CHECK_INT(ogl_decoder_init(&d, &ogl_openai_chat, &options), 0);
  ogl_decoder_feed(&d, body.p, body.n);
  ogl_decoder_finish(&d);
  while ((code = ogl_decoder_next(&d, &e)) == OGL_OK) CHECK(e.kind != OGL_EVENT_WARNING);
  CHECK_INT(code, OGL_MORE);
  const struct ogl_answer *a = ogl_fold_answer(&d.fold, 0);
  if (CHECK(a != NULL) && CHECK_INT(a->n, n))
    for (size_t i = 0; i < n; i++) check_call(h, &a->parts[i], &calls[i], i);
  ogl_decoder_clear(&d);
}

/* --- what goes together ---------------------------------------------------------------------------------------- */

/* Whether a reader can tell where a call begins. */
static int can_be_told(const struct habits *h) {
  int named_again = h->names == NAME_REPEATED;
  if (h->forms == FORM_WHOLE || h->forms == FORM_FUNCTION_CALL) return 1;
  if (h->ids == ID_CHANGING && (named_again || h->indexes > INDEX_ZERO)) return 0; /* a name and another id open */
  if (h->indexes == INDEX_OF_FRAGMENT) return h->ids == ID_REPEATED && !named_again;
  if (h->indexes == INDEX_ABSENT) return h->ids == ID_REPEATED || !named_again;
  return 1;
}

/* Whether the arguments have to show where a call ends. */
static int needs_objects(const struct habits *h) { return h->indexes == INDEX_ZERO && h->ids == ID_ABSENT; }

static void play(void) {
  struct habits h;
  struct call calls[MOST_CALLS];
  struct ogl_buf b;
  do {
    h.ids = (enum ids)draw(ID_WAYS), h.indexes = (enum indexes)draw(INDEX_WAYS);
    h.names = (enum names)draw(NAME_WAYS), h.forms = (enum forms)draw(FORMS);
  } while (!can_be_told(&h));
  int apart = h.indexes == INDEX_OF_CALL || h.ids == ID_REPEATED;
  h.mixed = apart && !(h.indexes == INDEX_ZERO && h.names == NAME_REPEATED) && draw(2);
  size_t n = h.forms == FORM_FUNCTION_CALL ? 1 : 1 + draw(MOST_CALLS);
  for (size_t i = 0; i < n; i++) set_arguments(&calls[i], texts[draw(needs_objects(&h) ? OBJECTS : TEXTS)]);
  rewind_calls(calls, n);
  ogl_buf_init(&b, OGL_MAX_LINE, OGL_ERR_LINE);
  if (h.forms != FORM_WHOLE) {
    put_deltas(&b, &h, calls, n);
    ogl_buf_text(&b, "data: ");
  }
  if (h.forms == FORM_DELTAS_AND_MESSAGE || h.forms == FORM_WHOLE) put_message(&b, &h, calls, n);
  else ogl_buf_text(&b, "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
  if (h.forms != FORM_WHOLE) ogl_buf_text(&b, "\n\n");
  check_body(&h, calls, n, ogl_buf_span(&b));
  ogl_buf_clear(&b);
}

void test_fragments(void) {
  for (uint32_t i = 1; i <= ROUNDS; i++) {
    seed = i * 2654435761u;
    check_case("fragments: the calls are those that were told, round %u", i);
    play();
  }
}
