/* SPDX-License-Identifier: MIT
** event.h - the events that a model's answer is made of, and the queue between a protocol and its reader.
**
** An event has a kind, coordinates and up to four texts:
**
**   kind            index choice  texts
**   START                         id, model (again when completed later; empty: not known)
**   TEXT             x     x      text
**   REASONING        x     x      text
**   REFUSAL          x     x      text
**   TOOL_CALL        x     x      id, name                (once the name is known)
**   TOOL_ARGUMENTS   x     x      text                    (a piece)
**   TOOL_CALL_END    x     x      id, name, arguments     (all of them; "{}" for none)
**   PART             x     x      kind, json              (image, audio, server tool, opaque item)
**   PART_END         x     x      kind, signature
**   CITATION         x     x      json
**   LOGPROBS               x      json
**   USAGE                         (`usage`, merged so far)
**   FINISH                 x      reason, raw reason      (exactly one a choice, last)
**   WARNING                       code, message, detail
**   UNKNOWN                       name, json              (kept, never fatal)
**   ERROR                         message, type, code, json (the decoder turns it into its sticky error)
**
** Where a protocol has items around its parts (openai_responses), `d` of TEXT, REASONING, REFUSAL and TOOL_CALL is the id of the
** item that they are in, and `c` says which form it has where its kind has two ("content" of REASONING that is no summary, "custom" of
** a TOOL_CALL). Only an encoding of the same protocol reads these two.
**
** `index` is the place of the part in the choice's reply, `choice` the answer among n; both count from 0 here and from 1 in
** Lua.
**
** The queue belongs to a decoder. A protocol pushes the events of one frame; the decoder asks for the next frame only when
** all are popped. A text is a span into the frame, into the queue's own bytes (`ogl_queue_text`), into the protocol's
** state or into a constant: each lives until the next frame, so an event is valid until the next one is asked for.
*/
#ifndef OGL_EVENT_H
#define OGL_EVENT_H

#include "buf.h"
#include "json.h"
#include "usage.h"

OGL_BEGIN

enum ogl_event_kind {
  OGL_EVENT_START,
  OGL_EVENT_TEXT,
  OGL_EVENT_REASONING,
  OGL_EVENT_REFUSAL,
  OGL_EVENT_TOOL_CALL,
  OGL_EVENT_TOOL_ARGUMENTS,
  OGL_EVENT_TOOL_CALL_END,
  OGL_EVENT_PART,
  OGL_EVENT_PART_END,
  OGL_EVENT_CITATION,
  OGL_EVENT_LOGPROBS,
  OGL_EVENT_USAGE,
  OGL_EVENT_FINISH,
  OGL_EVENT_WARNING,
  OGL_EVENT_UNKNOWN,
  OGL_EVENT_ERROR,
  OGL_EVENT_KINDS
};

struct ogl_event {
  int kind, index, choice;
  struct ogl_span a, b, c, d;
  const struct ogl_usage *usage; /* USAGE only */
};

struct ogl_queue {
  struct ogl_event *events;
  size_t n, next, cap;  /* pushed, popped, room */
  size_t most;          /* bytes that the texts of this frame can need */
  struct ogl_buf bytes; /* those that are not on the wire as they are */
  int lone;             /* a lone surrogate became U+FFFD in this frame */
  int err;              /* sticky for the frame: OGL_ERR_MEMORY, OGL_ERR_QUEUE */
};

/* An empty queue; allocates nothing. */
void ogl_queue_init(struct ogl_queue *q);
/* Frees the memory; the queue may be used again. */
void ogl_queue_clear(struct ogl_queue *q);
/* Empties the queue for a frame of n bytes, whose texts together need no more. */
void ogl_queue_begin(struct ogl_queue *q, size_t n);

/* A new event of the kind at the end, all else zero; NULL when there is no memory (q->err is set). */
struct ogl_event *ogl_queue_push(struct ogl_queue *q, int kind, int choice, int index);
/* The text of a JSON string: the wire's own bytes, or unescaped into the queue's. Each string once a frame. */
struct ogl_span ogl_queue_text(struct ogl_queue *q, struct ogl_json_text text);

/* The slow half of piece. */
struct ogl_span ogl_queue_joined(struct ogl_queue *q, struct ogl_json_text text, uint16_t *half);
/* The same for a piece of a text that comes in several: gateways cut between the halves of a surrogate pair. A high half at the end
   waits in *half (0: none waits) for the next piece, so that the piece may be empty although the string is not. */
static inline struct ogl_span ogl_queue_piece(struct ogl_queue *q, struct ogl_json_text text, uint16_t *half) {
  if (OGL_LIKELY(!text.escaped && !*half)) return text.raw;
  return ogl_queue_joined(q, text, half);
}
/* The end of such a text: U+FFFD where a half still waits, else nothing. */
struct ogl_span ogl_queue_half(struct ogl_queue *q, uint16_t *half);

/* Takes the next event off: OGL_OK, or OGL_MORE if the queue is empty. */
static inline int ogl_queue_pop(struct ogl_queue *q, struct ogl_event *e) {
  if (q->next == q->n) return OGL_MORE;
  *e = q->events[q->next++];
  return OGL_OK;
}

OGL_END

#endif
