/* SPDX-License-Identifier: MIT
** token.h - tokens of HTTP, as names of headers and methods are (RFC 9110, 5.6.2).
*/
#ifndef OGL_TOKEN_H
#define OGL_TOKEN_H

#include <string.h>

#include "ogl.h"

OGL_BEGIN

/* The byte in lower case where it may stand in a token: a letter, a digit, or one of 15 marks; 0 for any other byte. */
static inline char ogl_token_byte(char c) {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) return c;
  if (c >= 'A' && c <= 'Z') return (char)(c | 0x20);
  return c && strchr("!#$%&'*+-.^_`|~", c) ? c : '\0';
}

OGL_END

#endif
