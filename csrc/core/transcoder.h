/* SPDX-License-Identifier: MIT
** transcoder.h - one protocol's answer in, another's out: a decoder and an encoder, and nothing between them but events.
** Where `untouched` is set, both are the same protocol and the bytes themselves go out, whole lines of a stream at a time: the decoder
** counts, and knows how the answer ended, and the encoder has only an error to write, in place of a line that broke off.
**
** Life: `init`, `feed` with bytes as they come, `finish` after the last; after each, the bytes to send lie in
** `encoder.out` (take them, then `ogl_buf_reset`). Who has a clock sets `encoder.now` before each. An error of the answer, or of its
** form, goes out in the target's words and is no error of the transcoder: `problem` says what it was; what it cost may still be fed. Where
** `silent` is set, nothing goes out: the caller tells the error by `fail`, in words of its own. `clear`. The usage is `encoder.usage`, the
** counts are here.
**
** Memory: flat for openai_chat and anthropic out; bounded by the reply's ceiling where the target repeats the whole.
*/
#ifndef OGL_TRANSCODER_H
#define OGL_TRANSCODER_H

#include "decoder.h"
#include "encoder.h"
#include "tally.h"

OGL_BEGIN

struct ogl_transcoder {
  struct ogl_decoder decoder;
  struct ogl_encoder encoder;
  size_t events;          /* put so far */
  struct ogl_tally tally; /* of them */
  int silent, untouched;  /* see above; the caller sets them behind `init` */
  struct ogl_buf rest;    /* untouched: what waits for the end of its line; all of a whole body */
  int problem;            /* 0, or the code of the error that ended the answer */
  int ended;
};

/* Makes the decoder and the encoder. 0, or OGL_ERR_MEMORY (it may be cleared all the same). */
int ogl_transcoder_init(struct ogl_transcoder *t, const struct ogl_protocol *from,
                        const struct ogl_decoder_options *options, const struct ogl_encoding *to, int is_whole,
                        const struct ogl_encoder_context *context);
/* Frees everything; any number of times. */
void ogl_transcoder_clear(struct ogl_transcoder *t);
/* OGL_MORE: go on; OGL_OK: the answer has ended, well or not; or an error of the encoder: OGL_ERR_MEMORY, … */
int ogl_transcoder_feed(struct ogl_transcoder *t, const char *p, size_t n);
/* Ends the answer with an ERROR event, which may tell of anything. Returns as `feed` does. */
int ogl_transcoder_fail(struct ogl_transcoder *t, const struct ogl_event *error);
/* No more bytes will come: writes the end of the answer. Returns as `feed` does. */
int ogl_transcoder_finish(struct ogl_transcoder *t);

OGL_END

#endif
