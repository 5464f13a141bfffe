/* SPDX-License-Identifier: MIT
** registry.h - the wire protocols by name.
*/
#ifndef OGL_REGISTRY_H
#define OGL_REGISTRY_H

#include "../core/encoder.h"
#include "../core/protocol.h"

OGL_BEGIN

/* The protocol of that name ("openai_chat"), or NULL. */
const struct ogl_protocol *ogl_protocol_find(const char *name);

/* The way back: how that protocol is written, or NULL. */
const struct ogl_encoding *ogl_encoding_find(const char *name);

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
