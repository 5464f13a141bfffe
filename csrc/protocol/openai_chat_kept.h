/* SPDX-License-Identifier: MIT
** openai_chat_kept.h - the members of a message that only their own server can read, and gets back: the reader keeps each as a part of
** that name, the writer puts it back under it.
*/
#ifndef OGL_OPENAI_CHAT_KEPT_H
#define OGL_OPENAI_CHAT_KEPT_H

/* OpenRouter; LiteLLM, of Anthropic; Gemini through Chat Completions; Copilot; LiteLLM */
#define KEPT_NAMES \
  "reasoning_details", "thinking_blocks", "extra_content", "reasoning_opaque", "provider_specific_fields"

#endif
