/* SPDX-License-Identifier: MIT
** text.h - the text of an answer as its tokens come: held back while it may be the beginning of a stop string, or of a character.
**
** Life: `init`, `stop` for each stop string, then `feed` with the bytes of each token; what it gives is text that the reader may have, and
** `take` takes it. Once `stopped` is set a stop string was met, and the answer is over; what is held at any other end is text too.
*/
#ifndef OGL_LLAMA_TEXT_H
#define OGL_LLAMA_TEXT_H

#include "../core/buf.h"

OGL_BEGIN

enum {
  OGL_LLAMA_MAX_STOPS = 16,      /* Chat Completions takes 4 */
  OGL_LLAMA_MAX_STOP = 1024,     /* bytes of one */
  OGL_LLAMA_MAX_HELD = 64 * 1024 /* a stop string, a character and a token: far less */
};

struct ogl_llama_text {
  struct ogl_buf held;
  struct ogl_buf stops; /* one behind the other */
  size_t ends[OGL_LLAMA_MAX_STOPS], n_stops;
  int stopped;
};

/* An empty text. */
void ogl_llama_text_init(struct ogl_llama_text *t);
/* Frees it; any number of times. */
void ogl_llama_text_clear(struct ogl_llama_text *t);
/* Adds a stop string. 0; OGL_ERR_PARTS where it is empty, too long or one too many; OGL_ERR_MEMORY. */
int ogl_llama_text_stop(struct ogl_llama_text *t, const char *p, size_t n);
/* Takes the bytes of a token. How many bytes at the front of `held` are text now; all of it that will be, where `stopped` is set. Without
   memory the bytes are lost, and held.err says so. */
size_t ogl_llama_text_feed(struct ogl_llama_text *t, const char *p, size_t n);

OGL_END

#endif
