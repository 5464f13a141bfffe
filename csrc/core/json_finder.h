/* SPDX-License-Identifier: MIT
** json_finder.h - the one JSON value that a model's text holds, found while the text comes: between words, in a fence, behind thoughts.
**
** Life: `init`, `feed` with each piece, `finish`, reading the steps of `value` (json_partial.h) at any time, `clear`. Each byte is looked
** at once, and any split of the text gives the same value. The first error stays, with its place in `err_at`; so does the value so far.
**
** A text has places at which a value is expected: its beginning, the line behind the opening line of a fence (three backticks), and behind
** the end of thoughts (`</think>`). Blanks aside, there any value may begin; between words only an object or an array may.
**
**   a candidate   begins with a bracket and is JSON so far. It is sure once a string has come with what has to follow it, as a key with its
**                 colon; at an expected place a comma makes it sure too. Before, what is no JSON in it shows that all of it was words; from
**                 then on that is an error.
**   a string, a   at an expected place is the value only where nothing else but blanks stands up to the end of the text, or of the fence;
**   number, …     else it was words. A string is given as it grows, the others at that end.
**   which wins    the first that is sure at an expected place; else the first that is sure, until one in a fence comes; else the first
**                 that has ended without being sure, as [1] or {}, until one comes that is sure. What the value was is forgotten then
**                 (OGL_JSON_RESET).
**   given         at once at an expected place, if no value is given yet; else as soon as it is sure to win.
**   thoughts      from <think>, <thinking> or <reasoning> to the tag that closes it are words; so is all that stands before a closing tag
**                 whose opening one is not in the text.
**
** Memory: that of json_partial.h. Limits: bytes of the text, and OGL_MAX_DEPTH.
*/
#ifndef OGL_JSON_FINDER_H
#define OGL_JSON_FINDER_H

#include "json_partial.h"

OGL_BEGIN

struct ogl_json_finder {
  struct ogl_json_partial value;
  size_t fed, max; /* bytes of the text so far, and their ceiling */
  size_t err_at;   /* bytes before the error; without one, before what was last found to be words */
  int err;
  int state;
  int rank;     /* of the value that is given, once it has ended; 0 before */
  int complete; /* the value that is given has ended */
  int expected; /* the candidate began where a value is expected */
  int scalar;   /* the candidate is no object and no array */
  int sure;     /* the candidate is */
  int in_fence, thinking, finished;
  int ticks;    /* backticks in a row */
  int tag_n;    /* bytes of the tag so far, from its `<` on; 0 outside of a tag */
  char tag[16]; /* as long as the longest that is known, and one more */
};

/* An empty text. `max`: the bytes that it may have. Allocates nothing. */
void ogl_json_finder_init(struct ogl_json_finder *f, size_t max);
/* Frees the memory; any number of times. */
void ogl_json_finder_clear(struct ogl_json_finder *f);
/* OGL_OK, or the sticky error: OGL_ERR_SYNTAX, _UTF8, _DEPTH, _REPLY (more than `max` bytes), _MEMORY, _CLOSED (after `finish`). */
int ogl_json_finder_feed(struct ogl_json_finder *f, const char *p, size_t n);
/* The text has ended: OGL_OK with a whole value; OGL_ERR_INCOMPLETE if it is cut, OGL_ERR_SYNTAX if none came, or the error. */
int ogl_json_finder_finish(struct ogl_json_finder *f);

OGL_END

#endif
