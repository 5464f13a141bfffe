/* SPDX-License-Identifier: MIT
** ogl.h - the face of the core: spans, result codes and every limit, with its reason.
**
** The core does no I/O: no lua.h, no curl.h, no socket, no clock, no global state. Every object in it is
** initialised without failing, keeps its first error, and is released by one `clear` that may run twice.
*/
#ifndef OGL_H
#define OGL_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define OGL_LIKELY(x)   __builtin_expect(!!(x), 1)
#define OGL_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* One shared object a module, and only luaopen_* leaves it: every header stands between these two (a builtin
   rockspec passes no flags, and system headers must stay outside). */
#define OGL_BEGIN _Pragma("GCC visibility push(hidden)")
#define OGL_END   _Pragma("GCC visibility pop")
#else
#define OGL_BEGIN
#define OGL_END
#define OGL_LIKELY(x)   (x)
#define OGL_UNLIKELY(x) (x)
#endif

OGL_BEGIN

/* Bytes that somebody else owns. `p` may be NULL when `n` is 0. */
struct ogl_span {
  const char *p;
  size_t n;
};

/* What a step returns: one of the first two, or a negative error. */
enum ogl_code {
  OGL_MORE = 0, /* nothing to give before more input comes */
  OGL_OK = 1,   /* done, or: one item was given */
  OGL_ERR_MEMORY = -1,
  OGL_ERR_LINE = -2,        /* a line above OGL_MAX_LINE */
  OGL_ERR_FRAME = -3,       /* a frame above OGL_MAX_FRAME */
  OGL_ERR_BODY = -4,        /* a whole body above OGL_MAX_BODY */
  OGL_ERR_QUEUE = -5,       /* one frame's events above OGL_MAX_QUEUE */
  OGL_ERR_REPLY = -6,       /* the reply above limits.reply */
  OGL_ERR_DEPTH = -7,       /* JSON nested above OGL_MAX_DEPTH */
  OGL_ERR_SYNTAX = -8,      /* not JSON */
  OGL_ERR_UTF8 = -9,        /* not UTF-8, where the reader is strict */
  OGL_ERR_INCOMPLETE = -10, /* the input ended before the terminal marker */
  OGL_ERR_PROVIDER = -11,   /* the server reported an error inside its answer */
  OGL_ERR_PROTOCOL = -12,   /* not what this protocol can mean */
  OGL_ERR_CLOSED = -13,     /* used after clear */
  OGL_ERR_PARTS = -14,      /* more parts or choices in a reply than OGL_MAX_PARTS */
  OGL_ERR_MALFORMED = -15,  /* not HTTP/1, or not to be trusted */
  OGL_ERR_HEADER = -16,     /* the heads of an answer above OGL_MAX_HEAD */
  OGL_ERR_EMPTY = -17,      /* the connection ended before the first byte of an answer */
  OGL_ERR_CUT = -18         /* the connection ended before the answer did */
};

/* A code's name, in lower case with underscores ("line", "incomplete"), and a sentence for people. */
const char *ogl_code_name(int code);
/* A sentence about the code, for people. */
const char *ogl_code_text(int code);

/* Limits. Each guards memory against a peer that never stops; none is reached by an honest server. */
enum {
  OGL_MAX_LINE = 32 * 1024 * 1024,   /* one SSE or NDJSON line: an image part as base64 fits */
  OGL_MAX_FRAME = 48 * 1024 * 1024,  /* one SSE event of several data lines */
  OGL_MAX_INPUT = 256 * 1024 * 1024, /* fed and not yet asked for: the caller holds as much already */
  OGL_MAX_BODY = 64 * 1024 * 1024,   /* a whole body: 64 embeddings of 4,096 floats are 6 MiB */
  OGL_MAX_HEAD = 256 * 1024,         /* all lines of an answer's heads: servers and proxies stop at 8 to 64 KiB */
  OGL_MAX_QUEUE = 96 * 1024 * 1024,  /* events of one frame: its text once, and its raw parts once more */
  OGL_MAX_REPLY = 64 * 1024 * 1024,  /* default of limits.reply */
  OGL_MAX_DEPTH = 128,               /* JSON nesting: deeper than any schema, shallow enough for every stack */
  OGL_MAX_PARTS = 4096,              /* parts or tool calls of one reply: an index on the wire is not an address */
  OGL_MAX_CHOICES = 128,             /* n of OpenAI is at most 128 */
  OGL_MAX_WARNINGS = 32,             /* warnings kept for a reply; later ones are counted */
  OGL_RAW_EXCERPT = 200              /* bytes of the wire quoted in a warning or an error */
};

OGL_END

#endif
