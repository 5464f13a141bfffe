/* SPDX-License-Identifier: MIT
** code.c - the names and sentences of the result codes.
*/
#include "ogl.h"

struct row {
  int code;
  const char *name;
  const char *text;
};

static const struct row rows[] = {
  { OGL_MORE, "more", "more input is needed" },
  { OGL_OK, "ok", "done" },
  { OGL_ERR_MEMORY, "memory", "out of memory" },
  { OGL_ERR_LINE, "line", "a line of the answer is above 32 MiB" },
  { OGL_ERR_FRAME, "frame", "an event of the answer is above 48 MiB" },
  { OGL_ERR_BODY, "body", "the answer's body is above 64 MiB" },
  { OGL_ERR_QUEUE, "queue", "one event of the answer holds more than 96 MiB" },
  { OGL_ERR_REPLY, "reply", "the reply is above limits.reply" },
  { OGL_ERR_DEPTH, "depth", "JSON nested deeper than 128 levels" },
  { OGL_ERR_SYNTAX, "syntax", "not valid JSON" },
  { OGL_ERR_UTF8, "utf8", "not valid UTF-8" },
  { OGL_ERR_INCOMPLETE, "incomplete", "the answer ended before its terminal marker" },
  { OGL_ERR_PROVIDER, "provider", "the server reported an error" },
  { OGL_ERR_PROTOCOL, "protocol", "not an answer of this protocol" },
  { OGL_ERR_CLOSED, "closed", "used after close" },
  { OGL_ERR_PARTS, "parts", "the reply has more parts than 4,096" },
  { OGL_ERR_MALFORMED, "malformed", "the answer is not HTTP" },
  { OGL_ERR_HEADER, "header", "the head of the answer is above 256 KiB" },
  { OGL_ERR_EMPTY, "closed_early", "the server closed the connection without an answer" },
  { OGL_ERR_CUT, "cut", "the connection was closed before the answer was complete" },
};

static const struct row *find(int code) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (rows[i].code == code) return &rows[i];
  return NULL;
}

const char *ogl_code_name(int code) {
  const struct row *row = find(code);
  return row ? row->name : "unknown";
}

const char *ogl_code_text(int code) {
  const struct row *row = find(code);
  return row ? row->text : "unknown error";
}
