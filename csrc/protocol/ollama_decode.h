/* SPDX-License-Identifier: MIT
** ollama_decode.h - the state of the decoder of Ollama's protocol, for it and for the tests of its short way.
*/
#ifndef OGL_OLLAMA_DECODE_H
#define OGL_OLLAMA_DECODE_H

#include "../core/calls.h"
#include "../core/repeat.h"

OGL_BEGIN

struct ollama_state {
  struct ogl_buf model, reason; /* the first model; the server's own word */
  struct ogl_calls calls;
  struct ogl_usage usage;
  struct ogl_buf logprobs;   /* of the frame, in the form of Chat Completions */
  int open_kind, open_index; /* the part that a text of the same kind continues; kind -1: none */
  int next_index;
  uint16_t half; /* of the open part: see ogl_queue_piece */
  int done;

  /* The short way for a line that differs from the last one only in its text and its time (repeat.h): */
  struct ogl_repeat repeat;
  int repeat_kind, repeat_index; /* of the event that it makes */
  struct ogl_span only_text;     /* the raw string of the last text of this frame */
};

OGL_END

#endif
