/* SPDX-License-Identifier: MIT
** json_partial.h - one JSON value whose text comes in pieces: bytes in, steps out (json_step.h), for what has come so far.
**
** Life: `init`; for each value `begin`, then `read` with every piece until `status` says how it ended, or `end` where no more will come; at
** last `clear`. Each byte is looked at once, and any split of the text gives the same steps and ends at the same byte.
**
** A step is given when it cannot change any more: a number at the byte behind it, a literal with its last letter, an object, an array or a
** member's key with the value that it begins. A string is a step when it has ended; before, `open` gives what has come of it: an
** escape or half of a surrogate pair that waits for its other half is not in it, and neither is a part of a character of UTF-8.
** What is accepted, and what each text means, is as in json.h; half a surrogate pair and bytes that are not UTF-8 are errors.
**
** Memory: the steps, the string or number that has not ended, and the last key.
*/
#ifndef OGL_JSON_PARTIAL_H
#define OGL_JSON_PARTIAL_H

#include "json_step.h"

OGL_BEGIN

struct ogl_json_partial {
  struct ogl_json_steps steps;
  struct ogl_buf text;   /* of the string, without escapes, or of the number that is being read */
  struct ogl_buf key;    /* of the value that is being read, in an object */
  uint32_t valid;        /* bytes of `text` that are whole characters */
  unsigned high, escape; /* half a pair that waits for the other one, and the value of an escape so far */
  const char *word;      /* what is left of the literal */
  uint64_t objects[OGL_MAX_DEPTH / 64]; /* a bit a level: it is an object and no array */
  int16_t depth, state, escaped;        /* escaped: bytes of the escape */
  int16_t literal;                      /* the kind of its step */
  int16_t in_key;                       /* the string is a key */
  int16_t after_string;                 /* the last token was a string */
  int16_t texts, commas;                /* a string with what has to follow it has come; a comma has */
  int status; /* OGL_MORE, OGL_OK: the value has ended, or the error: OGL_ERR_SYNTAX, _UTF8, _DEPTH, _MEMORY */
};

/* Allocates nothing. */
void ogl_json_partial_init(struct ogl_json_partial *j);
/* Frees the memory; any number of times. */
void ogl_json_partial_clear(struct ogl_json_partial *j);
/* The next byte begins a value. The steps so far stay. */
void ogl_json_partial_begin(struct ogl_json_partial *j);
/* Reads on, to the end of the bytes or of the value, or to the byte that is an error; where it stopped. A number has ended before the
   byte that shows it. */
const char *ogl_json_partial_read(struct ogl_json_partial *j, const char *p, const char *end);
/* No more bytes will come: a number is complete. */
void ogl_json_partial_end(struct ogl_json_partial *j);
/* OGL_OK with the string that has not ended, as a step; OGL_MORE if no string is open, or it is held back. */
int ogl_json_partial_open(const struct ogl_json_partial *j, struct ogl_json_step *step);

OGL_END

#endif
