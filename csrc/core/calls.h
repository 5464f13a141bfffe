/* SPDX-License-Identifier: MIT
** calls.h - tool calls on their way: from the first fragment to the complete call.
**
** A protocol finds the call that a fragment belongs to (each has its own rules), and adds the fragment; the events come
** out in the order that a reader needs: TOOL_CALL once the name is known, TOOL_ARGUMENTS only after it, TOOL_CALL_END with
** everything. The first id and the first name that are not empty stay. Memory: ids, names and arguments of the reply's
** calls, together at most OGL_MAX_REPLY.
*/
#ifndef OGL_CALLS_H
#define OGL_CALLS_H

#include "event.h"

OGL_BEGIN

struct ogl_call {
  int64_t key; /* how the protocol knows it, for example the wire's index; -1: not at all */
  int index;   /* the part's place in the reply */
  int announced, ended;
  struct ogl_buf id, name, arguments;
  struct ogl_buf early; /* arguments that came before the name: an event points to them, so they stay where they are */
};

struct ogl_calls {
  struct ogl_call *rows;
  size_t n, cap;
  size_t size; /* bytes held */
};

void ogl_calls_clear(struct ogl_calls *c);
/* A new call; NULL with *err set: OGL_ERR_MEMORY, OGL_ERR_PARTS. It is valid until the next open. */
struct ogl_call *ogl_calls_open(struct ogl_calls *c, int64_t key, int index, int *err);
/* The newest call with that key, or that id; NULL. */
struct ogl_call *ogl_calls_by_key(struct ogl_calls *c, int64_t key);
struct ogl_call *ogl_calls_by_id(struct ogl_calls *c, struct ogl_span id);

/* Adds a fragment (any text may be empty) and pushes its events. 0, OGL_ERR_MEMORY, OGL_ERR_REPLY. */
int ogl_calls_add(struct ogl_calls *c, struct ogl_call *call, struct ogl_span id, struct ogl_span name,
                  struct ogl_span arguments, int choice, struct ogl_queue *out);
/* Pushes the end of one call, once. */
void ogl_calls_end_one(struct ogl_call *call, int choice, struct ogl_queue *out);
/* Pushes the end of every call that has none yet. */
void ogl_calls_end(struct ogl_calls *c, int choice, struct ogl_queue *out);

OGL_END

#endif
