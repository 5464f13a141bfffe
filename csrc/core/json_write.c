/* SPDX-License-Identifier: MIT
** json_write.c - see json_write.h.
*/
#include "json_write.h"

#include "number.h"
#include "scan.h"
#include "utf8.h"

static void write_escape(struct ogl_buf *b, unsigned char c) {
  static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt", digits[] = "0123456789abcdef";
  const char *at = c ? strchr(from, c) : NULL;
  if (at) {
    char two[] = { '\\', to[at - from] };
    ogl_buf_append(b, two, sizeof two);
  } else {
    char six[] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
    ogl_buf_append(b, six, sizeof six);
  }
}

/* A string that goes as it is, in one piece; 0 where it does not. */
static int write_plain(struct ogl_buf *b, const char *p, size_t n) {
  char *room;
  if (n == 0 || ogl_scan_string(p, p + n) != p + n || ogl_scan_ascii(p, p + n) != p + n) return 0;
  if (n + 2 > b->max || !(room = ogl_buf_room(b, n + 2))) return 0;
  *room++ = '"';
  memcpy(room, p, n);
  room[n] = '"';
  ogl_buf_grew(b, n + 2);
  return 1;
}

int ogl_json_write_string(struct ogl_buf *b, const char *p, size_t n) {
  if (OGL_LIKELY(write_plain(b, p, n))) return 0;
  const char *end = n ? p + n : p; /* p may be NULL then */
  int valid = ogl_scan_ascii(p, end) == end || ogl_utf8_valid(p, n) == n;
  ogl_buf_byte(b, '"');
  while (p < end) {
    const char *stop = ogl_scan_string(p, end);
    if (valid) ogl_buf_append(b, p, (size_t)(stop - p));
    else ogl_utf8_repair(b, p, (size_t)(stop - p));
    if (stop < end) write_escape(b, (unsigned char)*stop++);
    p = stop;
  }
  ogl_buf_byte(b, '"');
  return !valid;
}

void ogl_json_write_integer(struct ogl_buf *b, int64_t v) {
  char *room = ogl_buf_room(b, OGL_NUMBER_TEXT);
  if (room) ogl_buf_grew(b, ogl_number_write_integer(room, v));
}

void ogl_json_write_number(struct ogl_buf *b, double v) {
  char *room = ogl_buf_room(b, OGL_NUMBER_TEXT);
  if (room) ogl_buf_grew(b, ogl_number_write(room, v));
}
