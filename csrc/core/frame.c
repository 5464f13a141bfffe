/* SPDX-License-Identifier: MIT
** frame.c - see frame.h.
*/
#include "frame.h"

#include <string.h>

#include "utf8.h"

/* Whether the content type's type part contains `word`, in any case. */
static int mentions(const char *content_type, const char *word) {
  size_t n = strlen(word);
  for (; *content_type && *content_type != ';'; content_type++) {
    size_t i = 0;
    if ((*content_type | 0x20) != *word) continue;
    while (i < n && content_type[i] && (content_type[i] | 0x20) == word[i]) i++;
    if (i == n) return 1;
  }
  return 0;
}

static int hint_of(const char *content_type) {
  if (!content_type) return OGL_FRAMING_UNDECIDED;
  if (mentions(content_type, "event-stream")) return OGL_FRAMING_SSE;
  if (mentions(content_type, "ndjson") || mentions(content_type, "jsonl")) return OGL_FRAMING_NDJSON;
  return OGL_FRAMING_WHOLE;
}

const char *ogl_framing_name(int framing) {
  static const char *const names[] = { NULL, "sse", "ndjson", "whole", "json_array" };
  return names[framing];
}

void ogl_framer_init(struct ogl_framer *f, const char *content_type, int sse_mode) {
  memset(f, 0, sizeof *f);
  f->hint = hint_of(content_type);
  f->sse_mode = sse_mode;
  ogl_buf_init(&f->first, OGL_MAX_BODY, OGL_ERR_BODY);
  ogl_buf_init(&f->fixed, 3 * (size_t)OGL_MAX_BODY, OGL_ERR_FRAME); /* U+FFFD is three bytes for one */
}

void ogl_framer_clear(struct ogl_framer *f) {
  ogl_buf_clear(&f->first);
  ogl_buf_clear(&f->fixed);
  if (f->framing == OGL_FRAMING_SSE) ogl_sse_clear(&f->u.sse);
  if (f->framing == OGL_FRAMING_NDJSON) ogl_ndjson_clear(&f->u.ndjson);
  if (f->framing == OGL_FRAMING_JSON_ARRAY) ogl_json_array_clear(&f->u.array);
}

static int starts(const char *p, size_t n, const char *word) {
  size_t w = strlen(word);
  return memcmp(p, word, n < w ? n : w) == 0;
}

/* Whether the text begins with a field of SSE: 1, 0, or -1 while it is too short to tell. */
static int looks_like_sse(const char *p, size_t n) {
  static const char *const fields[] = { "data:", "event:", "id:", "retry:", ":" };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    if (starts(p, n, fields[i])) return n < strlen(fields[i]) ? -1 : 1;
  return 0;
}

/* Whether the text is the beginning of a byte order mark, and nothing else. */
static int is_half_mark(const char *p, size_t n) { return n && n < 3 && memcmp(p, "\xef\xbb\xbf", n) == 0; }

static const char *skip_blanks(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  return p;
}

/* Lines of JSON where the content type says so, else one value. */
static int json_framing(const struct ogl_framer *f) {
  return f->hint == OGL_FRAMING_NDJSON ? OGL_FRAMING_NDJSON : OGL_FRAMING_WHOLE;
}

/* The framing of a text that begins with the bracket at p: an array of objects comes element by element, whatever it is called
   (its lines are no values). */
static int choose_bracket(struct ogl_framer *f, const char *p, const char *end) {
  const char *first = skip_blanks(p + 1 + f->inner, end);
  f->inner = (size_t)(first - p) - 1;
  if (first == end && !f->finished) return OGL_FRAMING_UNDECIDED;
  return first < end && *first == '{' ? OGL_FRAMING_JSON_ARRAY : json_framing(f);
}

/* The framing of the bytes so far; UNDECIDED while they are too few. */
static int choose(struct ogl_framer *f) {
  struct ogl_span s = ogl_buf_span(&f->first);
  const char *p = s.p + f->blanks, *end = s.p + s.n;
  if (f->sse_mode == OGL_SSE_WHATWG || f->hint == OGL_FRAMING_SSE) return OGL_FRAMING_SSE;
  if (is_half_mark(s.p, s.n) && !f->finished) return OGL_FRAMING_UNDECIDED;
  if (p == s.p && s.n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) p += 3;
  p = skip_blanks(p, end);
  f->blanks = (size_t)(p - s.p);
  if (p == end) return OGL_FRAMING_UNDECIDED;
  if (*p == '[') return choose_bracket(f, p, end);
  if (*p == '{') return json_framing(f);
  int sse = looks_like_sse(p, (size_t)(end - p));
  if (sse < 0 && !f->finished) return OGL_FRAMING_UNDECIDED;
  return sse > 0 ? OGL_FRAMING_SSE : json_framing(f);
}

static int feed_chosen(struct ogl_framer *f, const char *p, size_t n) {
  switch (f->framing) {
    case OGL_FRAMING_SSE: return ogl_sse_feed(&f->u.sse, p, n);
    case OGL_FRAMING_NDJSON: return ogl_ndjson_feed(&f->u.ndjson, p, n);
    case OGL_FRAMING_JSON_ARRAY: return ogl_json_array_feed(&f->u.array, p, n);
    default: return ogl_buf_append(&f->first, p, n);
  }
}

/* Becomes what was chosen, and hands it the input so far. */
static int decide(struct ogl_framer *f) {
  f->framing = choose(f);
  switch (f->framing) {
    case OGL_FRAMING_SSE: ogl_sse_init(&f->u.sse, f->sse_mode); break;
    case OGL_FRAMING_NDJSON: ogl_ndjson_init(&f->u.ndjson); break;
    case OGL_FRAMING_JSON_ARRAY: ogl_json_array_init(&f->u.array); break;
    default: return 0;
  }
  int code = feed_chosen(f, ogl_buf_bytes(&f->first), f->first.n);
  ogl_buf_clear(&f->first);
  return code < 0 ? code : 0;
}

int ogl_framer_feed(struct ogl_framer *f, const char *p, size_t n) {
  if (f->err) return f->err;
  int code = feed_chosen(f, p, n);
  if (code >= 0 && f->framing == OGL_FRAMING_UNDECIDED) code = decide(f);
  if (code < 0) f->err = code;
  return code < 0 ? code : OGL_OK;
}

void ogl_framer_finish(struct ogl_framer *f) {
  f->finished = 1;
  if (f->framing == OGL_FRAMING_UNDECIDED && !f->err) f->err = decide(f);
  if (f->framing == OGL_FRAMING_SSE) ogl_sse_finish(&f->u.sse);
  if (f->framing == OGL_FRAMING_NDJSON) ogl_ndjson_finish(&f->u.ndjson);
  if (f->framing == OGL_FRAMING_JSON_ARRAY) ogl_json_array_finish(&f->u.array);
}

/* The whole body, once, after the end of input. */
static int next_whole(struct ogl_framer *f, struct ogl_frame *frame) {
  if (!f->finished || f->given || f->first.n == 0) return OGL_MORE;
  f->given = 1;
  memset(frame, 0, sizeof *frame);
  frame->kind = OGL_FRAME_WHOLE;
  frame->event.p = "";
  frame->data = ogl_buf_span(&f->first);
  if (frame->data.n >= 3 && memcmp(frame->data.p, "\xef\xbb\xbf", 3) == 0) frame->data.p += 3, frame->data.n -= 3;
  return OGL_OK;
}

static int valid(struct ogl_span s) { return ogl_utf8_valid(s.p, s.n) == s.n; }

/* Data and event type, one behind the other in `fixed`. */
static int repair(struct ogl_framer *f, struct ogl_frame *frame) {
  ogl_buf_reset(&f->fixed);
  ogl_utf8_repair(&f->fixed, frame->data.p, frame->data.n);
  size_t n = f->fixed.n;
  int err = ogl_utf8_repair(&f->fixed, frame->event.p, frame->event.n);
  if (err) return err;
  struct ogl_span both = ogl_buf_span(&f->fixed), data = { both.p, n }, event = { both.p + n, both.n - n };
  frame->data = data;
  frame->event = event;
  frame->repaired = 1;
  return OGL_OK;
}

int ogl_framer_reopen(struct ogl_framer *f) { return f->framing == OGL_FRAMING_SSE && ogl_sse_reopen(&f->u.sse); }

int ogl_framer_next(struct ogl_framer *f, struct ogl_frame *frame) {
  int code;
  if (OGL_UNLIKELY(f->err)) return f->err;
  if (OGL_LIKELY(f->framing == OGL_FRAMING_SSE)) code = ogl_sse_next(&f->u.sse, frame);
  else if (f->framing == OGL_FRAMING_NDJSON) code = ogl_ndjson_next(&f->u.ndjson, frame);
  else if (f->framing == OGL_FRAMING_JSON_ARRAY) code = ogl_json_array_next(&f->u.array, frame);
  else code = next_whole(f, frame);
  if (code == OGL_OK && !frame->ascii && (!valid(frame->data) || !valid(frame->event))) code = repair(f, frame);
  if (code < 0) f->err = code;
  return code;
}
