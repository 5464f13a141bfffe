/* SPDX-License-Identifier: MIT
** registry.h - the wire protocols by name.
*/
#ifndef OGL_REGISTRY_H
#define OGL_REGISTRY_H

#include "protocols.h"

OGL_BEGIN

/* The protocol of that name ("openai_chat"), or NULL. */
const struct ogl_protocol *ogl_protocol_find(const char *name);

/* The way back: how that protocol is written, or NULL. */
const struct ogl_encoding *ogl_encoding_find(const char *name);

OGL_END

#endif
