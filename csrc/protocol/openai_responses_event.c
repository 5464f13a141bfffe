/* SPDX-License-Identifier: MIT
** openai_responses_event.c - one event of the stream that is written. The interface is in openai_responses_writer.h.
*/
#include "openai_responses_writer.h"

/* Writes an event's name and the members that all events have; 0 if nothing is sent. `end_event` ends it. */
int ogl_responses_begin_event(struct ogl_encoder *e, const char *name) {
  struct responses_writer *w = e->state;
  if (w->quiet) return 0;
  ogl_out_text(e, "event: ");
  ogl_out_text(e, name);
  ogl_out_text(e, "\ndata: {\"type\":\"");
  ogl_out_text(e, name);
  ogl_out_text(e, "\",\"sequence_number\":");
  ogl_out_integer(e, w->sequence++);
  return 1;
}

void ogl_responses_end_event(struct ogl_encoder *e) { ogl_out_text(e, "}\n\n"); }

void ogl_responses_put_answer_event(struct ogl_encoder *e, const char *name, enum answer_status status,
                                    const struct ogl_event *error) {
  if (!ogl_responses_begin_event(e, name)) return;
  ogl_out_text(e, ",\"response\":");
  ogl_responses_put_answer(e, status, error);
  ogl_responses_end_event(e);
}

void ogl_responses_put_item_event(struct ogl_encoder *e, const char *name, int item, int fresh) {
  if (!ogl_responses_begin_event(e, name)) return;
  ogl_out_text(e, ",\"output_index\":");
  ogl_out_integer(e, item);
  ogl_out_text(e, ",\"item\":");
  ogl_responses_put_item(e, item, fresh);
  ogl_responses_end_event(e);
}

/* An event inside of an item, up to its own members. */
int ogl_responses_begin_inside(struct ogl_encoder *e, const char *name, int item) {
  const struct responses_writer *w = e->state;
  if (!ogl_responses_begin_event(e, name)) return 0;
  ogl_out_text(e, ",\"item_id\":");
  ogl_out_string(e, ogl_buf_span(&w->items[item].id));
  ogl_out_text(e, ",\"output_index\":");
  ogl_out_integer(e, item);
  return 1;
}

/* The words of a row: the names of its events, and of the member that holds all of a text. */
static const struct row_words
    text_words = { "response.output_text.delta", "response.output_text.done", "response.content_part.added",
                   "response.content_part.done", ",\"content_index\":",       ",\"text\":" },
    refusal_words = { "response.refusal.delta",     "response.refusal.done", "response.content_part.added",
                      "response.content_part.done", ",\"content_index\":",   ",\"refusal\":" },
    summary_words = { "response.reasoning_summary_text.delta",
                      "response.reasoning_summary_text.done",
                      "response.reasoning_summary_part.added",
                      "response.reasoning_summary_part.done",
                      ",\"summary_index\":",
                      ",\"text\":" },
    thought_words = { "response.reasoning_text.delta", "response.reasoning_text.done", "response.content_part.added",
                      "response.content_part.done",    ",\"content_index\":",          ",\"text\":" },
    opaque_words = { NULL, NULL, "response.content_part.added", "response.content_part.done", ",\"content_index\":",
                     NULL };

const struct row_words *ogl_responses_words(const struct output_row *row) {
  if (row->kind == OGL_EVENT_TEXT) return &text_words;
  if (row->kind == OGL_EVENT_REFUSAL) return &refusal_words;
  if (row->kind == OGL_EVENT_PART) return &opaque_words;
  return row->is_content ? &thought_words : &summary_words;
}

int ogl_responses_begin_row(struct ogl_encoder *e, const char *name, const struct output_row *row) {
  if (!ogl_responses_begin_inside(e, name, row->item)) return 0;
  ogl_out_text(e, ogl_responses_words(row)->place);
  ogl_out_integer(e, row->at);
  return 1;
}

void ogl_responses_put_part_event(struct ogl_encoder *e, const char *name, int row, int fresh) {
  const struct responses_writer *w = e->state;
  if (!ogl_responses_begin_row(e, name, &w->rows[row])) return;
  ogl_out_text(e, ",\"part\":");
  ogl_responses_put_part(e, row, fresh);
  ogl_responses_end_event(e);
}
