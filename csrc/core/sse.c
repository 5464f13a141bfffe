/* SPDX-License-Identifier: MIT
** sse.c - see sse.h. A line is taken from the input (`take_line`), and each kind of line has its function; only the blank
** line, the bare JSON and the end of input give a frame.
*/
#include "sse.h"

#include "json.h"
#include "scan.h"

enum { NOTHING = -1 }; /* no frame is out */

void ogl_sse_init(struct ogl_sse *s, int mode) {
  memset(s, 0, sizeof *s);
  ogl_buf_init(&s->in, OGL_MAX_INPUT, OGL_ERR_FRAME);
  ogl_buf_init(&s->data, OGL_MAX_FRAME, OGL_ERR_FRAME);
  ogl_buf_init(&s->bare, OGL_MAX_FRAME, OGL_ERR_FRAME);
  ogl_buf_init(&s->event, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->id, OGL_MAX_LINE, OGL_ERR_LINE);
  ogl_buf_init(&s->new_id, OGL_MAX_LINE, OGL_ERR_LINE);
  s->mode = mode;
  s->retry = -1;
  s->given = NOTHING;
}

void ogl_sse_clear(struct ogl_sse *s) {
  ogl_buf_clear(&s->in);
  ogl_buf_clear(&s->data);
  ogl_buf_clear(&s->bare);
  ogl_buf_clear(&s->event);
  ogl_buf_clear(&s->id);
  ogl_buf_clear(&s->new_id);
}

static int check(struct ogl_sse *s, int code) {
  if (code < 0 && !s->err) s->err = code;
  return code;
}

/* The pending first data line moves into `data`, so that the input before the current line can go. */
static int spill(struct ogl_sse *s) {
  if (s->lines && !s->copied) {
    s->copied = 1;
    return check(s, ogl_buf_append(&s->data, ogl_buf_bytes(&s->in) + s->only, s->only_n));
  }
  return 0;
}

int ogl_sse_feed(struct ogl_sse *s, const char *p, size_t n) {
  if (s->err) return s->err;
  if (spill(s)) return s->err;
  int err = ogl_buf_refill(&s->in, s->pos, p, n);
  s->pos = 0;
  return err ? check(s, err) : OGL_OK;
}

void ogl_sse_finish(struct ogl_sse *s) { s->finished = 1; }

/* --- frames -------------------------------------------------------------------------------------------------- */

static int give(struct ogl_sse *s, struct ogl_frame *frame, int kind, struct ogl_span data) {
  frame->kind = kind;
  frame->event = ogl_buf_span(&s->event);
  frame->data = data;
  frame->repaired = 0;
  frame->joined = frame->cut = 0;
  frame->ascii = !s->high;
  if (kind == OGL_FRAME_EVENT) s->high = 0; /* the others leave the event type for the next frame */
  s->given = kind;
  return OGL_OK;
}

/* The id of the event that ends becomes the last one. */
static void keep_id(struct ogl_sse *s) {
  struct ogl_buf old = s->id;
  s->id = s->new_id;
  s->new_id = old;
  s->named = 0;
}

/* The event that a blank line, or the end of input, completes. */
static int give_event(struct ogl_sse *s, struct ogl_frame *frame) {
  struct ogl_span data = { ogl_buf_bytes(&s->in) + s->only, s->only_n };
  if (s->copied) data = ogl_buf_span(&s->data);
  s->lines = 0;
  if (OGL_UNLIKELY(s->named)) keep_id(s);
  give(s, frame, OGL_FRAME_EVENT, data);
  if (OGL_UNLIKELY(s->cut)) {
    frame->joined = s->joined;
    frame->cut = s->bare_open > 0;
    s->cut = s->joined = s->bare_open = s->bare_string = s->bare_escape = 0;
  }
  return OGL_OK;
}

static int give_bare(struct ogl_sse *s, struct ogl_frame *frame) {
  s->bare_open = s->bare_string = s->bare_escape = 0;
  return give(s, frame, OGL_FRAME_BARE, ogl_buf_span(&s->bare));
}

/* Forgets the frame that was given last. */
static void forget(struct ogl_sse *s) {
  if (s->given == OGL_FRAME_BARE) ogl_buf_reset(&s->bare);
  if (s->given == OGL_FRAME_EVENT) {
    ogl_buf_reset(&s->event);
    if (s->copied) ogl_buf_reset(&s->data), s->copied = 0;
  }
  s->given = NOTHING;
}

/* --- lines --------------------------------------------------------------------------------------------------- */

/* The next line, without its end; OGL_OK, OGL_MORE, or OGL_ERR_LINE. At the end of input the rest is a line too. */
static int take_line(struct ogl_sse *s, struct ogl_span *line) {
  const char *base = ogl_buf_bytes(&s->in), *end = base + s->in.n;
  if (OGL_UNLIKELY(s->after_cr) && s->pos < s->in.n) {
    s->after_cr = 0;
    if (base[s->pos] == '\n') s->pos++;
  }
  const char *from = base + s->pos;
  line->p = from;
  line->n = 0;
  if (from < end && *from == '\n') { /* every second line is blank */
    s->pos++;
    return OGL_OK;
  }
  const char *eol = ogl_scan_eol(from + s->scanned, end, &s->high);
  size_t n = (size_t)(eol - from);
  if (OGL_UNLIKELY(n > OGL_MAX_LINE)) return check(s, OGL_ERR_LINE);
  if (eol == end && (!s->finished || n == 0 || s->mode == OGL_SSE_WHATWG)) {
    s->scanned = n;
    return OGL_MORE;
  }
  s->scanned = 0;
  s->pos += n + (eol < end);
  if (eol < end && *eol == '\r') {
    if (eol + 1 < end) s->pos += eol[1] == '\n';
    else s->after_cr = 1;
  }
  line->n = n;
  return OGL_OK;
}

/* Puts the line back: the frame before it has to be given first. */
static void untake(struct ogl_sse *s, struct ogl_span line) {
  s->pos = (size_t)(line.p - ogl_buf_bytes(&s->in));
  s->after_cr = 0;
}

/* The data lines so far move into `data`. */
static void copy_data(struct ogl_sse *s) {
  if (s->copied) return;
  s->copied = 1;
  ogl_buf_append(&s->data, ogl_buf_bytes(&s->in) + s->only, s->only_n);
}

static int on_data(struct ogl_sse *s, struct ogl_span value) {
  if (s->lines++ == 0) {
    s->only = (size_t)(value.p - ogl_buf_bytes(&s->in));
    s->only_n = value.n;
    return OGL_MORE;
  }
  copy_data(s); /* this is the second */
  ogl_buf_byte(&s->data, '\n');
  ogl_buf_append(&s->data, value.p, value.n);
  return check(s, s->data.err);
}

static int on_id(struct ogl_sse *s, struct ogl_span value) {
  if (memchr(value.p, 0, value.n)) return OGL_MORE; /* the standard: an id with NUL is no id */
  s->named = 1;
  ogl_buf_reset(&s->new_id);
  return check(s, ogl_buf_append(&s->new_id, value.p, value.n));
}

static int on_retry(struct ogl_sse *s, struct ogl_span value) {
  int64_t ms = 0;
  for (size_t i = 0; i < value.n; i++) {
    if ((unsigned)(value.p[i] - '0') > 9) return OGL_MORE;
    if (ms < INT64_MAX / 20) ms = ms * 10 + (value.p[i] - '0');
  }
  if (value.n) s->retry = ms;
  return OGL_MORE;
}

static int on_event(struct ogl_sse *s, struct ogl_span value) {
  ogl_buf_reset(&s->event);
  return check(s, ogl_buf_append(&s->event, value.p, value.n));
}

/* Follows the nesting of bare JSON through one line; 1 when its outermost level closes. */
static int bare_closes(struct ogl_sse *s, struct ogl_span line) {
  for (size_t i = 0; i < line.n; i++) {
    char c = line.p[i];
    if (s->bare_escape) s->bare_escape = 0;
    else if (s->bare_string) {
      if (c == '\\') s->bare_escape = 1;
      else if (c == '"') s->bare_string = 0;
    } else if (c == '"') s->bare_string = 1;
    else if (c == '{' || c == '[') s->bare_open++;
    else if ((c == '}' || c == ']') && --s->bare_open <= 0) return 1;
  }
  return 0;
}

/* Puts back what stood between two pieces of JSON before a gateway cut them: see sse.h. */
static void put_separator(struct ogl_sse *s, struct ogl_buf *b) {
  if (!s->bare_string) {
    ogl_buf_byte(b, '\n');
    return;
  }
  ogl_buf_text(b, "\xe2\x80\xa8");
  s->high = 1;
  s->joined++;
}

static int on_bare(struct ogl_sse *s, struct ogl_span line, struct ogl_frame *frame) {
  if (s->bare_string && !line.n) return OGL_MORE; /* it stands behind each piece */
  if (s->bare.n) put_separator(s, &s->bare);
  if (check(s, ogl_buf_append(&s->bare, line.p, line.n))) return s->err;
  return bare_closes(s, line) ? give_bare(s, frame) : OGL_MORE;
}

/* Name and value of a field line; 0 where there is no colon (all of it is the name). */
static int split(struct ogl_span line, struct ogl_span *name, struct ogl_span *value) {
  const char *colon = memchr(line.p, ':', line.n);
  name->p = line.p;
  name->n = colon ? (size_t)(colon - line.p) : line.n;
  value->p = colon ? colon + 1 : line.p + line.n;
  value->n = colon ? line.n - name->n - 1 : 0;
  if (value->n && *value->p == ' ') value->p++, value->n--;
  return colon != NULL;
}

/* --- open JSON ----------------------------------------------------------------------------------------------- */

/* Whether the data of the event is JSON that is open; it is followed from there on then. */
static int is_open(struct ogl_sse *s) {
  struct ogl_span data = { ogl_buf_bytes(&s->in) + s->only, s->only_n };
  if (s->mode == OGL_SSE_WHATWG || s->bare_open) return 0;
  if (s->copied) data = ogl_buf_span(&s->data);
  s->cut = !bare_closes(s, data) && s->bare_open > 0;
  if (!s->cut) s->bare_open = s->bare_string = s->bare_escape = 0;
  return s->cut;
}

int ogl_sse_reopen(struct ogl_sse *s) {
  if (s->given != OGL_FRAME_EVENT || !is_open(s)) return 0;
  copy_data(s);
  check(s, s->data.err); /* next gives it */
  s->given = NOTHING;
  s->high = 1; /* nothing is known of it any more */
  s->lines = 1;
  return 1;
}

/* Appends one more line to the JSON of the event. */
static int on_piece(struct ogl_sse *s, struct ogl_span piece, struct ogl_frame *frame) {
  copy_data(s);
  put_separator(s, &s->data);
  if (check(s, ogl_buf_append(&s->data, piece.p, piece.n))) return s->err;
  return bare_closes(s, piece) ? give_event(s, frame) : OGL_MORE;
}

static int is_field(struct ogl_span name) {
  return ogl_span_is(name, "data") || ogl_span_is(name, "event") || ogl_span_is(name, "id") ||
         ogl_span_is(name, "retry");
}

/* Takes a line that the standard does not know: `error: …`, or bare JSON. An event or JSON that it interrupts is given first. */
static int on_other(struct ogl_sse *s, struct ogl_span line, struct ogl_span name, struct ogl_span value,
                    struct ogl_frame *frame) {
  if (s->lines && name.n && is_open(s)) return on_piece(s, line, frame);
  int error = ogl_span_is(name, "error") && value.n, json = line.n && (*line.p == '{' || *line.p == '[');
  if (s->mode == OGL_SSE_WHATWG || (!error && !json)) return OGL_MORE;
  if (s->lines) {
    untake(s, line);
    return give_event(s, frame);
  }
  return error ? give(s, frame, OGL_FRAME_ERROR, value) : on_bare(s, line, frame);
}

/* A line while bare JSON is open: more of it, unless it is plainly a field again. */
static int on_bare_line(struct ogl_sse *s, struct ogl_span line, struct ogl_frame *frame) {
  struct ogl_span name, value;
  int colon = split(line, &name, &value);
  if (!colon || (name.n && !is_field(name))) return on_bare(s, line, frame);
  untake(s, line);
  return give_bare(s, frame);
}

/* Whether the line can be the rest of JSON that was cut between two tokens: no event begins so. */
static int is_rest(struct ogl_span value) {
  while (value.n && *value.p == ' ') value.p++, value.n--;
  return value.n && (*value.p == '"' || *value.p == '}' || *value.p == ']');
}

/* Whether the text is an object, and nothing else: what a server reports outside of events, and no rest of a string. */
static int is_report(struct ogl_span s) { return s.n && *s.p == '{' && ogl_json_check(s.p, s.n) == OGL_OK; }

/* A line while the JSON of an event is open: a field ends that, but for more of its data, and so does a report of the server. */
static int on_cut_line(struct ogl_sse *s, struct ogl_span line, struct ogl_frame *frame) {
  struct ogl_span name, value;
  if (!line.n) return OGL_MORE; /* it stands behind each piece */
  int colon = split(line, &name, &value);
  int told = s->bare_string && (is_report(line) || (ogl_span_is(name, "error") && is_report(value)));
  if (!told && (!colon || (name.n && !is_field(name)))) return on_piece(s, line, frame);
  if (!s->bare_string && ogl_span_is(name, "data") && is_rest(value)) return on_piece(s, value, frame);
  untake(s, line);
  return give_event(s, frame);
}

static int on_line(struct ogl_sse *s, struct ogl_span line, struct ogl_frame *frame) {
  struct ogl_span name, value;
  if (OGL_UNLIKELY(s->bare_open)) return s->cut ? on_cut_line(s, line, frame) : on_bare_line(s, line, frame);
  if (line.n == 0) {
    if (s->lines) return give_event(s, frame);
    if (OGL_UNLIKELY(s->named)) keep_id(s);
    ogl_buf_reset(&s->event);
    return OGL_MORE;
  }
  if (OGL_LIKELY(line.n > 5 && !memcmp(line.p, "data:", 5))) {
    size_t skip = line.p[5] == ' ' ? 6 : 5;
    value.p = line.p + skip, value.n = line.n - skip;
    return on_data(s, value);
  }
  if (line.n > 7 && !memcmp(line.p, "event: ", 7)) { /* every third line of some */
    value.p = line.p + 7, value.n = line.n - 7;
    return on_event(s, value);
  }
  split(line, &name, &value);
  if (ogl_span_is(name, "data")) return on_data(s, value);
  if (ogl_span_is(name, "event")) return on_event(s, value);
  if (ogl_span_is(name, "id")) return on_id(s, value);
  if (ogl_span_is(name, "retry")) return on_retry(s, value);
  return on_other(s, line, name, value, frame);
}

/* Skips a byte order mark; 0 while it is not decided whether there is one. */
static int start(struct ogl_sse *s) {
  static const char mark[] = "\xef\xbb\xbf";
  const char *p = ogl_buf_bytes(&s->in);
  size_t n = s->in.n < 3 ? s->in.n : 3;
  if (n && memcmp(p, mark, n) == 0) {
    if (n < 3 && !s->finished) return 0;
    if (n == 3) s->pos = 3;
  } else if (n == 0) {
    return 0;
  }
  return s->started = 1;
}

int ogl_sse_next(struct ogl_sse *s, struct ogl_frame *frame) {
  struct ogl_span line;
  int code;
  if (OGL_UNLIKELY(s->err)) return s->err;
  forget(s);
  if (OGL_UNLIKELY(!s->started) && !start(s)) return OGL_MORE;
  while ((code = take_line(s, &line)) == OGL_OK) {
    code = on_line(s, line, frame);
    if (code != OGL_MORE) return code;
  }
  if (code < 0 || !s->finished || s->mode == OGL_SSE_WHATWG) return code;
  if (s->bare_open && !s->cut) return give_bare(s, frame);
  return s->lines ? give_event(s, frame) : OGL_MORE;
}
