/* SPDX-License-Identifier: MIT
** fault.h - an error as servers write it, in any of their forms, as one ERROR event.
**
**   {"error": {"message", "type" | "status", "code"}}   OpenAI, Anthropic, Gemini, providers behind a gateway
**   {"error": "text"}                                   Ollama
**   {"detail": "text" | {…one of these…} | [ … ]}       OpenGateLLM
**   {"object": "error", "message", "type", "code"}      vLLM
**
** The message is the most specific text there is: error.message, error, detail, message, else the JSON itself. Where the answer is
** known to be none, more words are looked for (`ogl_fault_read_other`):
**
**   {"base_resp": {"status_code", "status_msg"}}        MiniMax
**   {"code", "msg"}, {"error_code", "error_msg"}        Z.ai, Baidu
**   {"errors": [{…one of these…}]}                      Cloudflare
*/
#ifndef OGL_FAULT_H
#define OGL_FAULT_H

#include "event.h"

OGL_BEGIN

/* Fills a (message), b (type), c (code) and d (the JSON) of `e` from a whole answer; texts are in `q` or in `json`. Text that
   is no JSON is the message itself. */
void ogl_fault_read(struct ogl_queue *q, struct ogl_span json, struct ogl_event *e);
/* The same for an answer in which nothing else was found. */
void ogl_fault_read_other(struct ogl_queue *q, struct ogl_span json, struct ogl_event *e);
/* Whether the JSON has such words: a status in base_resp that is no success. */
int ogl_fault_is_status(struct ogl_span json);
/* Pushes the ERROR event of an answer, or of the value of its "error" member. */
void ogl_fault_push(struct ogl_queue *q, struct ogl_span json);
/* The same for an answer in which nothing else was found. */
void ogl_fault_push_other(struct ogl_queue *q, struct ogl_span json);

OGL_END

#endif
