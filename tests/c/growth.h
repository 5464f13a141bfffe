/* SPDX-License-Identifier: MIT
** growth.h - the steps in which the JSON value of a text grows, as a text to compare.
*/
#ifndef GROWTH_H
#define GROWTH_H

#include "../../csrc/core/json_finder.h"

/* Plays the text to its end: `first` bytes, then `step` (0: all that is left), with the steps taken behind each piece; then what is open
   and how it ended. Gives the code of that. */
int growth_play(struct ogl_buf *log, struct ogl_json_finder *f, struct ogl_span input, size_t first, size_t step);

/* The same with a finder of its own. */
int growth_run(struct ogl_buf *log, struct ogl_span input, size_t first, size_t step);

#endif
