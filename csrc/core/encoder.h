/* SPDX-License-Identifier: MIT
** encoder.h - events in, the bytes of a wire protocol out: as a stream, or as one whole body from the same events.
**
** Life: `init` with an encoding and a mode, `put` for each event, `end` once (the reply is complete), bytes to be taken from
** `out` at any time, `clear`. An ERROR event ends it too, in the protocol's own words; what is put after the end is passed
** over. The encoder has no clock: times and ids come from its context, and who has a clock sets `now` before a step.
**
**   mode     each event                        end
**   stream   encoding->event: bytes at once    encoding->end: what closes the stream
**   whole    folded                            encoding->whole: one body of what was folded
**
** Events of one frame may share a line: `end_frame` behind the last of them ends it, and so does whoever takes bytes from `out`.
**
** Memory: `out`, which the caller drains; the reply so far in mode whole, and in mode stream where the encoding repeats the
** whole at its end or needs it (`keeps`); else a few words a part.
*/
#ifndef OGL_ENCODER_H
#define OGL_ENCODER_H

#include "fold.h"

OGL_BEGIN

/* What the events do not say. The texts are copied. */
struct ogl_encoder_context {
  struct ogl_span id;    /* of the answer; empty: the id that the events bring, else "ogl" */
  struct ogl_span model; /* empty: the model that the events bring */
  int64_t created;       /* seconds since 1970; 0: those of `now` */
  int include_usage;     /* openai_chat: the client asked for a usage chunk */
  struct ogl_span echo;  /* openai_responses: members of the request that the answer repeats, as JSON without braces */
  size_t max_reply;      /* 0: OGL_MAX_REPLY */
  int64_t now;           /* when the request came, nanoseconds since 1970; 0: there is no clock */
  int is_generate;       /* ollama: in the form of /api/generate */
  struct ogl_span remote_model,
      remote_host; /* ollama: what answers, and where, if that is not the asked server; else empty */
};

struct ogl_encoder;

struct ogl_encoding {
  const char *name;
  size_t state_size; /* the encoder gives that much memory, zero-filled */
  int keeps;         /* the stream needs the fold */
  const char *content_type;

  /* Stream: the bytes of one event (of any kind but ERROR), of the end, of an error. 0, or an error of ogl.h. */
  int (*event)(struct ogl_encoder *e, const struct ogl_event *event);
  int (*end)(struct ogl_encoder *e);
  int (*fault)(struct ogl_encoder *e, const struct ogl_event *error);

  /* Whole: the body of what was folded; of an error. */
  int (*whole)(struct ogl_encoder *e);
  int (*whole_fault)(struct ogl_encoder *e, const struct ogl_event *error);

  void (*clear)(void *state); /* frees what the state holds; NULL: nothing */

  void (*end_frame)(struct ogl_encoder *e); /* stream: ends what the next event might have continued; NULL: nothing */
};

struct ogl_encoder {
  const struct ogl_encoding *encoding;
  void *state;
  int is_whole;
  struct ogl_encoder_context context;
  struct ogl_buf out;
  struct ogl_buf id, model, echo; /* as they stand in the answer: the context's, else the first that the events bring */
  struct ogl_buf remote_model, remote_host;
  struct ogl_usage usage; /* the last one */
  int64_t now, first;     /* the caller's clock, see the context; at the first words of the answer (0: none yet) */
  struct ogl_fold fold;
  size_t lost; /* events that this encoding cannot carry */
  int ended;
  int err; /* sticky */
};

/* 0, or OGL_ERR_MEMORY (the encoder may be cleared all the same). */
int ogl_encoder_init(struct ogl_encoder *e, const struct ogl_encoding *encoding, int is_whole,
                     const struct ogl_encoder_context *context);
/* Frees everything, and closes the encoder; any number of times. */
void ogl_encoder_clear(struct ogl_encoder *e);
/* OGL_OK, or the sticky error: OGL_ERR_MEMORY, OGL_ERR_REPLY, OGL_ERR_PARTS, OGL_ERR_BODY (`out` was not drained). */
int ogl_encoder_put(struct ogl_encoder *e, const struct ogl_event *event);
/* The events of a frame are put. Returns as `put` does. */
int ogl_encoder_end_frame(struct ogl_encoder *e);
/* The reply is complete: writes its end. Returns as `put` does. */
int ogl_encoder_end(struct ogl_encoder *e);

/* For encodings: the id of the answer; empty before one is known. */
static inline struct ogl_span ogl_encoder_id(const struct ogl_encoder *e) { return ogl_buf_span(&e->id); }
/* For encodings: the model of the answer; empty before one is known. */
static inline struct ogl_span ogl_encoder_model(const struct ogl_encoder *e) { return ogl_buf_span(&e->model); }

OGL_END

#endif
