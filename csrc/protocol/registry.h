/* SPDX-License-Identifier: MIT
** registry.h - the wire protocols by name.
*/
#ifndef OGL_REGISTRY_H
#define OGL_REGISTRY_H

#include "../core/protocol.h"

OGL_BEGIN

/* The protocol of that name ("openai_chat"), or NULL. */
const struct ogl_protocol *ogl_protocol_find(const char *name);

extern const struct ogl_protocol ogl_anthropic;
extern const struct ogl_protocol ogl_gemini;
extern const struct ogl_protocol ogl_openai_chat;

OGL_END

#endif
