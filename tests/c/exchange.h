/* SPDX-License-Identifier: MIT
** exchange.h - the recorded exchanges of $OGL_SHARED, each with what is expected of it (fixtures/expected.jsonl).
*/
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "../../csrc/core/protocol.h"

struct exchange {
  struct ogl_span id;
  const struct ogl_protocol *protocol;
  struct ogl_buf body;      /* of the answer */
  const char *content_type; /* as the file's name says */
  int64_t status;
  struct ogl_span expect; /* JSON */
  struct ogl_buf scratch; /* for texts that are picked of it: has room for all of them, so that none moves */
};

/* Visits each exchange whose protocol is known; counts a skipped test where there are none. */
void exchange_each(void (*visit)(struct exchange *x));

#endif
