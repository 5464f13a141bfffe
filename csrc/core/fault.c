/* SPDX-License-Identifier: MIT
** fault.c - see fault.h.
*/
#include "fault.h"

enum { NESTING = 4 }; /* {"detail": {"error": {…}}} is the deepest form seen */

/* The members of an error object that matter. */
struct members {
  struct ogl_span error, detail; /* raw values; n = 0: absent or null */
  struct ogl_span message, type, status, code;
};

/* A string's text, or a number as it stands; anything else is skipped. */
static struct ogl_span scalar(struct ogl_json *j, struct ogl_queue *q) {
  struct ogl_json_text text;
  struct ogl_span raw = { "", 0 };
  int c = ogl_json_peek(j);
  if (c == '"') return ogl_json_string(j, &text) == OGL_OK ? ogl_queue_text(q, text) : raw;
  ogl_json_skip(j, &raw);
  if (c != '0') raw.n = 0;
  return raw;
}

/* A string's text: a `status` that is a number is HTTP's, and no type. */
static struct ogl_span word(struct ogl_json *j, struct ogl_queue *q) {
  struct ogl_json_text text;
  struct ogl_span none = { "", 0 };
  return ogl_json_string_or_skip(j, &text) ? ogl_queue_text(q, text) : none;
}

static struct ogl_span value(struct ogl_json *j) {
  struct ogl_span raw = { "", 0 };
  int c = ogl_json_peek(j);
  ogl_json_skip(j, &raw);
  if (c == 'n' || c == 'f' || j->err || ogl_span_is(raw, "\"\"")) raw.n = 0; /* null, false, "": no error */
  return raw;
}

static void read_members(struct ogl_json *j, struct ogl_queue *q, struct members *m) {
  struct ogl_span key;
  memset(m, 0, sizeof *m);
  ogl_json_enter(j, '{');
  while (ogl_json_key(j, &key) > 0) {
    if (ogl_span_is(key, "error")) m->error = value(j);
    else if (ogl_span_is(key, "detail")) m->detail = value(j);
    else if (ogl_span_is(key, "message")) m->message = scalar(j, q);
    else if (ogl_span_is(key, "type")) m->type = scalar(j, q);
    else if (ogl_span_is(key, "status")) m->status = word(j, q);
    else if (ogl_span_is(key, "code")) m->code = scalar(j, q);
    else ogl_json_skip(j, NULL);
  }
}

static void fill(struct ogl_span *to, struct ogl_span from) {
  if (!to->n) *to = from;
}

/* Fills the fields that `e` lacks, the innermost first. */
static void read_value(struct ogl_queue *q, struct ogl_span json, struct ogl_event *e, int nesting) {
  struct ogl_json j;
  struct members m;
  ogl_json_open(&j, json.p, json.n);
  int c = ogl_json_peek(&j);
  if (c == '"') fill(&e->a, scalar(&j, q));
  if (c == '[' && ogl_json_enter(&j, '[') && ogl_json_item(&j) == OGL_OK) { /* Gemini: the first element */
    struct ogl_span first = value(&j);
    if (first.n && nesting) read_value(q, first, e, nesting - 1);
  }
  if (c != '{') return;
  read_members(&j, q, &m);
  if (m.error.n && nesting) read_value(q, m.error, e, nesting - 1);
  if (m.detail.n && nesting) read_value(q, m.detail, e, nesting - 1);
  fill(&e->a, m.message);
  fill(&e->b, m.type.n ? m.type : m.status);
  fill(&e->c, m.code);
}

/* The first of several names that servers have for their words and their code. */
static void read_other(struct ogl_queue *q, struct ogl_span json, struct ogl_event *e, int nesting) {
  struct ogl_json j;
  struct ogl_span key, inner = { "", 0 };
  ogl_json_open(&j, json.p, json.n);
  if (ogl_json_peek(&j) == '[' && ogl_json_enter(&j, '[') && ogl_json_item(&j) == OGL_OK) inner = value(&j);
  else if (ogl_json_enter_or_skip(&j, '{')) {
    while (ogl_json_key(&j, &key) > 0) {
      if (ogl_span_is(key, "base_resp") || ogl_span_is(key, "errors")) inner = value(&j);
      else if (ogl_span_is(key, "status_msg") || ogl_span_is(key, "msg") || ogl_span_is(key, "error_msg") ||
               ogl_span_is(key, "message") || ogl_span_is(key, "Message") || ogl_span_is(key, "error_description") ||
               ogl_span_is(key, "errorMessage"))
        fill(&e->a, word(&j, q));
      else if (ogl_span_is(key, "status_code") || ogl_span_is(key, "code") || ogl_span_is(key, "error_code"))
        fill(&e->c, scalar(&j, q));
      else ogl_json_skip(&j, NULL);
    }
  }
  if (inner.n && nesting) read_other(q, inner, e, nesting - 1);
}

void ogl_fault_read_other(struct ogl_queue *q, struct ogl_span json, struct ogl_event *e) {
  struct ogl_span none = { "", 0 };
  ogl_fault_read(q, json, e);
  struct ogl_span words = e->a, all = json;
  struct ogl_json j;
  ogl_json_open(&j, json.p, json.n);
  ogl_json_skip(&j, &all);
  if (!ogl_span_equal(words, all.p, all.n)) return; /* it has words of its own */
  e->a = none;
  read_other(q, json, e, NESTING);
  fill(&e->a, words);
}

int ogl_fault_is_status(struct ogl_span json) {
  struct ogl_json j;
  struct ogl_span key;
  struct ogl_number v = { 1, 0, 0 };
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "status_code")) ogl_json_number_or_skip(&j, &v);
    else ogl_json_skip(&j, NULL);
  }
  return v.d != 0;
}

void ogl_fault_read(struct ogl_queue *q, struct ogl_span json, struct ogl_event *e) {
  struct ogl_json j;
  struct ogl_span whole; /* without the white space around it */
  e->d = json;
  ogl_json_open(&j, json.p, json.n);
  if (ogl_json_skip(&j, &whole) == OGL_OK && ogl_json_end(&j) == OGL_OK) {
    read_value(q, whole, e, NESTING);
    fill(&e->a, whole);
  }
  fill(&e->a, json);
}

void ogl_fault_push_other(struct ogl_queue *q, struct ogl_span json) {
  struct ogl_event *e = ogl_queue_push(q, OGL_EVENT_ERROR, 0, 0);
  if (e) ogl_fault_read_other(q, json, e);
}

void ogl_fault_push(struct ogl_queue *q, struct ogl_span json) {
  struct ogl_event *e = ogl_queue_push(q, OGL_EVENT_ERROR, 0, 0);
  if (e) ogl_fault_read(q, json, e);
}
