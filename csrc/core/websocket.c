/* SPDX-License-Identifier: MIT
** websocket.c - see websocket.h. Sections are those of RFC 6455.
*/
#include "websocket.h"

#include "base64.h"
#include "sha1.h"
#include "utf8.h"

enum { FINAL = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f, LENGTH_16 = 126, LENGTH_64 = 127 };
enum { CLOSE_PROTOCOL = 1002, CLOSE_DATA = 1007, CLOSE_TOO_BIG = 1009 };

/* A frame's head as it came (section 5.2). */
struct head {
  int is_final, kind;
  size_t size; /* of the head itself */
  uint64_t n;  /* of the payload */
};

void ogl_websocket_init(struct ogl_websocket *w, size_t max) {
  memset(w, 0, sizeof *w);
  w->max = max ? max : OGL_WEBSOCKET_MAX;
  ogl_buf_init(&w->in, OGL_MAX_INPUT, OGL_ERR_FRAME);
  ogl_buf_init(&w->message, w->max, OGL_ERR_FRAME);
}

void ogl_websocket_clear(struct ogl_websocket *w) {
  ogl_buf_clear(&w->in);
  ogl_buf_clear(&w->message);
  w->given = 0;
  w->open = w->joined = 0;
  w->err = OGL_ERR_CLOSED;
  w->problem = "used after close";
}

static int fail(struct ogl_websocket *w, int code, int close_code, const char *problem) {
  w->err = code;
  w->close_code = close_code;
  w->problem = problem;
  return code;
}

static int breach(struct ogl_websocket *w, const char *problem) {
  return fail(w, OGL_ERR_PROTOCOL, CLOSE_PROTOCOL, problem);
}

static int no_room(struct ogl_websocket *w, int code) {
  if (code == OGL_ERR_MEMORY) return fail(w, code, 0, "out of memory");
  return fail(w, code, CLOSE_TOO_BIG, "more input than anybody asks for");
}

int ogl_websocket_feed(struct ogl_websocket *w, const char *p, size_t n) {
  if (w->err) return w->err;
  if (w->closed) return OGL_OK;
  ogl_buf_consume(&w->in, w->given);
  w->given = 0;
  int err = ogl_buf_append(&w->in, p, n);
  return err ? no_room(w, err) : OGL_OK;
}

/* --- one frame in --------------------------------------------------------------------------------------------- */

static int is_control(int kind) { return kind >= OGL_WEBSOCKET_CLOSE; }

static uint64_t big_endian(const unsigned char *p, size_t n) {
  uint64_t v = 0;
  while (n--) v = v << 8 | *p++;
  return v;
}

/* Checks whether the frame may come at this point: OGL_OK, or the error. */
static int check_kind(struct ogl_websocket *w, const struct head *h) {
  switch (h->kind) {
    case OGL_WEBSOCKET_CONTINUATION: return w->open ? OGL_OK : breach(w, "a continuation of no message");
    case OGL_WEBSOCKET_TEXT:
    case OGL_WEBSOCKET_BINARY: return w->open ? breach(w, "a message inside of another") : OGL_OK;
    case OGL_WEBSOCKET_CLOSE:
    case OGL_WEBSOCKET_PING:
    case OGL_WEBSOCKET_PONG: return h->is_final ? OGL_OK : breach(w, "a control frame in fragments");
    default: return breach(w, "a frame of a kind that does not exist");
  }
}

static int check_length(struct ogl_websocket *w, const struct head *h, int coded) {
  if (is_control(h->kind))
    return coded <= OGL_WEBSOCKET_CONTROL ? OGL_OK : breach(w, "a control frame above 125 bytes");
  if (h->n >> 63) return breach(w, "a length with its highest bit set");
  if ((coded == LENGTH_16 && h->n < LENGTH_16) || (coded == LENGTH_64 && h->n < 0x10000))
    return breach(w, "a length in more bytes than it needs");
  if (h->n > w->max || w->message.n > w->max - (size_t)h->n)
    return fail(w, OGL_ERR_FRAME, CLOSE_TOO_BIG, "a message above the limit");
  return OGL_OK;
}

/* Reads the head at the front of the input: OGL_OK, OGL_MORE, or the error. */
static int read_head(struct ogl_websocket *w, struct head *h) {
  const unsigned char *p = (const unsigned char *)ogl_buf_bytes(&w->in);
  if (w->in.n < 2) return OGL_MORE;
  h->is_final = p[0] & FINAL;
  h->kind = p[0] & OPCODE;
  if (p[0] & RESERVED) return breach(w, "a reserved bit, of an extension that was not asked for");
  if (p[1] & MASKED) return breach(w, "a masked frame: servers do not mask");
  int code = check_kind(w, h), coded = p[1] & LENGTH;
  if (code < 0) return code;
  size_t more = coded == LENGTH_16 ? 2 : coded == LENGTH_64 ? 8 : 0;
  h->size = 2 + more;
  h->n = (uint64_t)coded;
  if (more && !is_control(h->kind)) {
    if (w->in.n < h->size) return OGL_MORE;
    h->n = big_endian(p + 2, more);
  }
  return check_length(w, h, coded);
}

static int is_utf8(struct ogl_span s) { return ogl_utf8_valid(s.p, s.n) == s.n; }

/* --- items ---------------------------------------------------------------------------------------------------- */

/* A frame of a message: OGL_OK with the message if that was all of it, else OGL_MORE, or the error. */
static int take_data(struct ogl_websocket *w, const struct head *h, struct ogl_websocket_item *item) {
  if (w->open || !h->is_final) {
    int err = ogl_buf_append(&w->message, item->data.p, item->data.n);
    if (err) return no_room(w, err);
    if (!w->open) w->open = h->kind;
    if (!h->is_final) return OGL_MORE;
    item->kind = w->open;
    item->data = ogl_buf_span(&w->message);
    w->open = 0;
    w->joined = 1;
  }
  if (item->kind == OGL_WEBSOCKET_TEXT && !is_utf8(item->data))
    return fail(w, OGL_ERR_UTF8, CLOSE_DATA, "a text that is not UTF-8");
  return OGL_OK;
}

/* 1004 to 1006 and 1015 are never sent; below 3000 only registered codes mean something. */
int ogl_websocket_may_send(int code) {
  if (code >= 3000) return code < 5000;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

static int take_close(struct ogl_websocket *w, struct ogl_websocket_item *item) {
  struct ogl_span *data = &item->data;
  item->code = OGL_WEBSOCKET_NO_CODE;
  if (data->n == 1) return breach(w, "a close with half a code");
  if (data->n) {
    item->code = (int)big_endian((const unsigned char *)data->p, 2);
    if (!ogl_websocket_may_send(item->code)) return breach(w, "a close with a code that cannot be sent");
    data->p += 2, data->n -= 2;
    if (!is_utf8(*data)) return fail(w, OGL_ERR_UTF8, CLOSE_DATA, "a close whose reason is not UTF-8");
  }
  w->closed = 1;
  return OGL_OK;
}

static int take(struct ogl_websocket *w, const struct head *h, struct ogl_websocket_item *item) {
  item->kind = h->kind;
  item->code = 0;
  item->data.p = ogl_buf_bytes(&w->in) + h->size;
  item->data.n = (size_t)h->n;
  if (h->kind == OGL_WEBSOCKET_CLOSE) return take_close(w, item);
  return is_control(h->kind) ? OGL_OK : take_data(w, h, item);
}

/* Forgets the bytes of the last item, and memory that only it needed. */
static void drop_given(struct ogl_websocket *w) {
  ogl_buf_consume(&w->in, w->given);
  w->given = 0;
  if (!w->in.n && w->in.cap > OGL_WEBSOCKET_KEPT) ogl_buf_clear(&w->in);
  if (!w->joined) return;
  w->joined = 0;
  if (w->message.cap > OGL_WEBSOCKET_KEPT) ogl_buf_clear(&w->message);
  else ogl_buf_reset(&w->message);
}

int ogl_websocket_next(struct ogl_websocket *w, struct ogl_websocket_item *item) {
  drop_given(w);
  while (!w->err && !w->closed) {
    struct head h;
    int code = read_head(w, &h);
    if (code != OGL_OK) return code;
    if (w->in.n - h.size < h.n) return OGL_MORE;
    code = take(w, &h, item);
    w->given = h.size + (size_t)h.n;
    if (code != OGL_MORE) return code;
    ogl_buf_consume(&w->in, w->given);
    w->given = 0;
  }
  return w->err ? w->err : OGL_MORE;
}

/* --- out ------------------------------------------------------------------------------------------------------ */

/* Eight bytes a step: two keys side by side, whatever the order of bytes in a word. */
static void mask(char *out, const char *p, size_t n, const char *key) {
  uint64_t word, keys;
  memcpy(&keys, key, OGL_WEBSOCKET_KEY);
  memcpy((char *)&keys + OGL_WEBSOCKET_KEY, key, OGL_WEBSOCKET_KEY);
  for (; n >= sizeof word; p += sizeof word, out += sizeof word, n -= sizeof word) {
    memcpy(&word, p, sizeof word);
    word ^= keys;
    memcpy(out, &word, sizeof word);
  }
  for (size_t i = 0; i < n; i++) out[i] = (char)(p[i] ^ key[i % OGL_WEBSOCKET_KEY]);
}

size_t ogl_websocket_write(char *out, int kind, struct ogl_span payload, const char key[OGL_WEBSOCKET_KEY]) {
  size_t more = payload.n < LENGTH_16 ? 0 : payload.n < 0x10000 ? 2 : 8;
  char *p = out;
  *p++ = (char)(FINAL | kind);
  *p++ = (char)(MASKED | (more == 0 ? (int)payload.n : more == 2 ? LENGTH_16 : LENGTH_64));
  for (size_t i = more; i--;) *p++ = (char)((uint64_t)payload.n >> 8 * i);
  memcpy(p, key, OGL_WEBSOCKET_KEY);
  p += OGL_WEBSOCKET_KEY;
  mask(p, payload.p, payload.n, key);
  return (size_t)(p - out) + payload.n;
}

void ogl_websocket_accept(struct ogl_span key, char out[OGL_WEBSOCKET_ACCEPT]) {
  static const char id[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* section 1.3 */
  char joined[64 + sizeof id], hash[OGL_SHA1_BYTES];
  size_t n = key.n < 64 ? key.n : 64;
  if (n) memcpy(joined, key.p, n);
  memcpy(joined + n, id, sizeof id - 1);
  ogl_sha1(joined, n + sizeof id - 1, hash);
  ogl_base64_encode(hash, sizeof hash, out);
}
