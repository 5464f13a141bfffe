/* SPDX-License-Identifier: MIT
** repeat.h - a frame that differs from the last one in a single string.
**
** Between two tokens of a stream, most servers change nothing but the text: same id, same time, same braces. Once a frame
** was read in full, and all that came of it was one text, the bytes around that string are remembered. A frame with the
** same surroundings holds a string in the same place of the same JSON, so its meaning is known without reading it again:
** two comparisons and one scan take the place of the parser (about a sixth of its time).
**
**     {"id":"x","choices":[{"delta":{"content":"  Hel  "}}],"obfuscation":"  a8Kq  ","usage":null}
**     |----------------- head ------------------| text |------- mid -------| idle |----- tail -----|
**
** Some servers pad each chunk with a string that nobody reads (OpenAI's "obfuscation"): the protocol may name one such `idle`
** string behind the text, which may change too.
**
** Others pad it with blanks between the closing brackets (Anthropic): where nothing but brackets stands behind the text, blanks
** there do not count.
**
** This may be used only for a frame that changed nothing else in the protocol's state: `learn` is the protocol's statement
** of that, and every other frame has to `forget`.
*/
#ifndef OGL_REPEAT_H
#define OGL_REPEAT_H

#include "json.h"

OGL_BEGIN

enum { OGL_REPEAT_HEAD = 1024, OGL_REPEAT_TAIL = 512 }; /* bytes: twice what the wordiest server sends */

struct ogl_repeat {
  size_t head_n, mid_n, tail_n; /* head_n 0: nothing learnt; mid_n 0: there is no idle string */
  int loose;                    /* the tail is a quote and brackets, kept without the blanks in it */
  char head[OGL_REPEAT_HEAD], mid[OGL_REPEAT_TAIL], tail[OGL_REPEAT_TAIL];
};

static inline void ogl_repeat_forget(struct ogl_repeat *r) { r->head_n = 0; }
/* `text` is the raw string inside the frame's `data`; `idle` another, which may be empty (n = 0, no string) or stand before
   it (then it counts as part of the head). */
void ogl_repeat_learn(struct ogl_repeat *r, struct ogl_span data, struct ogl_span text, struct ogl_span idle);
/* 1 where data is the learnt frame with another text, which is not empty. */
int ogl_repeat_match(const struct ogl_repeat *r, struct ogl_span data, struct ogl_json_text *text);

OGL_END

#endif
