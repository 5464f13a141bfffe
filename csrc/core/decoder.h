/* SPDX-License-Identifier: MIT
** decoder.h - bytes in, events out: a framer, a protocol, the queue between them and the fold of what was given.
**
** Life: `init` with a protocol, `feed` and `next` in turn, `finish` after the last byte, `next` until it gives OGL_MORE (the
** reply is complete) or an error; `clear`. The protocol's terminal marker ends the reply: what is fed after it is passed over,
** and `ended` is true as soon as its last event is given.
**
**   feed(bytes)   takes everything, or fails
**   next(event)   OGL_OK with one event, OGL_MORE (feed more; after finish: that was all), or the sticky error
**
**   text(event)   the same for those that want the answer's visible text alone: TEXT events of the first choice; what stands
**                 between them is passed over
**
** Errors stick, and come after the events before them. A frame that is no JSON is passed over with a WARNING event, unless
** `strict`; a whole body that is no JSON is an error. Input in which nothing of an answer was found, but JSON of another kind, is
** the server's error, in its own words.
**
** An error that the server reports is told at once. What the answer cost, and how it ended, often stands behind it: of what was
** fed already, and of what is fed from then on, USAGE and FINISH still go into the fold, also with keep = 0, where nothing else is in
** it (`wants` says whether more of it can; `finish` ends that too); all else is passed over.
**
** Memory: the input not yet given, one frame's events, the last joined text, and the reply so far (with keep = 0 only what stands
** behind an error).
*/
#ifndef OGL_DECODER_H
#define OGL_DECODER_H

#include "fold.h"
#include "protocol.h"

OGL_BEGIN

struct ogl_decoder_options {
  const char *content_type; /* of the answer; NULL: not known */
  int strict;               /* a frame that is no JSON is an error */
  int keep;                 /* fold the reply */
  size_t max_reply;         /* limits.reply, bytes; 0: OGL_MAX_REPLY */
  int reason_required;      /* see protocol.h: require_reason */
};

/* An error that the server reported, or one that the decoder found. */
struct ogl_problem {
  struct ogl_buf message, type, code, json;
};

struct ogl_decoder {
  const struct ogl_protocol *protocol;
  void *state;
  struct ogl_framer framer;
  struct ogl_buf later;   /* fed while events were waiting: the frame that they point into has to stay where it is */
  struct ogl_buf text;    /* the last joined text, see ogl_decoder_text */
  struct ogl_frame frame; /* the last one; empty again once more was fed */
  struct ogl_queue queue;
  struct ogl_fold fold;
  struct ogl_problem *problem; /* NULL: none yet */
  struct ogl_buf stray;        /* the first frame that was unknown, while nothing of an answer was found */
  int strict, keep;
  int answered; /* something of an answer was found */
  int terminal; /* the marker was seen */
  int finished; /* no more input */
  int closed;   /* the protocol's finish has run: the queue holds the last events */
  int pending;  /* error to give once the queue is empty */
  int err;      /* sticky */
};

/* 0, or OGL_ERR_MEMORY (the decoder may be cleared all the same). */
int ogl_decoder_init(struct ogl_decoder *d, const struct ogl_protocol *protocol,
                     const struct ogl_decoder_options *options);
/* Frees everything, and closes the decoder; any number of times. */
void ogl_decoder_clear(struct ogl_decoder *d);
/* OGL_OK or the sticky error (behind one of the server's the bytes are taken all the same). */
int ogl_decoder_feed(struct ogl_decoder *d, const char *p, size_t n);
/* See above. The event is valid until the next call. Errors: all of ogl.h but OGL_ERR_CLOSED. */
int ogl_decoder_next(struct ogl_decoder *d, struct ogl_event *e);
/* The next TEXT event of the first choice, past all other events. `joined`: one event with its text and all that has arrived
   behind it, up to the end of the input so far, the end of the reply, or an error (which the next call gives); it is never
   empty. The kind of each event that was taken sets its bit of *passed (1 << kind). Results and errors as those of `next`; the
   event is valid until the next call. */
int ogl_decoder_text(struct ogl_decoder *d, int joined, struct ogl_event *e, unsigned *passed);
/* No more bytes will come: `next` then gives the events that are left, and says whether the reply is complete. */
void ogl_decoder_finish(struct ogl_decoder *d);

/* The error that the server reported, or that the decoder found; its texts are empty without an error. */
const struct ogl_problem *ogl_decoder_problem(const struct ogl_decoder *d);

/* Whether more input can add to the reply: it has not ended, or it failed and what it cost may follow. */
static inline int ogl_decoder_wants(const struct ogl_decoder *d) {
  return !d->terminal && !d->finished && (!d->err || d->err == OGL_ERR_PROVIDER);
}

/* Whether the reply has ended, complete: more input cannot add to it. */
static inline int ogl_decoder_ended(const struct ogl_decoder *d) {
  return d->closed && !d->err && !d->pending && d->queue.next == d->queue.n;
}

OGL_END

#endif
