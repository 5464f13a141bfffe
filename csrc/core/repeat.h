/* SPDX-License-Identifier: MIT
** repeat.h - a frame that differs from the last one in a few places.
**
** Between two tokens of a stream, most servers change nothing but the text, a counter and a padding: same id, same braces. Once
** a frame was read in full, and all that came of it is known to depend on those places alone (its holes), the bytes around them
** are remembered. A frame with the same surroundings has the same JSON, so its meaning is known without reading it again: a few
** comparisons and a scan of each hole take the place of the parser (about a sixth of its time).
**
**     {"id":"x","choices":[{"delta":{"content":"  Hel  "}}],"obfuscation":"  a8Kq  ","sequence_number":  17  }
**     |--------------- part ------------------| text |-------- part -------| idle |-------- part -----| number | part
**
** A hole is the text, a string that no reader needs (OpenAI's "obfuscation", Ollama's "created_at"), or a number, which is given
** (Gemini counts its tokens) or not needed either.
**
** Some servers pad a chunk with blanks between the closing brackets (Anthropic): where nothing but brackets stands behind the last
** hole, a string, blanks there do not count.
**
** This may be used only for a frame that changed nothing else in the protocol's state: `learn` is the protocol's statement
** of that, and every other frame has to `forget`.
*/
#ifndef OGL_REPEAT_H
#define OGL_REPEAT_H

#include "json.h"

OGL_BEGIN

enum {
  OGL_REPEAT_BYTES = 1536, /* of all parts: twice what the wordiest server sends */
  OGL_REPEAT_HOLES = 6,
  OGL_REPEAT_NUMBERS = 4
};

/* The kind of a hole: the text, an idle string, or OGL_HOLE_NUMBER + i for a number that is given as numbers[i]. */
enum ogl_hole_kind { OGL_HOLE_TEXT, OGL_HOLE_IDLE, OGL_HOLE_NUMBER };

struct ogl_hole {
  struct ogl_span raw; /* in the frame, a string without its quotes; p NULL: there is no such hole */
  int kind;
};

struct ogl_repeat {
  int n; /* holes; 0: nothing learnt */
  int kinds[OGL_REPEAT_HOLES];
  size_t sizes[OGL_REPEAT_HOLES + 1]; /* of the parts */
  size_t total;
  int loose;   /* the last part is a quote and brackets, kept without the blanks in it */
  char *bytes; /* the parts, one behind the other */
};

struct ogl_repeated {
  struct ogl_json_text text;
  int64_t numbers[OGL_REPEAT_NUMBERS];
};

/* A number as a hole, where it is an integer without a sign that is not too long; else none. */
static inline struct ogl_hole ogl_hole_number(struct ogl_span raw, int i) {
  struct ogl_hole hole = { raw, OGL_HOLE_NUMBER + i };
  for (size_t k = 0; k < raw.n; k++)
    if (raw.p[k] < '0' || raw.p[k] > '9') hole.raw.p = NULL;
  if (!raw.n || raw.n > 15) hole.raw.p = NULL;
  return hole;
}

/* Frees the memory; it has learnt nothing then. */
void ogl_repeat_clear(struct ogl_repeat *r);

/* The next frame is read in full. */
static inline void ogl_repeat_forget(struct ogl_repeat *r) { r->n = 0; }
/* Remembers the frame's `data`, of which the holes are parts, in any order; they are sorted here. Strings are holes of JSON
   strings, numbers are integers without a sign. One of them is the text. */
void ogl_repeat_learn(struct ogl_repeat *r, struct ogl_span data, struct ogl_hole *holes, int n);
/* 1 where data is the learnt frame with other things in its holes; the text is not empty. */
int ogl_repeat_match(const struct ogl_repeat *r, struct ogl_span data, struct ogl_repeated *found);

OGL_END

#endif
