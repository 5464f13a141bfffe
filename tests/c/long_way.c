/* SPDX-License-Identifier: MIT
** long_way.c - see long_way.h.
*/
#include "long_way.h"

#include "../../csrc/protocol/openai_chat_decode.h"
#include "../../csrc/protocol/registry.h"

static int frame(void *state, const struct ogl_frame *f, struct ogl_queue *out) {
  struct chat_state *s = state;
  ogl_repeat_forget(&s->repeat);
  return ogl_openai_chat.frame(state, f, out);
}

const struct ogl_protocol *long_way(const struct ogl_protocol *protocol) {
  static struct ogl_protocol chat;
  if (protocol != &ogl_openai_chat) return protocol;
  chat = ogl_openai_chat;
  chat.frame = frame;
  return &chat;
}
