/* SPDX-License-Identifier: MIT
** curl_multi.h - the userdata opengatellm.multi: connections, and everything that waits on them.
**
** It is a box, as that of a transfer. Closing it only gives up its share: transfers that are open go on, and the last of them closes the
** connections.
*/
#ifndef OGL_CURL_MULTI_H
#define OGL_CURL_MULTI_H

#include "class.h"

OGL_BEGIN

/* curl.multi() -> multi | nil, failure (without memory). */
int ogl_lua_multi_new(lua_State *L);

/* Makes the class. */
void ogl_lua_multi_class(lua_State *L);

OGL_END

#endif
