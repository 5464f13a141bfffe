/* SPDX-License-Identifier: MIT
** http1.c - see http1.h.
*/
#include "http1.h"

#include "header_lines.h"
#include "token.h"

#include <string.h>

enum { CHUNK_LINE_MAX = 16 * 1024 }; /* a chunk's size and extensions; known servers write some ten bytes */

enum state { STATUS, HEADERS, LENGTH, UNTIL_CLOSE, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILERS, END };

#define LENGTH_MAX ((uint64_t)1 << 62)

/* Life ------------------------------------------------------------------------------------------------------------- */

static int is(struct ogl_span s, const char *text) { return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0; }

void ogl_http1_init(struct ogl_http1 *h, struct ogl_span method) {
  memset(h, 0, sizeof *h);
  ogl_buf_init(&h->part, OGL_MAX_HEAD, OGL_ERR_HEADER);
  ogl_buf_init(&h->lines, OGL_MAX_HEAD, OGL_ERR_HEADER);
  h->head_method = is(method, "HEAD");
  h->connect_method = is(method, "CONNECT");
}

void ogl_http1_reset(struct ogl_http1 *h, struct ogl_span method) {
  struct ogl_buf part = h->part, lines = h->lines;
  ogl_http1_init(h, method);
  h->part = part;
  h->lines = lines;
  ogl_buf_reset(&h->part);
  ogl_buf_reset(&h->lines);
}

void ogl_http1_clear(struct ogl_http1 *h) {
  ogl_buf_clear(&h->part);
  ogl_buf_clear(&h->lines);
}

static int malformed(struct ogl_http1 *h, const char *why) {
  h->why = why;
  return h->err = OGL_ERR_MALFORMED;
}

/* Lines ------------------------------------------------------------------------------------------------------------ */

/* The next line of *in with its end, put together where it came in pieces. OGL_OK, OGL_MORE, or the error. What `part`
   holds is forgotten at the next call. */
static int take_line(struct ogl_http1 *h, struct ogl_span *in, size_t max, struct ogl_span *line) {
  const char *end = in->n ? memchr(in->p, '\n', in->n) : NULL;
  size_t n = end ? (size_t)(end - in->p) + 1 : in->n;
  if (h->part.n + n > max) return h->err = OGL_ERR_HEADER;
  line->p = in->p;
  line->n = n;
  if (h->part.n || !end) {
    if (ogl_buf_append(&h->part, in->p, n)) return h->err = h->part.err;
    *line = ogl_buf_span(&h->part);
  }
  in->p += n;
  in->n -= n;
  return end ? OGL_OK : OGL_MORE;
}

/* Takes LF, or CR LF, off a line. */
static void trim_end(struct ogl_span *line) {
  line->n--;
  if (line->n && line->p[line->n - 1] == '\r') line->n--;
}

/* A line of a head or of trailers: all of them together are bounded. */
static int take_head_line(struct ogl_http1 *h, struct ogl_span *in, struct ogl_span *line) {
  int code = take_line(h, in, OGL_MAX_HEAD - h->heads, line);
  if (code != OGL_OK) return code;
  h->heads += line->n;
  trim_end(line);
  return OGL_OK;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static int is_blank(char c) { return c == ' ' || c == '\t'; }

static struct ogl_span trim(struct ogl_span s) {
  while (s.n && is_blank(s.p[s.n - 1])) s.n--;
  while (s.n && is_blank(*s.p)) s.p++, s.n--;
  return s;
}

/* The next element of a list; 0 at its end. */
static int next_of_list(struct ogl_span *list, struct ogl_span *element) {
  if (!list->n) return 0;
  const char *comma = memchr(list->p, ',', list->n);
  size_t n = comma ? (size_t)(comma - list->p) : list->n;
  struct ogl_span found = { list->p, n };
  *element = trim(found);
  n += comma != NULL;
  list->p += n;
  list->n -= n;
  return 1;
}

static int is_word(struct ogl_span s, const char *word) {
  if (s.n != strlen(word)) return 0;
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
    if (c != word[i]) return 0;
  }
  return 1;
}

/* The head --------------------------------------------------------------------------------------------------------- */

static const char version[] = "HTTP/1.";

/* Whether a status line can begin so. Bytes of another protocol are known by the first few, without waiting for a line end. */
static int is_beginning(struct ogl_span line) {
  size_t n = line.n < sizeof version - 1 ? line.n : sizeof version - 1;
  return memcmp(line.p, version, n) == 0;
}

/* "HTTP/1.1 200 OK"; the reason may be missing, and the blank before it. */
static int read_status(struct ogl_http1 *h, struct ogl_span line) {
  const char *p = line.p + 7;
  if (line.n < 12 || !is_beginning(line) || (*p != '0' && *p != '1') || p[1] != ' ') return 0;
  if (p[2] < '1' || p[2] > '9' || !is_digit(p[3]) || !is_digit(p[4]) || (line.n > 12 && p[5] != ' ')) return 0;
  h->minor = *p - '0';
  h->status = (p[2] - '0') * 100 + (p[3] - '0') * 10 + (p[4] - '0');
  return 1;
}

static int begin_head(struct ogl_http1 *h, struct ogl_span *in) {
  struct ogl_span line;
  int code = take_head_line(h, in, &line);
  if (code < 0) return code;
  if (line.n && !is_beginning(line)) return malformed(h, "it does not begin as HTTP/1 does");
  if (code == OGL_MORE) return code;
  if (!read_status(h, line)) return malformed(h, "its first line is no status line");
  ogl_buf_reset(&h->part);
  ogl_buf_reset(&h->lines);
  h->count = 0;
  h->state = HEADERS;
  return OGL_OK;
}

/* Whether that can be a value: not with a NUL or a CR in it. Other control bytes pass, as they do in other clients. */
static int is_value(struct ogl_span s) { return !s.n || (!memchr(s.p, '\0', s.n) && !memchr(s.p, '\r', s.n)); }

/* A line that begins with a blank goes on with the value before it (RFC 9112, 5.2). */
static int fold(struct ogl_http1 *h, struct ogl_span more) {
  if (!h->lines.n) return malformed(h, "its head begins with a blank");
  ogl_buf_truncate(&h->lines, h->lines.n - 1);
  ogl_buf_byte(&h->lines, ' ');
  ogl_buf_append(&h->lines, more.p, more.n);
  return ogl_buf_byte(&h->lines, '\n');
}

static int add_header(struct ogl_http1 *h, struct ogl_span line) {
  const char *colon = memchr(line.p, ':', line.n);
  if (!colon || colon == line.p) return malformed(h, "a line of its head has no name");
  struct ogl_span value = { colon + 1, line.n - (size_t)(colon - line.p) - 1 };
  char *room = ogl_buf_room(&h->lines, line.n + 1);
  if (!room) return h->lines.err;
  char *p = room;
  for (const char *at = line.p; at < colon; at++)
    if (!(*p++ = ogl_token_byte(*at))) return malformed(h, "the name of a header is no token");
  *p++ = ':';
  value = trim(value);
  if (value.n) memcpy(p, value.p, value.n);
  p[value.n] = '\n';
  ogl_buf_grew(&h->lines, (size_t)(p - room) + value.n + 1);
  h->count++;
  return 0;
}

/* What frames the body ---------------------------------------------------------------------------------------------- */

static int read_number(struct ogl_span s, uint64_t *value) {
  *value = 0;
  if (!s.n) return 0;
  for (size_t i = 0; i < s.n; i++) {
    if (!is_digit(s.p[i]) || *value > LENGTH_MAX / 10) return 0;
    *value = *value * 10 + (uint64_t)(s.p[i] - '0');
  }
  return *value <= LENGTH_MAX;
}

/* Content-Length; repeats are allowed that say the same. */
static int read_length(struct ogl_http1 *h, struct ogl_span list) {
  struct ogl_span element;
  uint64_t length;
  if (!list.n) return malformed(h, "its Content-Length is no number");
  while (next_of_list(&list, &element)) {
    if (!read_number(element, &length)) return malformed(h, "its Content-Length is no number");
    if (h->sized && length != h->left) return malformed(h, "it has two lengths that differ");
    h->left = length;
    h->sized = 1;
  }
  return 0;
}

static int read_coding(struct ogl_http1 *h, struct ogl_span list) {
  struct ogl_span element;
  while (next_of_list(&list, &element)) {
    if (is_word(element, "identity") || !element.n) continue;
    if (!is_word(element, "chunked") || h->chunked)
      return malformed(h, "it comes in a transfer coding other than chunked");
    h->chunked = 1;
  }
  return 0;
}

static void read_connection(struct ogl_http1 *h, struct ogl_span list) {
  struct ogl_span element;
  int closes = 0;
  while (next_of_list(&list, &element)) {
    if (is_word(element, "close")) closes = 1;
    else if (is_word(element, "keep-alive") && h->keep >= 0) h->keep = 1;
  }
  if (closes) h->keep = -1; /* whatever else it says */
}

static int read_framing(struct ogl_http1 *h) {
  size_t at = 0;
  struct ogl_span name, value;
  h->keep = h->minor > 0;
  h->sized = h->chunked = 0;
  while (!h->err && ogl_header_lines_next(&h->lines, &at, &name, &value)) {
    if (is(name, "content-length")) read_length(h, value);
    else if (is(name, "transfer-encoding")) read_coding(h, value);
    else if (is(name, "connection")) read_connection(h, value);
  }
  if (h->keep < 0 || (h->chunked && (h->sized || h->minor == 0))) h->keep = 0;
  return h->err;
}

static int is_tunnel(const struct ogl_http1 *h) {
  return h->status == 101 || (h->connect_method && h->status / 100 == 2);
}

static int state_after_head(struct ogl_http1 *h) {
  if (is_tunnel(h)) h->keep = 0;
  if (is_tunnel(h) || h->head_method || h->status == 204 || h->status == 304) return END;
  if (h->chunked) return CHUNK_SIZE;
  if (h->sized) return h->left ? LENGTH : END;
  h->keep = 0;
  return UNTIL_CLOSE;
}

/* The empty line. OGL_HTTP1_HEAD, OGL_OK after an interim head, or the error. */
static int end_head(struct ogl_http1 *h) {
  if (h->status < 200 && h->status != 101) {
    h->state = STATUS;
    return OGL_OK;
  }
  if (read_framing(h)) return h->err;
  h->state = state_after_head(h);
  return OGL_HTTP1_HEAD;
}

/* A line of the head; as end_head, or OGL_MORE. */
static int read_header(struct ogl_http1 *h, struct ogl_span *in) {
  struct ogl_span line;
  int code = take_head_line(h, in, &line);
  if (code != OGL_OK) return code;
  int empty = !line.n;
  if (!is_value(line)) return malformed(h, "a header holds NUL or CR");
  if (!empty && (is_blank(*line.p) ? fold(h, trim(line)) : add_header(h, line)))
    return h->err = h->err ? h->err : h->lines.err;
  ogl_buf_reset(&h->part);
  return empty ? end_head(h) : OGL_OK;
}

/* The body --------------------------------------------------------------------------------------------------------- */

/* Up to `left` bytes of *in. */
static int give(struct ogl_http1 *h, struct ogl_span *in, struct ogl_span *body) {
  size_t n = h->state == UNTIL_CLOSE || in->n < h->left ? in->n : (size_t)h->left;
  if (!n) return OGL_MORE;
  body->p = in->p;
  body->n = n;
  in->p += n;
  in->n -= n;
  h->received += n;
  if (h->state == UNTIL_CLOSE) return OGL_HTTP1_BODY;
  h->left -= n;
  if (!h->left) h->state = h->state == LENGTH ? END : CHUNK_END;
  return OGL_HTTP1_BODY;
}

static int hex(char c) {
  if (is_digit(c)) return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_chunk_size(struct ogl_http1 *h, struct ogl_span *in) {
  struct ogl_span line;
  int code = take_line(h, in, CHUNK_LINE_MAX, &line);
  if (code < 0) return code == OGL_ERR_HEADER ? malformed(h, "the line of a chunk's size does not end") : code;
  if (code == OGL_MORE && line.n && hex(*line.p) < 0) return malformed(h, "a chunk's size is no number");
  if (code == OGL_MORE) return code;
  size_t digits = 0;
  for (h->left = 0; digits < line.n && hex(line.p[digits]) >= 0; digits++) {
    if (h->left > LENGTH_MAX / 16) return malformed(h, "a chunk is larger than can be");
    h->left = h->left * 16 + (uint64_t)hex(line.p[digits]);
  }
  char next = line.p[digits];
  if (!digits || !strchr("\r;\t ", next) || !next) return malformed(h, "a chunk's size is no number");
  if (line.p[line.n - 2] != '\r' || memchr(line.p, '\r', line.n - 2))
    return malformed(h, "the line of a chunk's size ends wrongly");
  h->spare += line.n - digits;
  if (h->spare > OGL_MAX_HEAD + 8 * h->received) return malformed(h, "it is more chunk extensions than body");
  ogl_buf_reset(&h->part);
  h->state = h->left ? CHUNK_DATA : TRAILERS;
  return OGL_OK;
}

/* The line end after a chunk; it may come in two pieces. */
static int read_chunk_end(struct ogl_http1 *h, struct ogl_span *in) {
  for (; in->n; in->p++, in->n--, h->left++) {
    if (h->left == 2) break;
    if (*in->p != "\r\n"[h->left]) return malformed(h, "a chunk is longer than its size");
  }
  if (h->left < 2) return OGL_MORE;
  h->state = CHUNK_SIZE;
  return OGL_OK;
}

static int read_trailer(struct ogl_http1 *h, struct ogl_span *in) {
  struct ogl_span line;
  int code = take_head_line(h, in, &line);
  if (code != OGL_OK) return code;
  if (!line.n) h->state = END;
  ogl_buf_reset(&h->part);
  return OGL_OK;
}

/* The face --------------------------------------------------------------------------------------------------------- */

/* OGL_OK where only the state has changed. */
static int step(struct ogl_http1 *h, struct ogl_span *in, struct ogl_span *body) {
  switch (h->state) {
    case STATUS: return begin_head(h, in);
    case HEADERS: return read_header(h, in);
    case CHUNK_SIZE: return read_chunk_size(h, in);
    case CHUNK_END: return read_chunk_end(h, in);
    case TRAILERS: return read_trailer(h, in);
    case END: h->keep = h->keep && !in->n; return OGL_HTTP1_END;
    default: return give(h, in, body);
  }
}

int ogl_http1_next(struct ogl_http1 *h, struct ogl_span *in, struct ogl_span *body) {
  if (h->err) return h->err;
  int code = OGL_OK;
  while (code == OGL_OK) code = h->state == END || in->n ? step(h, in, body) : OGL_MORE;
  return code;
}

int ogl_http1_finish(struct ogl_http1 *h) {
  if (h->err) return h->err;
  if (h->state == UNTIL_CLOSE) h->state = END;
  h->keep = 0;
  if (h->state == END) return OGL_HTTP1_END;
  int empty = h->state == STATUS && !h->heads && !h->part.n;
  return h->err = empty ? OGL_ERR_EMPTY : OGL_ERR_CUT;
}

int64_t ogl_http1_length(const struct ogl_http1 *h) {
  return h->sized && !h->chunked ? (int64_t)(h->received + h->left) : -1;
}

int ogl_http1_reusable(const struct ogl_http1 *h) { return h->state == END && h->keep && !h->err; }
