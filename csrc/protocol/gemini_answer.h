/* SPDX-License-Identifier: MIT
** gemini_answer.h - the pieces of an answer that is written: parts, what stands beside them, finish reasons, usage, errors.
** gemini_encode.c makes the answers of a stream, or the one of a whole reply, out of them.
*/
#ifndef OGL_GEMINI_ANSWER_H
#define OGL_GEMINI_ANSWER_H

#include "../core/citation.h"
#include "../core/out.h"

OGL_BEGIN

/* A part with that text; a signature may be empty. */
void ogl_gemini_put_text(struct ogl_encoder *e, int kind, struct ogl_span text, struct ogl_span signature);
/* A functionCall, its part without the closing brace. */
void ogl_gemini_put_call(struct ogl_buf *b, struct ogl_span id, struct ogl_span name, struct ogl_span arguments);

/* What the decoder keeps: a part of this protocol, which has its kind or its data as a member; a list beside the parts, whose
   kind is the member that it was; or something else. */
enum gemini_origin { GEMINI_FOREIGN, GEMINI_PART, GEMINI_BESIDE };
/* Which of these a PART is, by its kind and its JSON. */
enum gemini_origin ogl_gemini_origin(struct ogl_span kind, struct ogl_span json);

/* Whether a citation can be written, or comes by itself: the sources of a search are in groundingMetadata. */
enum gemini_cited { GEMINI_CITED_NOT, GEMINI_CITED_HERE, GEMINI_CITED_ELSEWHERE };
/* Which of these a CITATION is; fills *c. */
enum gemini_cited ogl_gemini_cited(struct ogl_span json, struct ogl_citation *c);
/* One of citationSources. */
void ogl_gemini_put_source(struct ogl_encoder *e, struct ogl_span json, const struct ogl_citation *c);
/* Whether it is this protocol's own form of logprobs. */
int ogl_gemini_is_logprobs(struct ogl_span json);

/* The finish reason in Google's words: `raw` where that is one of them and means `reason`, else the usual one. */
struct ogl_span ogl_gemini_reason(struct ogl_span reason, struct ogl_span raw);
/* The member usageMetadata, where a number is known; and the last members of every answer. */
void ogl_gemini_put_usage(struct ogl_encoder *e);
/* The last members of every answer, and its brace. */
void ogl_gemini_put_foot(struct ogl_encoder *e);
/* An answer that is an error. 0, or the error of the encoder's `out`. */
int ogl_gemini_put_fault(struct ogl_encoder *e, const struct ogl_event *error);

OGL_END

#endif
