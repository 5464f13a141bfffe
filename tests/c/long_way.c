/* SPDX-License-Identifier: MIT
** long_way.c - see long_way.h.
*/
#include "long_way.h"

#include "../../csrc/protocol/anthropic_state.h"
#include "../../csrc/protocol/gemini_state.h"
#include "../../csrc/protocol/ollama_decode.h"
#include "../../csrc/protocol/openai_chat_state.h"
#include "../../csrc/protocol/openai_responses_state.h"
#include "../../csrc/protocol/registry.h"

static int chat_frame(void *state, const struct ogl_frame *f, struct ogl_queue *out) {
  struct chat_state *s = state;
  ogl_repeat_forget(&s->repeat);
  return ogl_openai_chat.frame(state, f, out);
}

static int anthropic_frame(void *state, const struct ogl_frame *f, struct ogl_queue *out) {
  struct anthropic_state *s = state;
  ogl_repeat_forget(&s->repeat);
  return ogl_anthropic.frame(state, f, out);
}

static int responses_frame(void *state, const struct ogl_frame *f, struct ogl_queue *out) {
  struct responses_state *s = state;
  ogl_repeat_forget(&s->repeat);
  return ogl_openai_responses.frame(state, f, out);
}

static int gemini_frame(void *state, const struct ogl_frame *f, struct ogl_queue *out) {
  struct gemini_state *s = state;
  ogl_repeat_forget(&s->repeat);
  return ogl_gemini.frame(state, f, out);
}

static int ollama_frame(void *state, const struct ogl_frame *f, struct ogl_queue *out) {
  struct ollama_state *s = state;
  ogl_repeat_forget(&s->repeat);
  return ogl_ollama.frame(state, f, out);
}

const struct ogl_protocol *long_way(const struct ogl_protocol *protocol) {
  static struct ogl_protocol copy;
  copy = *protocol;
  if (protocol == &ogl_openai_chat) copy.frame = chat_frame;
  if (protocol == &ogl_anthropic) copy.frame = anthropic_frame;
  if (protocol == &ogl_openai_responses) copy.frame = responses_frame;
  if (protocol == &ogl_gemini) copy.frame = gemini_frame;
  if (protocol == &ogl_ollama) copy.frame = ollama_frame;
  return &copy;
}
