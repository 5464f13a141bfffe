/* SPDX-License-Identifier: MIT
** pick.h - values out of JSON texts that the tests read with the project's own reader, and whether two of them are
** equal.
*/
#ifndef PICK_H
#define PICK_H

#include "../../csrc/core/buf.h"
#include "../../csrc/core/json.h"

/* The raw value of a member; n = 0 where the text is no object, or has no such member. */
struct ogl_span pick(struct ogl_span object, const char *key);
/* The integer or the string's text of a member; `otherwise` or an empty text where there is none. The text lives in `b`,
   behind what was there. */
int64_t pick_integer(struct ogl_span object, const char *key, int64_t otherwise);
struct ogl_span pick_text(struct ogl_buf *b, struct ogl_span object, const char *key);
int pick_is_true(struct ogl_span object, const char *key);
/* A string's text, appended to b. */
struct ogl_span pick_unescape(struct ogl_buf *b, struct ogl_span raw);
/* The next element of an array that was opened with `pick_open`; 0 at its end. */
void pick_open(struct ogl_json *j, struct ogl_span array);
int pick_next(struct ogl_json *j, struct ogl_span *item);

/* Whether two JSON texts are the same value (the order of members does not count). Where one is no JSON: whether they are
   the same bytes. */
int pick_same(struct ogl_span a, struct ogl_span b);

#endif
