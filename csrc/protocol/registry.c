/* SPDX-License-Identifier: MIT
** registry.c - one line a protocol.
*/
#include "registry.h"

#include <string.h>

static const struct ogl_protocol *const protocols[] = {
  &ogl_anthropic, &ogl_gemini, &ogl_openai_chat, &ogl_openai_responses, &ogl_ollama,
};

static const struct ogl_encoding *const encodings[] = {
  &ogl_anthropic_encoding,   &ogl_gemini_encoding,           &ogl_ollama_encoding,
  &ogl_openai_chat_encoding, &ogl_openai_responses_encoding,
};

const struct ogl_protocol *ogl_protocol_find(const char *name) {
  for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
    if (strcmp(protocols[i]->name, name) == 0) return protocols[i];
  return NULL;
}

const struct ogl_encoding *ogl_encoding_find(const char *name) {
  for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++)
    if (strcmp(encodings[i]->name, name) == 0) return encodings[i];
  return NULL;
}
