/* SPDX-License-Identifier: MIT
** websocket.h - the client's side of RFC 6455 behind its handshake: bytes in, messages out; messages in, bytes out.
**
** Life: `init` (allocates nothing), then `feed` and `next` in turn, `clear`. Any split of the input gives the same items.
**
**   text, binary   a whole message, its fragments joined; a text is valid UTF-8
**   ping           to be answered: write a pong with the same data. It may come between two fragments
**   pong           needs no answer
**   close          to be answered with the same code, unless we have sent one; nothing comes after it, what is fed is passed over
**
** A breach of the RFC is a sticky error: `problem` describes it, and `close_code` is the code to send (1002, 1007, 1009;
** 0: none, there is no memory). No extension is spoken, so that every reserved bit is wrong.
**
** Memory: the input that is not yet given (OGL_MAX_INPUT) and the fragments of one message, at most `max` bytes of payload, which
** a frame's head is held against before its payload has come. Both are given back when they are empty and were large. A message that
** came in one frame is a span into the input.
**
** Frames that go out are masked with a key of four bytes, which the caller has to draw anew for each frame, from a source that cannot be
** foreseen (section 5.3): the core has none.
*/
#ifndef OGL_WEBSOCKET_H
#define OGL_WEBSOCKET_H

#include "buf.h"

OGL_BEGIN

enum ogl_websocket_kind { /* numbers of the wire */
                          OGL_WEBSOCKET_CONTINUATION = 0,
                          OGL_WEBSOCKET_TEXT = 1,
                          OGL_WEBSOCKET_BINARY = 2,
                          OGL_WEBSOCKET_CLOSE = 8,
                          OGL_WEBSOCKET_PING = 9,
                          OGL_WEBSOCKET_PONG = 10
};

enum {
  OGL_WEBSOCKET_MAX = OGL_MAX_LINE, /* default of `max`: a message becomes one line of a decoder */
  OGL_WEBSOCKET_CONTROL = 125,      /* payload of ping, pong and close: the RFC's limit */
  OGL_WEBSOCKET_KEY = 4,
  OGL_WEBSOCKET_HEAD = 14,    /* of the longest frame that goes out */
  OGL_WEBSOCKET_ACCEPT = 28,  /* a SHA-1 in base64 */
  OGL_WEBSOCKET_KEPT = 65536, /* bytes of memory that an idle connection may hold on to */

  OGL_WEBSOCKET_NO_CODE = 1005 /* of a close that says none; never sent */
};

struct ogl_websocket_item {
  int kind;
  int code;             /* of a close */
  struct ogl_span data; /* payload; of a close its reason. Valid until the next call */
};

struct ogl_websocket {
  struct ogl_buf in;
  size_t given;           /* bytes at its front that the last item lies in */
  struct ogl_buf message; /* fragments so far */
  int open;               /* kind of the message that they belong to; 0: none */
  int joined;             /* the last item is `message` */
  size_t max;
  int closed;          /* a close has come */
  int err, close_code; /* sticky */
  const char *problem; /* in words, static */
};

/* `max`: bytes of one message; 0: OGL_WEBSOCKET_MAX. */
void ogl_websocket_init(struct ogl_websocket *w, size_t max);
/* Frees the memory; any number of times. */
void ogl_websocket_clear(struct ogl_websocket *w);
/* OGL_OK or the sticky error: OGL_ERR_MEMORY, OGL_ERR_FRAME (more than OGL_MAX_INPUT waits). */
int ogl_websocket_feed(struct ogl_websocket *w, const char *p, size_t n);
/* OGL_OK with an item, OGL_MORE, or the sticky error: OGL_ERR_PROTOCOL (close with 1002), OGL_ERR_UTF8 (1007), OGL_ERR_FRAME (1009: above
   `max`), OGL_ERR_MEMORY. */
int ogl_websocket_next(struct ogl_websocket *w, struct ogl_websocket_item *item);

/* Writes one unfragmented frame to `out`, which has room for OGL_WEBSOCKET_HEAD + payload.n bytes; its length. A control frame has at
   most OGL_WEBSOCKET_CONTROL bytes of payload. */
size_t ogl_websocket_write(char *out, int kind, struct ogl_span payload, const char key[OGL_WEBSOCKET_KEY]);
/* Whether an endpoint may put this code into a close frame (section 7.4). */
int ogl_websocket_may_send(int code);
/* The value that a server has to answer to `Sec-WebSocket-Key: key` (section 1.3); a key has at most 64 bytes, else only those count. */
void ogl_websocket_accept(struct ogl_span key, char out[OGL_WEBSOCKET_ACCEPT]);

OGL_END

#endif
