/* SPDX-License-Identifier: MIT
** rules.h - the grammar that an answer follows, and when it begins: behind the model's thought, where it thinks.
**
** Whether a model thinks shows only once it writes: the prompt may have opened the thought, or the first token opens it. Then the grammar
** sleeps until the thought is closed.
**
** A grammar that looks at the whole vocabulary is slow. So a token is chosen without it first; `allow` asks about that one alone, and only
** where it is refused does `apply` rule out all that are.
**
** Life: zero-filled, `init`, then for each token `allow`, and where it refuses `apply` before the next choice; `accept` with the token
** that counts; `clear`, also twice. What was refused must never be accepted: libllama ends the process for it.
*/
#ifndef OGL_LLAMA_RULES_H
#define OGL_LLAMA_RULES_H

#include <llama.h>

#include "../core/ogl.h"

OGL_BEGIN

enum { OGL_LLAMA_MAX_MARK = 64 }; /* bytes of a mark like <think> */

enum ogl_llama_rules_state { OGL_LLAMA_RULES_ASLEEP, OGL_LLAMA_RULES_PERHAPS, OGL_LLAMA_RULES_AWAKE };

struct ogl_llama_rules {
  struct llama_sampler *grammar; /* NULL: none */
  const struct llama_vocab *vocab;
  enum ogl_llama_rules_state state;
  char open[OGL_LLAMA_MAX_MARK], close[OGL_LLAMA_MAX_MARK];
  char tail[OGL_LLAMA_MAX_MARK]; /* the end of the thought so far */
};

/* `open`, `close`: the marks of a thought, NULL where the model has none; `is_open`: the prompt ended in one. 1; 0 where libllama cannot
   read the grammar (log.h knows why). */
int ogl_llama_rules_init(struct ogl_llama_rules *r, const struct llama_vocab *vocab, const char *grammar,
                         const char *open, const char *close, int is_open);
/* Frees it. */
void ogl_llama_rules_clear(struct ogl_llama_rules *r);
/* Whether a token may come next. */
int ogl_llama_rules_allow(struct ogl_llama_rules *r, llama_token id);
/* Rules out what may not come next, by a logit of minus infinity. */
void ogl_llama_rules_apply(struct ogl_llama_rules *r, llama_token_data_array *all);
/* Notes the token that comes next. */
void ogl_llama_rules_accept(struct ogl_llama_rules *r, llama_token id);

OGL_END

#endif
