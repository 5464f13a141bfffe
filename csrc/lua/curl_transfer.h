/* SPDX-License-Identifier: MIT
** curl_transfer.h - the userdata opengatellm.transfer: one exchange.
**
** It is a box: libcurl keeps the address of what is inside, so that lives on the C heap and is counted there. A box may be collected
** before or after any other, also before that of its multi.
*/
#ifndef OGL_CURL_TRANSFER_H
#define OGL_CURL_TRANSFER_H

#include "../curl/transfer.h"
#include "class.h"

OGL_BEGIN

/* multi:open, and with `raw` multi:connect: `m` is NULL where the multi is closed, the request is argument 2. Returns the transfer, or
   a failure. */
int ogl_lua_transfer_open(lua_State *L, struct ogl_multi *m, int raw);

/* Makes the class. */
void ogl_lua_transfer_class(lua_State *L);

OGL_END

#endif
