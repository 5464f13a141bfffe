/* SPDX-License-Identifier: MIT
** header_table.h - the headers of an answer as a Lua table: lower-case name -> text; repeats are joined with ", ", `set-cookie`
** is a list.
*/
#ifndef OGL_HEADER_TABLE_H
#define OGL_HEADER_TABLE_H

#include "../core/header_lines.h"
#include "class.h"

OGL_BEGIN

/* Pushes the table of `count` headers. */
void ogl_lua_header_table(lua_State *L, const struct ogl_buf *lines, int count);

OGL_END

#endif
