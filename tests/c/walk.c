/* SPDX-License-Identifier: MIT
** walk.c - see walk.h.
*/
#include "walk.h"

static int walk_value(struct ogl_json *j);

static int walk_object(struct ogl_json *j) {
  struct ogl_span key;
  int code = ogl_json_enter(j, '{');
  while (code == OGL_OK && (code = ogl_json_key(j, &key)) == OGL_OK) code = walk_value(j);
  return code < 0 ? code : OGL_OK;
}

static int walk_array(struct ogl_json *j) {
  int code = ogl_json_enter(j, '[');
  while (code == OGL_OK && (code = ogl_json_item(j)) == OGL_OK) code = walk_value(j);
  return code < 0 ? code : OGL_OK;
}

static int walk_value(struct ogl_json *j) {
  struct ogl_json_text text;
  struct ogl_number number;
  switch (ogl_json_peek(j)) {
    case '{': return walk_object(j);
    case '[': return walk_array(j);
    case '"': return ogl_json_string(j, &text);
    case '0': return ogl_json_number(j, &number);
    default: return ogl_json_literal(j);
  }
}

int walk_check(const char *p, size_t n) {
  struct ogl_json j;
  ogl_json_open(&j, p, n);
  walk_value(&j);
  return ogl_json_end(&j);
}
