/* SPDX-License-Identifier: MIT
** json.h - a pull reader over one complete JSON text (RFC 8259), built to skip the values that its caller does not want.
**
** Life: `open` on bytes that stay in place, then one call a value: `enter` and `key`/`item` walk objects and arrays,
** `skip`, `string`, `number`, `literal` take one value each; at last `end`. Nothing is allocated. The first error
** stays, and every later call returns it. Skipped values are checked as strictly as those that are read.
**
**   struct ogl_json j;                      int more;
**   ogl_json_open(&j, p, n);                while ((more = ogl_json_key(&j, &key)) > 0)
**   ogl_json_enter(&j, '{');                  if (ogl_span_is(key, "id")) ogl_json_string(&j, &id); else ogl_json_skip(&j, NULL);
**
** The bytes are taken for valid UTF-8 (frame.c repairs the wire, the binding refuses): only escapes are looked at here.
*/
#ifndef OGL_JSON_H
#define OGL_JSON_H

#include <string.h>

#include "buf.h"
#include "number.h"

OGL_BEGIN

struct ogl_json {
  const char *start, *p, *end;
  int depth; /* open objects and arrays that the caller entered */
  int first; /* nothing was taken yet from the innermost one */
  int err;   /* 0, OGL_ERR_SYNTAX, OGL_ERR_DEPTH, or OGL_ERR_INCOMPLETE: the text stops too early */
};

/* A string as it stands between its quotes. */
struct ogl_json_text {
  struct ogl_span raw;
  int escaped; /* has a backslash: needs ogl_json_unescape */
};

/* Begins to read n bytes, which have to stay in place. */
void ogl_json_open(struct ogl_json *j, const char *p, size_t n);

/* The kind of the next value: one of  { [ " 0 (a number) t f n , or 0 if no value can begin (no error is set). */
int ogl_json_peek(struct ogl_json *j);

/* Opens the object ('{') or array ('['); OGL_OK or the error. */
int ogl_json_enter(struct ogl_json *j, char open);
/* The next member's key, as it stands on the wire; OGL_OK, OGL_MORE at the end of the object (which is left), or
   the error. A value must be taken before the next call. */
int ogl_json_key(struct ogl_json *j, struct ogl_span *key);
/* Likewise for arrays. */
int ogl_json_item(struct ogl_json *j);

/* This and the next three take one value each; OGL_OK, or the error. Skips a value of any kind; *raw becomes its text (NULL: not
   wanted). */
int ogl_json_skip(struct ogl_json *j, struct ogl_span *raw);
/* Takes a string. */
int ogl_json_string(struct ogl_json *j, struct ogl_json_text *out);
/* Takes a number. */
int ogl_json_number(struct ogl_json *j, struct ogl_number *out);
/* Takes true, false or null. */
int ogl_json_literal(struct ogl_json *j);

/* Nothing but white space is left: OGL_OK, or OGL_ERR_SYNTAX. */
int ogl_json_end(struct ogl_json *j);

/* Enters an object ('{') or array ('[') if one comes, and skips anything else: 1 where it was entered. */
int ogl_json_enter_or_skip(struct ogl_json *j, char open);
/* Takes a string if one comes, and skips anything else: 1 where it was a string. */
int ogl_json_string_or_skip(struct ogl_json *j, struct ogl_json_text *out);
/* Likewise for a number. */
int ogl_json_number_or_skip(struct ogl_json *j, struct ogl_number *out);

/* Checks a whole text: OGL_OK, or the error. */
int ogl_json_check(const char *p, size_t n);

enum { OGL_LONE = 1 }; /* a lone surrogate was met, and became U+FFFD */

/* Writes the string without escapes to `out`, which has room for raw.n bytes; the length. *lone becomes OGL_LONE where
   that happened, and stays as it was elsewhere. */
size_t ogl_json_unescape(struct ogl_json_text text, char *out, int *lone);

/* Takes the high half of a surrogate pair off the end of the text, and gives it; 0 where the text ends with no such half. */
uint16_t ogl_json_take_high(struct ogl_json_text *text);
/* The same for a low half that the text begins with. */
uint16_t ogl_json_take_low(struct ogl_json_text *text);

/* A text without escapes. */
static inline struct ogl_json_text ogl_json_plain(struct ogl_span s) {
  struct ogl_json_text text = { s, 0 };
  return text;
}

/* Whether the span holds these n bytes. */
static inline int ogl_span_equal(struct ogl_span s, const char *text, size_t n) {
  return s.n == n && memcmp(s.p, text, n) == 0;
}
#define ogl_span_is(s, literal) ogl_span_equal((s), (literal), sizeof(literal) - 1)

OGL_END

#endif
