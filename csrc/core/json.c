/* SPDX-License-Identifier: MIT
** json.c - see json.h.
*/
#include "json.h"

#include "scan.h"
#include "utf8.h"

void ogl_json_open(struct ogl_json *j, const char *p, size_t n) {
  j->start = j->p = p;
  j->end = n ? p + n : p; /* p may be NULL then */
  j->depth = j->first = j->err = 0;
}

/* The error at the current place: a text that ends here is incomplete rather than wrong. */
static int fail(struct ogl_json *j) {
  if (!j->err) j->err = j->p >= j->end ? OGL_ERR_INCOMPLETE : OGL_ERR_SYNTAX;
  return j->err;
}

static int fail_as(struct ogl_json *j, int code) {
  if (!j->err) j->err = code;
  return j->err;
}

static inline const char *blank(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  return p;
}

/* The next byte that is no white space, or 0 at the end. */
static inline int ahead(struct ogl_json *j) {
  if (OGL_UNLIKELY(j->p < j->end && (unsigned char)*j->p <= ' ')) j->p = blank(j->p, j->end);
  return j->p < j->end ? *j->p : 0;
}

/* --- strings ------------------------------------------------------------------------------------------------- */

static inline int hex(int c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits at p as a number, or -1. */
static int hex4(const char *p, const char *end) {
  if (end - p < 4) return -1;
  int v = 0;
  for (int i = 0; i < 4; i++) {
    int d = hex(p[i]);
    if (d < 0) return -1;
    v = v * 16 + d;
  }
  return v;
}

/* The byte behind the escape at p (a backslash), or NULL; *short_of is set where only the end of input is at fault. */
static const char *escape_end(const char *p, const char *end, int *short_of) {
  if (end - p < 2) return *short_of = 1, NULL;
  if (p[1] == 'u') {
    for (int i = 2; i < 6; i++) {
      if (p + i >= end) return *short_of = 1, NULL;
      if (hex(p[i]) < 0) return NULL;
    }
    return p + 6;
  }
  return strchr("\"\\/bfnrt", p[1]) && p[1] ? p + 2 : NULL;
}

/* From behind the opening quote to the closing one, or NULL with the error set; the slow half, from the first byte that
   is not plain text. */
static const char *rough_string_end(struct ogl_json *j, const char *p, int *escaped) {
  for (;;) {
    int short_of = 0;
    const char *next;
    p = ogl_scan_string(p, j->end);
    if (p >= j->end) return fail_as(j, OGL_ERR_INCOMPLETE), NULL;
    if (*p == '"') return p;
    if (*p != '\\') return fail_as(j, OGL_ERR_SYNTAX), NULL; /* a control character */
    *escaped = 1;
    if (!(next = escape_end(p, j->end, &short_of)))
      return fail_as(j, short_of ? OGL_ERR_INCOMPLETE : OGL_ERR_SYNTAX), NULL;
    p = next;
  }
}

static inline const char *string_end(struct ogl_json *j, const char *p, int *escaped) {
  p = ogl_scan_string(p, j->end);
  return OGL_LIKELY(p < j->end && *p == '"') ? p : rough_string_end(j, p, escaped);
}

int ogl_json_string(struct ogl_json *j, struct ogl_json_text *out) {
  if (OGL_UNLIKELY(j->err)) return j->err;
  if (OGL_UNLIKELY(ahead(j) != '"')) return fail(j);
  const char *from = j->p + 1, *to;
  out->escaped = 0;
  if (!(to = string_end(j, from, &out->escaped))) return j->err;
  out->raw.p = from;
  out->raw.n = (size_t)(to - from);
  j->p = to + 1;
  j->first = 0;
  return OGL_OK;
}

/* One \u escape at p, with the second half of a pair if it is there; the byte behind it. */
static const char *unescape_unicode(const char *p, const char *end, char **out, int *lone) {
  int c = hex4(p + 2, end);
  p += 6;
  if (c >= 0xd800 && c <= 0xdbff && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
    int low = hex4(p + 2, end);
    if (low >= 0xdc00 && low <= 0xdfff) {
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
      p += 6;
    }
  }
  if (c >= 0xd800 && c <= 0xdfff) c = 0xfffd, *lone = OGL_LONE;
  *out += ogl_utf8_put(*out, (unsigned)c);
  return p;
}

size_t ogl_json_unescape(struct ogl_json_text text, char *out, int *lone) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *p = text.raw.p, *end = p + text.raw.n;
  char *start = out;
  while (p < end) {
    const char *plain = memchr(p, '\\', (size_t)(end - p));
    size_t n = (size_t)((plain ? plain : end) - p);
    memcpy(out, p, n);
    out += n;
    p += n;
    if (p >= end) break;
    if (p[1] == 'u') p = unescape_unicode(p, end, &out, lone);
    else *out++ = to[strchr(from, p[1]) - from], p += 2;
  }
  return (size_t)(out - start);
}

/* The value of the \u escape of 6 bytes between the two; 0 where there is no such escape. */
static uint16_t half_at(const char *p, const char *end, int from, int to) {
  int c = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : 0;
  return c >= from && c <= to ? (uint16_t)c : 0;
}

uint16_t ogl_json_take_high(struct ogl_json_text *text) {
  const char *start = text->raw.p, *end = start + text->raw.n;
  size_t before = 0; /* backslashes in front: an odd one escapes ours */
  if (!text->escaped || text->raw.n < 6) return 0;
  const char *p = end - 6;
  uint16_t high = half_at(p, end, 0xd800, 0xdbff);
  while (p - start > (ptrdiff_t)before && p[-1 - (ptrdiff_t)before] == '\\') before++;
  if (!high || before % 2) return 0;
  text->raw.n -= 6;
  return high;
}

uint16_t ogl_json_take_low(struct ogl_json_text *text) {
  uint16_t low = text->escaped ? half_at(text->raw.p, text->raw.p + text->raw.n, 0xdc00, 0xdfff) : 0;
  if (!low) return 0;
  text->raw.p += 6;
  text->raw.n -= 6;
  return low;
}

/* --- other scalars ------------------------------------------------------------------------------------------- */

/* The number at p by its grammar alone; the byte behind it, or NULL; *short_of as in escape_end. */
static const char *skip_number(const char *p, const char *end, int *short_of) {
  if (p < end && *p == '-') p++;
  if (p >= end || (unsigned)(*p - '0') > 9) return *short_of = p >= end, NULL;
  if (*p++ != '0')
    while (p < end && (unsigned)(*p - '0') <= 9) p++;
  if (p < end && *p == '.') {
    const char *digits = ++p;
    while (p < end && (unsigned)(*p - '0') <= 9) p++;
    if (p == digits) return *short_of = p >= end, NULL;
  }
  if (p < end && (*p | 0x20) == 'e') {
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    const char *digits = p;
    while (p < end && (unsigned)(*p - '0') <= 9) p++;
    if (p == digits) return *short_of = p >= end, NULL;
  }
  return p;
}

static int fail_number(struct ogl_json *j) {
  int short_of = 0;
  skip_number(j->p, j->end, &short_of);
  return fail_as(j, short_of ? OGL_ERR_INCOMPLETE : OGL_ERR_SYNTAX);
}

int ogl_json_number(struct ogl_json *j, struct ogl_number *out) {
  if (OGL_UNLIKELY(j->err)) return j->err;
  ahead(j);
  const char *p = ogl_number_read(j->p, j->end, out);
  if (OGL_UNLIKELY(!p)) return fail_number(j);
  j->p = p;
  j->first = 0;
  return OGL_OK;
}

int ogl_json_literal(struct ogl_json *j) {
  if (j->err) return j->err;
  int c = ahead(j);
  const char *word = c == 't' ? "true" : c == 'f' ? "false" : c == 'n' ? "null" : NULL;
  size_t n = c == 'f' ? 5 : 4, left = (size_t)(j->end - j->p);
  if (!word || memcmp(j->p, word, left < n ? left : n)) return fail(j);
  if (left < n) return fail_as(j, OGL_ERR_INCOMPLETE);
  j->p += n;
  j->first = 0;
  return OGL_OK;
}

int ogl_json_peek(struct ogl_json *j) {
  if (OGL_UNLIKELY(j->err)) return 0;
  int c = ahead(j);
  switch (c) {
    case '{':
    case '[':
    case '"':
    case 't':
    case 'f':
    case 'n': return c;
    default: return c == '-' || (c >= '0' && c <= '9') ? '0' : 0;
  }
}

/* --- objects and arrays -------------------------------------------------------------------------------------- */

int ogl_json_enter(struct ogl_json *j, char open) {
  if (OGL_UNLIKELY(j->err)) return j->err;
  if (OGL_UNLIKELY(ahead(j) != open)) return fail(j);
  if (OGL_UNLIKELY(++j->depth > OGL_MAX_DEPTH)) return fail_as(j, OGL_ERR_DEPTH);
  j->p++;
  j->first = 1;
  return OGL_OK;
}

/* To the next member or item, past the comma; OGL_MORE where `close` ends it. */
static inline int advance(struct ogl_json *j, char close) {
  if (OGL_UNLIKELY(j->err)) return j->err;
  int c = ahead(j);
  if (c == close) {
    j->p++;
    j->depth--;
    j->first = 0;
    return OGL_MORE;
  }
  if (j->first) return OGL_OK;
  if (OGL_UNLIKELY(c != ',')) return fail(j);
  j->p++;
  if (OGL_UNLIKELY(ahead(j) == close)) return fail(j);
  return OGL_OK;
}

int ogl_json_key(struct ogl_json *j, struct ogl_span *key) {
  struct ogl_json_text text;
  int code = advance(j, '}');
  if (code != OGL_OK) return code;
  if (OGL_UNLIKELY(ogl_json_string(j, &text) < 0)) return j->err;
  if (OGL_UNLIKELY(ahead(j) != ':')) return fail(j);
  j->p++;
  *key = text.raw;
  return OGL_OK;
}

int ogl_json_item(struct ogl_json *j) {
  int code = advance(j, ']');
  if (code == OGL_OK) j->first = 0;
  return code;
}

/* --- skipping ------------------------------------------------------------------------------------------------ */

static int skip_scalar(struct ogl_json *j, int c) {
  if (c == '"') {
    int escaped = 0;
    const char *to = string_end(j, j->p + 1, &escaped);
    if (to) j->p = to + 1;
    return to ? OGL_OK : j->err;
  }
  if (c == '-' || (c >= '0' && c <= '9')) {
    int short_of = 0;
    const char *p = skip_number(j->p, j->end, &short_of);
    if (!p) return fail_as(j, short_of ? OGL_ERR_INCOMPLETE : OGL_ERR_SYNTAX);
    j->p = p;
    return OGL_OK;
  }
  return ogl_json_literal(j);
}

/* A key and its colon, inside a skipped object. */
static int skip_key(struct ogl_json *j) {
  if (ahead(j) != '"') return fail(j);
  if (skip_scalar(j, '"') < 0) return j->err;
  if (ahead(j) != ':') return fail(j);
  j->p++;
  return OGL_OK;
}

/* Whether level `depth` of a skipped value is an object: one bit a level. */
struct nest {
  uint64_t object[OGL_MAX_DEPTH / 64 + 1];
  int depth;
};

static int nest_enter(struct ogl_json *j, struct nest *at, int object) {
  if (at->depth + j->depth >= OGL_MAX_DEPTH) return fail_as(j, OGL_ERR_DEPTH);
  uint64_t bit = UINT64_C(1) << (at->depth & 63), *word = &at->object[at->depth >> 6];
  *word = object ? *word | bit : *word & ~bit;
  at->depth++;
  j->p++;
  return OGL_OK;
}

static inline int nest_is_object(const struct nest *at) {
  int level = at->depth - 1;
  return (int)(at->object[level >> 6] >> (level & 63) & 1);
}

/* After a value: leaves what ends here, and goes past a comma. OGL_MORE once the outermost level was left. */
static int nest_advance(struct ogl_json *j, struct nest *at) {
  while (at->depth) {
    int object = nest_is_object(at), c = ahead(j);
    if (c == (object ? '}' : ']')) {
      j->p++;
      at->depth--;
      continue;
    }
    if (c != ',') return fail(j);
    j->p++;
    return object ? skip_key(j) : OGL_OK;
  }
  return OGL_MORE;
}

/* Opens the level at j->p. OGL_OK where a value follows, OGL_MORE where it was empty and is closed again. */
static int nest_open(struct ogl_json *j, struct nest *at, int c) {
  int object = c == '{';
  if (nest_enter(j, at, object) < 0) return j->err;
  if (ahead(j) == (object ? '}' : ']')) {
    j->p++;
    at->depth--;
    return OGL_MORE;
  }
  return object ? skip_key(j) : OGL_OK;
}

static int skip_nested(struct ogl_json *j) {
  struct nest at = { { 0 }, 0 };
  for (;;) {
    int c = ahead(j), code;
    if (c == '{' || c == '[') {
      code = nest_open(j, &at, c);
      if (code < 0) return code;
      if (code == OGL_OK) continue;
    } else if (skip_scalar(j, c) < 0) {
      return j->err;
    }
    code = nest_advance(j, &at);
    if (code != OGL_OK) return code < 0 ? code : OGL_OK;
  }
}

int ogl_json_skip(struct ogl_json *j, struct ogl_span *raw) {
  if (OGL_UNLIKELY(j->err)) return j->err;
  int c = ahead(j);
  const char *from = j->p;
  int code = c == '{' || c == '[' ? skip_nested(j) : skip_scalar(j, c);
  if (code < 0) return code;
  j->first = 0;
  if (raw) {
    raw->p = from;
    raw->n = (size_t)(j->p - from);
  }
  return OGL_OK;
}

int ogl_json_end(struct ogl_json *j) {
  if (j->err) return j->err;
  return ahead(j) || j->p < j->end ? fail_as(j, OGL_ERR_SYNTAX) : OGL_OK;
}

int ogl_json_enter_or_skip(struct ogl_json *j, char open) {
  if (ogl_json_peek(j) == open) return ogl_json_enter(j, open) == OGL_OK;
  ogl_json_skip(j, NULL);
  return 0;
}

int ogl_json_string_or_skip(struct ogl_json *j, struct ogl_json_text *out) {
  if (ogl_json_peek(j) == '"') return ogl_json_string(j, out) == OGL_OK;
  ogl_json_skip(j, NULL);
  return 0;
}

int ogl_json_number_or_skip(struct ogl_json *j, struct ogl_number *out) {
  if (ogl_json_peek(j) == '0') return ogl_json_number(j, out) == OGL_OK;
  ogl_json_skip(j, NULL);
  return 0;
}

int ogl_json_check(const char *p, size_t n) {
  struct ogl_json j;
  ogl_json_open(&j, p, n);
  ogl_json_skip(&j, NULL);
  return ogl_json_end(&j);
}
