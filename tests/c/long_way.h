/* SPDX-License-Identifier: MIT
** long_way.h - a protocol without its short cuts: openai_chat reads every frame in full, however much it repeats
** the last one (core/repeat.h). What comes out has to be the same.
*/
#ifndef LONG_WAY_H
#define LONG_WAY_H

#include "../../csrc/core/protocol.h"

/* The protocol that takes the long way, or the protocol itself where there is no other. */
const struct ogl_protocol *long_way(const struct ogl_protocol *protocol);

#endif
