/* SPDX-License-Identifier: MIT
** fault.h - an error as servers write it, in any of their forms, as one ERROR event.
**
**   {"error": {"message", "type" | "status", "code"}}   OpenAI, Anthropic, Gemini, providers behind a gateway
**   {"error": "text"}                                   Ollama
**   {"detail": "text" | {…one of these…} | [ … ]}       OpenGateLLM
**   {"object": "error", "message", "type", "code"}      vLLM
**
** The message is the most specific text there is: error.message, error, detail, message, else the JSON itself.
*/
#ifndef OGL_FAULT_H
#define OGL_FAULT_H

#include "event.h"

OGL_BEGIN

/* Fills a (message), b (type), c (code) and d (the JSON) of `e` from a whole answer; texts are in `q` or in `json`. JSON that
   is none is the message itself. */
void ogl_fault_read(struct ogl_queue *q, struct ogl_span json, struct ogl_event *e);
/* Pushes the ERROR event of an answer, or of the value of its "error" member. */
void ogl_fault_push(struct ogl_queue *q, struct ogl_span json);

OGL_END

#endif
