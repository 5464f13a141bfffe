/* SPDX-License-Identifier: MIT
** transfer.h - one HTTP exchange: a request out, an answer in.
**
** Life: `new`, any number of `header`, `start`; then `wait` until there is something, and
**   - once the head is complete, `head` (status and headers of the final answer);
**   - `body` gives the bytes that have come, `consume` takes some away;
**   - `hungry`: the body is fed by the caller and more of it can be sent now: `feed`, and `feed_end` after the last;
**   - `state` no longer active and no bytes left: the end, or `failure`, which stays.
** `free` at any time ends it; what is not over is broken off. The transfer keeps its multi alive. A caller that must not
** block calls `await` in place of `wait`, and looks again when the multi lists the transfer.
**
** A raw transfer is a connection alone (connection.h). Its head is complete, with the
** status 0, when it is open; then what is fed goes out as it is, what comes is the body, and the peer's end is the end.
**
** libcurl's callbacks append to the buffers and return; nothing of the caller runs inside them.
**
** Memory: of a stream at most OGL_TRANSFER_UNREAD bytes and one write of libcurl lie unread: then the transfer is
** paused, TCP slows the server down, and consuming half of it goes on. A whole body is never paused (libcurl would
** keep what a paused gzip or HTTP/2 transfer decodes, without a bound of ours) but ends above its ceiling. The block
** of a buffer is given back when it is much larger than what passes through it. A freed transfer is retired with its
** handle and small blocks; the multi keeps a few.
**
** Retries: libcurl repeats a request on its own when a kept-alive connection turns out to be closed. Here it may not,
** once bytes of a POST or PATCH went out: the server may have acted. The failure then says `sent`. (libcurl before 7.80
** does not ask, and repeats.)
*/
#ifndef OGL_TRANSFER_H
#define OGL_TRANSFER_H

#include "applied_options.h"
#include "connection.h"
#include "failure.h"
#include "head.h"
#include "headers.h"
#include "multi.h"
#include "options.h"

OGL_BEGIN

enum {
  OGL_TRANSFER_UNREAD = 256 * 1024, /* some ms of a fast network, so that a pause does not cost speed */
  OGL_TRANSFER_SMALL = 1024,        /* a block that the allocator keeps at hand: an empty buffer gives it back */
  OGL_TRANSFER_BLOCK = 32 * 1024,   /* between the two an empty buffer keeps its block, */
  OGL_TRANSFER_CROWD = 64,          /* but among more transfers than these */
  OGL_TRANSFER_PIECE = 512          /* what of a crowd each may move at once: who takes it keeps a block of that size */
};

enum ogl_transfer_state { OGL_TRANSFER_NEW, OGL_TRANSFER_ACTIVE, OGL_TRANSFER_DONE, OGL_TRANSFER_FAILED };

/* Where an active exchange is. The order is that of time, but an answer may come before the upload is over. */
enum ogl_transfer_phase { OGL_PHASE_CONNECT, OGL_PHASE_SEND, OGL_PHASE_WAIT, OGL_PHASE_RECEIVE };

/* What a wait ended with. */
enum ogl_transfer_news {
  OGL_NEWS_READY,   /* the head is complete (and was not asked for yet), bytes have come, or it is over */
  OGL_NEWS_FEED,    /* hungry */
  OGL_NEWS_AGAIN,   /* a signal came, or the slice is over */
  OGL_NEWS_STALLED, /* nothing moved for longer than the patience, or the connect took longer than its limit */
  OGL_NEWS_LATER    /* of await: none yet */
};

/* Seconds; negative: without limit. */
struct ogl_patience {
  double first; /* without a byte moving, before the first byte of the answer; a connect has the limit of its options */
  double idle;  /* the same, after it */
  double slice; /* of this wait */
};

struct ogl_transfer {
  struct ogl_multi_member member; /* first: the multi knows the transfer by it */
  struct ogl_multi *multi;
  struct ogl_applied_options *applied; /* those that the easy handle has; NULL: not known */
  int closes;                          /* one of them: the connection is closed after this exchange */
  struct ogl_headers headers;          /* of the request */
  struct ogl_head head;                /* of the answer */
  struct ogl_buf body;                 /* come, not consumed */
  struct ogl_buf upload;               /* fed, not sent */
  struct ogl_failure failure;
  /* The next exchange keeps the fields above, emptied; those below are zeroed. */
  enum ogl_transfer_state state;
  const struct ogl_refusal *refusal; /* what a callback did not take; NULL */
  char *proxy;                       /* a copy, to keep its password out of messages; NULL without */
  int64_t max_body;                  /* ceiling of a whole body; 0: none, it is a stream */
  int64_t received;                  /* bytes of the body that came */
  int64_t length;                    /* of a fed body, -1 when unknown */
  int64_t fed;                       /* bytes of it that were given */
  double total;                      /* seconds, 0: none */
  double connect;                    /* the same, of the connect alone */
  double connect_end;                /* when that is over; negative: never */
  double started;                    /* by ogl_clock_now */
  struct ogl_patience patience;      /* of who awaits it; its slice ends at `slice_end` */
  double slice_end;
  double since;      /* of the present wait, or the last look in it */
  double quiet;      /* seconds waited since something moved, up to then */
  uint64_t uploaded; /* bytes that had gone out at the last look, if the socket is shared */
  int raw;           /* a connection alone: */
  struct ogl_connection connection;
  int stalled;       /* the patience of who awaits it is over */
  int stream, once;  /* once: may not be sent twice */
  int begun;         /* a connection is there, and the request goes out or may be fed */
  int hungry, ended; /* of a fed body: more is wanted; there is no more */
  int paused;        /* CURLPAUSE_* */
  int head_given;    /* the caller has the head */
};

/* NULL without memory. A retired transfer of the multi is used again. */
struct ogl_transfer *ogl_transfer_new(struct ogl_multi *m);
/* Ends it wherever it is, and retires it. NULL: does nothing. */
void ogl_transfer_free(struct ogl_transfer *t);

/* A header of the request; errors as in headers.h. */
enum ogl_headers_result ogl_transfer_header(struct ogl_transfer *t, struct ogl_span name, struct ogl_span value);

/* Begins. 1, or 0 with the failure set. */
int ogl_transfer_start(struct ogl_transfer *t, const struct ogl_options *o);

/* Waits for news, at most as long as `patience` allows, and serves the other transfers of the multi meanwhile. */
enum ogl_transfer_news ogl_transfer_wait(struct ogl_transfer *t, const struct ogl_patience *patience);
/* Never waits: OGL_NEWS_LATER, and the multi lists the transfer when there is something. Where the time is what there
   is, the next await says so. */
enum ogl_transfer_news ogl_transfer_await(struct ogl_transfer *t, const struct ogl_patience *patience);

/* The head of the answer when it is complete, else NULL. */
const struct ogl_head *ogl_transfer_head(struct ogl_transfer *t);

/* The unread bytes; they stay until `consume`. */
struct ogl_span ogl_transfer_body(const struct ogl_transfer *t);
/* The unread bytes, of a crowd OGL_TRANSFER_PIECE at the most, for a reader that keeps what it is given. */
struct ogl_span ogl_transfer_piece(const struct ogl_transfer *t);
/* Takes n bytes away from the front of the body. */
void ogl_transfer_consume(struct ogl_transfer *t, size_t n);

/* More of a fed body, copied; and its end. 0 (and failed) when it does not fit the length, or without memory. What
   is fed after the exchange is over is dropped. */
int ogl_transfer_feed(struct ogl_transfer *t, const char *p, size_t n);
/* The fed body is complete. 0 (and failed) when it is shorter than its length. */
int ogl_transfer_feed_end(struct ogl_transfer *t);

/* Where an active exchange is. */
enum ogl_transfer_phase ogl_transfer_phase(const struct ogl_transfer *t);
/* Has the server answered, and got all of the body? Then libcurl reads no byte of it again. */
int ogl_transfer_delivered(const struct ogl_transfer *t);
/* Could the server have got some of the request? */
int ogl_transfer_sent(const struct ogl_transfer *t);
/* Bytes done and in all (-1: unknown) of the two bodies, as they are on the wire. */
void ogl_transfer_progress(const struct ogl_transfer *t, int64_t up[2], int64_t down[2]);

OGL_END

#endif
