/* SPDX-License-Identifier: MIT
** json_step.h - the steps in which a JSON value grows, in a queue: an object begins, a string comes, a container ends.
**
** Life: `init`, any number of `add`, `next` with `pop`, and at last `clear`. `next` gives the first step and leaves it there, so that a
** reader which finds no memory for it may come again; `pop` takes it away. A writer that does not know yet whether its steps will count may
** `hide` what follows, and then either `reveal` or `drop` it.
**
** Memory: one buffer. A step takes a byte, and its key and text with four bytes each.
*/
#ifndef OGL_JSON_STEP_H
#define OGL_JSON_STEP_H

#include "buf.h"

OGL_BEGIN

enum ogl_json_step_kind {
  OGL_JSON_RESET, /* the steps before were of no value: forget them */
  OGL_JSON_OBJECT,
  OGL_JSON_ARRAY,
  OGL_JSON_CLOSE,  /* the innermost object or array is complete */
  OGL_JSON_STRING, /* `text` is the string without escapes */
  OGL_JSON_NUMBER, /* `text` is the number as it stands */
  OGL_JSON_TRUE,
  OGL_JSON_FALSE,
  OGL_JSON_NULL
};

/* What begins a value has a key where the innermost container is an object. The spans are good until the queue is changed. */
struct ogl_json_step {
  int kind;
  int has_key;
  struct ogl_span key, text;
};

struct ogl_json_steps {
  struct ogl_buf bytes;
  uint32_t shown; /* bytes of the steps that `next` may give, while `hiding` */
  uint32_t first; /* bytes of the step that `next` gave */
  int hiding;
};

/* Allocates nothing. */
void ogl_json_steps_init(struct ogl_json_steps *q);
/* Frees the memory; any number of times. */
void ogl_json_steps_clear(struct ogl_json_steps *q);
/* Appends a step; 0, or the sticky error: OGL_ERR_MEMORY, OGL_ERR_REPLY (4 GiB of steps). */
int ogl_json_steps_add(struct ogl_json_steps *q, const struct ogl_json_step *step);
/* OGL_OK with the first step, or OGL_MORE. */
int ogl_json_steps_next(struct ogl_json_steps *q, struct ogl_json_step *step);
/* Takes away the step that `next` gave last. */
void ogl_json_steps_pop(struct ogl_json_steps *q);
/* Holds back the steps that follow. */
void ogl_json_steps_hide(struct ogl_json_steps *q);
/* Gives what was held back, and what follows. */
void ogl_json_steps_reveal(struct ogl_json_steps *q);
/* Forgets what was held back; what follows is given. */
void ogl_json_steps_drop(struct ogl_json_steps *q);

OGL_END

#endif
