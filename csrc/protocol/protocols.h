/* SPDX-License-Identifier: MIT
** protocols.h - the wire protocols: how each is read, and how it is written. registry.c finds them by name.
*/
#ifndef OGL_PROTOCOLS_H
#define OGL_PROTOCOLS_H

#include "../core/encoder.h"
#include "../core/protocol.h"

OGL_BEGIN

extern const struct ogl_protocol ogl_anthropic;
extern const struct ogl_protocol ogl_gemini;
extern const struct ogl_protocol ogl_ollama;
extern const struct ogl_protocol ogl_openai_chat;
extern const struct ogl_protocol ogl_openai_responses;

extern const struct ogl_encoding ogl_anthropic_encoding;
extern const struct ogl_encoding ogl_gemini_encoding;
extern const struct ogl_encoding ogl_ollama_encoding;
extern const struct ogl_encoding ogl_openai_chat_encoding;
extern const struct ogl_encoding ogl_openai_responses_encoding;

OGL_END

#endif
