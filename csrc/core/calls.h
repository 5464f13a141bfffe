/* SPDX-License-Identifier: MIT
** calls.h - tool calls on their way: from the first fragment to the complete call.
**
** A protocol finds the call that a fragment belongs to (each has its own rules), and adds the fragment; the events come
** out in the order that a reader needs: TOOL_CALL once the name is known, TOOL_ARGUMENTS only after it, TOOL_CALL_END with
** everything. The first id and the first name that are not empty stay. Arguments that are nothing but `null` mean that there
** are none: such a piece waits until more comes, or the end. Memory: ids, names and arguments of the reply's calls, together at most
** OGL_MAX_REPLY.
*/
#ifndef OGL_CALLS_H
#define OGL_CALLS_H

#include "event.h"

OGL_BEGIN

/* What a look at the arguments so far found: see ogl_calls_is_complete. */
struct ogl_call_look {
  size_t at; /* bytes looked at */
  int depth, in_string, escape;
  int closed; /* the outermost brace closed: 1 behind a JSON object, -1 behind something else */
};

struct ogl_call {
  int64_t key;  /* how the protocol knows it, for example the wire's index; -1: not at all */
  int64_t also; /* another key that it was continued by; -1: none */
  int index;    /* the part's place in the reply */
  int announced, ended;
  uint16_t half; /* see ogl_queue_piece */
  struct ogl_buf id, name, arguments;
  struct ogl_buf early; /* arguments that waited: an event points to them, so they stay where they are */
  size_t given;         /* bytes of arguments that went out */
  struct ogl_call_look look;
};

struct ogl_calls {
  struct ogl_call *rows;
  size_t n, cap;
  size_t size; /* bytes held */
};

/* Frees all calls; there may be new ones afterwards. */
void ogl_calls_clear(struct ogl_calls *c);
/* A new call; NULL with *err set: OGL_ERR_MEMORY, OGL_ERR_PARTS. It is valid until the next open. */
struct ogl_call *ogl_calls_open(struct ogl_calls *c, int64_t key, int index, int *err);
/* The newest call with that key (also its other one); NULL. */
struct ogl_call *ogl_calls_by_key(struct ogl_calls *c, int64_t key);
/* The newest call with that id, or NULL; an empty id is that of no call. */
struct ogl_call *ogl_calls_by_id(struct ogl_calls *c, struct ogl_span id);

/* Whether the arguments so far are a complete JSON object. Each byte is looked at once, however often this is asked. */
int ogl_calls_is_complete(struct ogl_call *call);

/* Adds a fragment (any text may be empty; the arguments are a piece of a JSON string, or plain) and pushes its events. 0,
   OGL_ERR_MEMORY, OGL_ERR_REPLY. */
int ogl_calls_add(struct ogl_calls *c, struct ogl_call *call, struct ogl_span id, struct ogl_span name,
                  struct ogl_json_text arguments, int choice, struct ogl_queue *out);
/* Pushes the end of one call, once. */
void ogl_calls_end_one(struct ogl_call *call, int choice, struct ogl_queue *out);
/* Pushes the end of every call that has none yet. */
void ogl_calls_end(struct ogl_calls *c, int choice, struct ogl_queue *out);

OGL_END

#endif
