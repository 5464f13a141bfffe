/* SPDX-License-Identifier: MIT
** json_partial.c - see json_partial.h. `read` gives each byte, or run of bytes, to the function of the present state.
*/
#include "json_partial.h"

#include "number.h"
#include "scan.h"
#include "utf8.h"

enum state {
  VALUE,     /* a value has to come */
  ITEM,      /* a value, or the end of the array */
  FIRST_KEY, /* a key, or the end of the object */
  KEY,
  COLON,
  NEXT, /* a comma, or the end of what is open */
  STRING,
  ESCAPE,
  NUMBER,
  LITERAL
};

void ogl_json_partial_init(struct ogl_json_partial *j) {
  memset(j, 0, sizeof *j);
  ogl_json_steps_init(&j->steps);
  ogl_buf_init(&j->text, UINT32_MAX, OGL_ERR_REPLY);
  ogl_buf_init(&j->key, UINT32_MAX, OGL_ERR_REPLY);
}

void ogl_json_partial_clear(struct ogl_json_partial *j) {
  ogl_json_steps_clear(&j->steps);
  ogl_buf_clear(&j->text);
  ogl_buf_clear(&j->key);
}

void ogl_json_partial_begin(struct ogl_json_partial *j) {
  j->depth = j->after_string = j->texts = j->commas = 0;
  j->state = VALUE;
  j->status = OGL_MORE;
}

static const char *fail(struct ogl_json_partial *j, int code, const char *p) {
  j->status = code;
  return p;
}

/* --- what is open ------------------------------------------------------------------------------------------------ */

static int in_object(const struct ogl_json_partial *j) {
  int level = j->depth - 1;
  return level >= 0 && (int)(j->objects[level >> 6] >> (level & 63) & 1);
}

static void add(struct ogl_json_partial *j, int kind, struct ogl_span text) {
  struct ogl_json_step step = { kind, 0, { "", 0 }, { "", 0 } };
  step.text = text;
  step.has_key = kind != OGL_JSON_CLOSE && in_object(j);
  if (step.has_key) step.key = ogl_buf_span(&j->key);
  if (ogl_json_steps_add(&j->steps, &step)) j->status = j->steps.bytes.err;
}

static void add_plain(struct ogl_json_partial *j, int kind) {
  struct ogl_span none = { "", 0 };
  add(j, kind, none);
}

/* A value has ended. */
static void value_ended(struct ogl_json_partial *j) {
  j->state = NEXT;
  if (!j->depth && !j->status) j->status = OGL_OK;
}

static const char *enter(struct ogl_json_partial *j, int object, const char *p) {
  if (j->depth == OGL_MAX_DEPTH) return fail(j, OGL_ERR_DEPTH, p);
  add_plain(j, object ? OGL_JSON_OBJECT : OGL_JSON_ARRAY);
  uint64_t bit = UINT64_C(1) << (j->depth & 63), *word = &j->objects[j->depth >> 6];
  *word = object ? *word | bit : *word & ~bit;
  j->depth++;
  j->state = object ? FIRST_KEY : ITEM;
  return p + 1;
}

static const char *leave(struct ogl_json_partial *j, const char *p) {
  j->depth--;
  add_plain(j, OGL_JSON_CLOSE);
  value_ended(j);
  return p + 1;
}

/* --- strings ----------------------------------------------------------------------------------------------------- */

static void keep(struct ogl_json_partial *j, const char *p, size_t n) {
  if (ogl_buf_append(&j->text, p, n)) j->status = j->text.err;
}

/* Appends plain bytes of a string; the byte behind, or the one that is wrong. At their end a character may be cut. */
static const char *take_run(struct ogl_json_partial *j, const char *p, size_t n) {
  uint32_t before = j->text.n;
  keep(j, p, n);
  if (j->status) return p;
  struct ogl_span all = ogl_buf_span(&j->text);
  j->valid += (uint32_t)ogl_utf8_valid(all.p + j->valid, all.n - j->valid);
  size_t rest = all.n - j->valid, begun = rest ? ogl_utf8_begun(all.p + j->valid, rest) : 0;
  return begun < rest ? fail(j, OGL_ERR_UTF8, p + (j->valid + begun - before)) : p + n;
}

static const char *begin_string(struct ogl_json_partial *j, int is_key, const char *p) {
  ogl_buf_reset(&j->text);
  j->valid = j->high = 0;
  j->in_key = (int16_t)is_key;
  j->state = STRING;
  return p + 1;
}

/* The string has ended, and is `text`. */
static const char *end_string(struct ogl_json_partial *j, struct ogl_span text, const char *p) {
  j->after_string = 1;
  if (j->in_key) {
    ogl_buf_reset(&j->key);
    if (ogl_buf_append(&j->key, text.p, text.n)) j->status = j->key.err;
    j->state = COLON;
    return p + 1;
  }
  add(j, OGL_JSON_STRING, text);
  value_ended(j);
  return p + 1;
}

/* Plain bytes of a string, and its end where that comes. A string that has come whole and plain is not copied. */
static const char *in_string(struct ogl_json_partial *j, const char *p, const char *end) {
  const char *to = ogl_scan_string(p, end);
  size_t n = (size_t)(to - p);
  if (j->high && (n || *to != '\\')) return fail(j, OGL_ERR_UTF8, p);
  if (to < end && *to == '"' && !j->text.n && ogl_utf8_valid(p, n) == n) {
    struct ogl_span whole = { p, n };
    return end_string(j, whole, to);
  }
  if (n) p = take_run(j, p, n);
  if (j->status || to == end) return p;
  if (j->valid < j->text.n) return fail(j, OGL_ERR_UTF8, to);
  if (*to == '"') return end_string(j, ogl_buf_span(&j->text), to);
  if (*to != '\\') return fail(j, OGL_ERR_SYNTAX, to); /* a control character */
  j->state = ESCAPE;
  j->escaped = 1;
  j->escape = 0;
  return to + 1;
}

/* Appends the character of a \u escape; half a pair waits. */
static int take_unicode(struct ogl_json_partial *j, unsigned c) {
  char out[4];
  int is_low = c >= 0xdc00 && c <= 0xdfff;
  if (!j->high != !is_low) return OGL_ERR_UTF8;
  if (is_low) c = 0x10000 + ((j->high - 0xd800) << 10) + (c - 0xdc00);
  j->high = c >= 0xd800 && c <= 0xdbff ? c : 0;
  if (!j->high) keep(j, out, ogl_utf8_put(out, c));
  j->valid = j->text.n;
  return j->status;
}

static int hex(int c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The letter behind a backslash. */
static const char *take_letter(struct ogl_json_partial *j, const char *p) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *found = *p ? strchr(from, *p) : NULL;
  if (!found || j->high) return fail(j, j->high ? OGL_ERR_UTF8 : OGL_ERR_SYNTAX, p);
  keep(j, to + (found - from), 1);
  j->valid = j->text.n;
  j->state = STRING;
  return p + 1;
}

static const char *in_escape(struct ogl_json_partial *j, const char *p) {
  if (j->escaped == 1 && *p != 'u') return take_letter(j, p);
  int digit = j->escaped == 1 ? 0 : hex(*p);
  if (digit < 0) return fail(j, OGL_ERR_SYNTAX, p);
  j->escape = j->escape << 4 | (unsigned)digit;
  if (++j->escaped < 6) return p + 1;
  j->state = STRING;
  int code = take_unicode(j, j->escape);
  return code ? fail(j, code, p) : p + 1;
}

/* --- other scalars ----------------------------------------------------------------------------------------------- */

static int of_number(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static void end_number(struct ogl_json_partial *j) {
  struct ogl_span text = ogl_buf_span(&j->text);
  struct ogl_number v;
  if (ogl_number_read(text.p, text.p + text.n, &v) != text.p + text.n) {
    j->status = OGL_ERR_SYNTAX;
    return;
  }
  add(j, OGL_JSON_NUMBER, text);
  value_ended(j);
}

static const char *in_number(struct ogl_json_partial *j, const char *p, const char *end) {
  const char *from = p;
  while (p < end && of_number(*p)) p++;
  keep(j, from, (size_t)(p - from));
  if (p < end && !j->status) end_number(j);
  return p;
}

static const char *in_literal(struct ogl_json_partial *j, const char *p) {
  if (*p != *j->word) return fail(j, OGL_ERR_SYNTAX, p);
  if (*++j->word) return p + 1;
  add_plain(j, j->literal);
  value_ended(j);
  return p + 1;
}

static const char *begin_literal(struct ogl_json_partial *j, const char *p) {
  j->word = *p == 't' ? "true" : *p == 'f' ? "false" : "null";
  j->literal = *p == 't' ? OGL_JSON_TRUE : *p == 'f' ? OGL_JSON_FALSE : OGL_JSON_NULL;
  j->state = LITERAL;
  return p;
}

/* --- between ------------------------------------------------------------------------------------------------------ */

static const char *begin_value(struct ogl_json_partial *j, const char *p) {
  switch (*p) {
    case '{': return enter(j, 1, p);
    case '[': return enter(j, 0, p);
    case '"': return begin_string(j, 0, p);
    case 't':
    case 'f':
    case 'n': return begin_literal(j, p);
    default: break;
  }
  if (*p != '-' && (*p < '0' || *p > '9')) return fail(j, OGL_ERR_SYNTAX, p);
  ogl_buf_reset(&j->text);
  j->state = NUMBER;
  return p;
}

/* Behind a value inside of a container. */
static const char *go_on(struct ogl_json_partial *j, const char *p) {
  int object = in_object(j);
  if (*p != ',' && *p != (object ? '}' : ']')) return fail(j, OGL_ERR_SYNTAX, p);
  j->texts |= j->after_string;
  j->after_string = 0;
  if (*p != ',') return leave(j, p);
  j->commas = 1;
  j->state = object ? KEY : VALUE;
  return p + 1;
}

static const char *between(struct ogl_json_partial *j, const char *p) {
  if (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') return p + 1;
  switch (j->state) {
    case COLON:
      if (*p != ':') return fail(j, OGL_ERR_SYNTAX, p);
      j->texts = 1;
      j->after_string = 0;
      j->state = VALUE;
      return p + 1;
    case NEXT: return go_on(j, p);
    case FIRST_KEY:
    case KEY:
      if (*p == '}' && j->state == FIRST_KEY) return leave(j, p);
      return *p == '"' ? begin_string(j, 1, p) : fail(j, OGL_ERR_SYNTAX, p);
    default: return *p == ']' && j->state == ITEM ? leave(j, p) : begin_value(j, p);
  }
}

const char *ogl_json_partial_read(struct ogl_json_partial *j, const char *p, const char *end) {
  while (p < end && j->status == OGL_MORE) {
    switch (j->state) {
      case STRING: p = in_string(j, p, end); break;
      case ESCAPE: p = in_escape(j, p); break;
      case NUMBER: p = in_number(j, p, end); break;
      case LITERAL: p = in_literal(j, p); break;
      default: p = between(j, p); break;
    }
  }
  return p;
}

void ogl_json_partial_end(struct ogl_json_partial *j) {
  if (j->status == OGL_MORE && j->state == NUMBER) end_number(j);
}

int ogl_json_partial_open(const struct ogl_json_partial *j, struct ogl_json_step *step) {
  if ((j->state != STRING && j->state != ESCAPE) || j->in_key || j->steps.hiding) return OGL_MORE;
  memset(step, 0, sizeof *step);
  step->kind = OGL_JSON_STRING;
  step->has_key = in_object(j);
  if (step->has_key) step->key = ogl_buf_span(&j->key);
  step->text = ogl_buf_span(&j->text);
  step->text.n = j->valid;
  return OGL_OK;
}
