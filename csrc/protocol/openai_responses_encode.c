/* SPDX-License-Identifier: MIT
** openai_responses_encode.c - events to the Responses API, as the official clients of OpenAI read it: the events of a stream, or
** one response.
**
**   created, in_progress
**     output_item.added ── content_part.added ── output_text.delta … .done ── content_part.done ── output_item.done
**   completed | incomplete | error, failed            each with the whole response
**
** Texts that follow each other are the parts of one message, or of one thought; anything else is an item of its own, and ends
** what was open. An item that the source has an id for keeps it, and ends when the source says so (see event.h). The whole
** form goes the same way without a stream: its events are made of the fold.
**
** Lost: choices but the first; signatures of texts and calls, opaque parts and logprobs of other protocols; citations without an
** address, or before a text that never comes; requests, energy and CO2 of the usage. A pause is a completion. Reasoning of others
** is a summary, and its signature the encrypted_content. Logprobs stand in the done events, not in the deltas.
*/
#include "../core/json.h"
#include "openai_responses_writer.h"
#include "protocols.h"

static void start(struct ogl_encoder *e) {
  struct responses_writer *w = e->state;
  if (w->started) return;
  w->started = 1;
  ogl_responses_put_answer_event(e, "response.created", ANSWER_IN_PROGRESS, NULL);
  ogl_responses_put_answer_event(e, "response.in_progress", ANSWER_IN_PROGRESS, NULL);
}

/* --- the ends of rows and items --------------------------------------------------------------------------------- */

static void put_text_done(struct ogl_encoder *e, const struct output_row *row) {
  const struct row_words *words = ogl_responses_words(row);
  if (!words->done || !ogl_responses_begin_row(e, words->done, row)) return;
  ogl_out_text(e, words->member);
  ogl_responses_put_text(e, row);
  if (row->kind == OGL_EVENT_TEXT) {
    ogl_out_text(e, ",\"logprobs\":");
    ogl_responses_put_logprobs(e, row);
  }
  ogl_responses_end_event(e);
}

/* The logprobs that came since the last text ended are this one's. */
static void take_logprobs(struct ogl_encoder *e, struct output_row *row) {
  struct responses_writer *w = e->state;
  const struct ogl_answer *a = ogl_fold_answer(&e->fold, 0);
  if (row->kind != OGL_EVENT_TEXT || !a) return;
  row->logs_from = w->logs_given;
  row->logs_n = a->logprobs.n - w->logs_given;
  w->logs_given = a->logprobs.n;
}

static void close_row(struct ogl_encoder *e, int number) {
  struct responses_writer *w = e->state;
  struct output_row *row = &w->rows[number];
  row->open = 0;
  take_logprobs(e, row);
  put_text_done(e, row);
  ogl_responses_put_part_event(e, ogl_responses_words(row)->complete, number, 0);
}

static void close_rows(struct ogl_encoder *e, int item) {
  struct responses_writer *w = e->state;
  for (size_t i = 0; i < w->n_rows; i++)
    if (w->rows[i].item == item && w->rows[i].open && w->rows[i].owner < 0) close_row(e, (int)i);
}

static void close_item(struct ogl_encoder *e, int number) {
  struct responses_writer *w = e->state;
  if (!w->items[number].open) return;
  close_rows(e, number);
  w->items[number].open = 0;
  ogl_responses_put_item_event(e, "response.output_item.done", number, 0);
}

/* Before a new item: ends the items whose source does not say when they end. A call has an event for its end. */
static void close_idle(struct ogl_encoder *e) {
  struct responses_writer *w = e->state;
  for (size_t i = w->n_items; i--;)
    if (!w->items[i].told && w->items[i].shape != OUTPUT_CALL) close_item(e, (int)i);
}

/* All that is open; where the reply broke off, its last item is not complete. */
static void close_all(struct ogl_encoder *e, enum answer_status status) {
  struct responses_writer *w = e->state;
  for (size_t i = 0; i < w->n_items; i++) {
    w->items[i].incomplete = w->items[i].open && i + 1 == w->n_items && status != ANSWER_COMPLETED;
    close_item(e, (int)i);
  }
  for (size_t i = 0; i < w->n_rows; i++) e->lost += w->rows[i].kind == OGL_EVENT_CITATION && w->rows[i].owner < 0;
}

/* --- texts ------------------------------------------------------------------------------------------------------ */

static int is_item(const struct output_item *item, struct ogl_span id) {
  return item->told && ogl_span_equal(ogl_buf_span(&item->id), id.p, id.n);
}

/* The open item that a part of that shape goes on in: the one of its id, or the last. -1: none. */
static int item_for(const struct responses_writer *w, int shape, struct ogl_span id) {
  for (size_t i = w->n_items; i-- && (id.n || i + 1 == w->n_items);) {
    const struct output_item *item = &w->items[i];
    if (item->open && item->shape == shape && !item->sealed && (!id.n || is_item(item, id))) return (int)i;
  }
  return -1;
}

static int open_item(struct ogl_encoder *e, int shape, int index, struct ogl_span id) {
  close_idle(e);
  int item = ogl_responses_add_item(e, shape, index, id);
  if (item >= 0 && shape != OUTPUT_CALL) ogl_responses_put_item_event(e, "response.output_item.added", item, 1);
  return item;
}

static void put_annotation_event(struct ogl_encoder *e, const struct output_row *row) {
  const struct responses_writer *w = e->state;
  struct output_row owner = w->rows[row->owner];
  if (!ogl_responses_begin_row(e, "response.output_text.annotation.added", &owner)) return;
  ogl_out_text(e, ",\"annotation_index\":");
  ogl_out_integer(e, row->at);
  ogl_out_text(e, ",\"annotation\":");
  ogl_responses_put_annotation(e, row);
  ogl_responses_end_event(e);
}

static void annotate(struct ogl_encoder *e, int citation, int owner) {
  struct responses_writer *w = e->state;
  w->rows[citation].owner = owner;
  w->rows[citation].item = w->rows[owner].item;
  w->rows[citation].at = w->rows[owner].cited++;
  put_annotation_event(e, &w->rows[citation]);
}

/* A content part, in the item where it belongs; its row or an error. */
static int open_row(struct ogl_encoder *e, const struct ogl_event *event) {
  struct responses_writer *w = e->state;
  int shape = event->kind == OGL_EVENT_REASONING ? OUTPUT_REASONING : OUTPUT_MESSAGE;
  int item = item_for(w, shape, event->d);
  if (item < 0) item = open_item(e, shape, -1, event->d);
  else if (!w->items[item].told) close_rows(e, item);
  int row = item < 0 ? item : ogl_responses_add_row(e, event, item);
  if (row < 0) return row;
  ogl_responses_put_part_event(e, ogl_responses_words(&w->rows[row])->added, row, 1);
  for (size_t i = 0; i < w->n_rows && event->kind == OGL_EVENT_TEXT; i++)
    if (w->rows[i].kind == OGL_EVENT_CITATION && w->rows[i].owner < 0) annotate(e, (int)i, row);
  return row;
}

static int on_text(struct ogl_encoder *e, const struct ogl_event *event) {
  struct responses_writer *w = e->state;
  if (!event->a.n) return 0;
  int number = ogl_responses_find_row(w, event->kind, event->index);
  if (number < 0 || !w->rows[number].open) number = open_row(e, event);
  if (number < 0) return number;
  struct output_row *row = &w->rows[number];
  row->n += event->a.n;
  if (!ogl_responses_begin_row(e, ogl_responses_words(row)->delta, row)) return 0;
  ogl_out_text(e, ",\"delta\":");
  ogl_out_string(e, event->a);
  if (row->kind == OGL_EVENT_TEXT) ogl_out_text(e, ",\"logprobs\":[]");
  ogl_responses_end_event(e);
  return 0;
}

/* It belongs to the last text; where that has ended, or none has come, to the next one. */
static int on_citation(struct ogl_encoder *e, const struct ogl_event *event) {
  struct responses_writer *w = e->state;
  int owner = w->last_text - 1;
  if (!ogl_responses_can_cite(event->a)) return e->lost++, 0;
  int citation = ogl_responses_add_row(e, event, -1);
  if (citation < 0) return citation;
  if (owner >= 0 && w->rows[owner].open) annotate(e, citation, owner);
  return 0;
}

/* --- calls ------------------------------------------------------------------------------------------------------ */

static int open_call(struct ogl_encoder *e, const struct ogl_event *event) {
  struct responses_writer *w = e->state;
  int item = ogl_responses_find_call(w, event->index);
  if (item >= 0) return item;
  struct ogl_span none = { "", 0 };
  item = open_item(e, OUTPUT_CALL, event->index, event->kind == OGL_EVENT_TOOL_CALL ? event->d : none);
  if (item < 0) return item;
  w->items[item].custom = event->kind == OGL_EVENT_TOOL_CALL && ogl_span_is(event->c, "custom");
  ogl_responses_put_item_event(e, "response.output_item.added", item, 1);
  return item;
}

static void put_arguments(struct ogl_encoder *e, int number, struct ogl_span text) {
  struct responses_writer *w = e->state;
  struct output_item *item = &w->items[number];
  if (!text.n || !item->open) return;
  item->argued = 1;
  if (!ogl_responses_begin_inside(
          e, item->custom ? "response.custom_tool_call_input.delta" : "response.function_call_arguments.delta", number))
    return;
  ogl_out_text(e, ",\"delta\":");
  ogl_out_string(e, text);
  ogl_responses_end_event(e);
}

static int on_arguments(struct ogl_encoder *e, const struct ogl_event *event) {
  int item = ogl_responses_find_call(e->state, event->index);
  if (item >= 0) put_arguments(e, item, event->a);
  return 0;
}

static int on_call_end(struct ogl_encoder *e, const struct ogl_event *event) {
  struct responses_writer *w = e->state;
  int number = open_call(e, event); /* its name may have come last */
  if (number < 0) return number;
  struct output_item *item = &w->items[number];
  if (!item->argued) put_arguments(e, number, event->c);
  if (ogl_responses_begin_inside(
          e, item->custom ? "response.custom_tool_call_input.done" : "response.function_call_arguments.done", number)) {
    if (!item->custom) {
      ogl_out_text(e, ",\"name\":");
      ogl_out_string(e, event->b);
    }
    ogl_out_text(e, item->custom ? ",\"input\":" : ",\"arguments\":");
    ogl_out_string(e, event->c);
    ogl_responses_end_event(e);
  }
  if (!item->told) close_item(e, number);
  return 0;
}

/* --- parts ------------------------------------------------------------------------------------------------------ */

/* Whether the item as it came has its texts in the lists in which they were sent. */
static int tells_the_same(const struct responses_writer *w, int item, struct ogl_span json) {
  int sent[2] = { 0, 0 };
  if (w->quiet) return 1;
  for (size_t i = 0; i < w->n_rows; i++)
    if (w->rows[i].item == item) sent[w->rows[i].is_content] = 1;
  return sent[0] == ogl_responses_lists(json, "summary") && sent[1] == ogl_responses_lists(json, "content");
}

/* The thought whose last text stands right before that place; -1: none. */
static int thought_before(const struct responses_writer *w, int index) {
  int row = ogl_responses_find_row(w, OGL_EVENT_REASONING, index - 1);
  int item = row >= 0 ? w->rows[row].item : -1;
  return item >= 0 && !w->items[item].sealed ? item : -1;
}

/* A reasoning item as it came: its texts, which were sent already, stand before it. Where their item has ended, because others began, it
** would tell them twice. */
static int on_thought(struct ogl_encoder *e, const struct ogl_event *event) {
  struct responses_writer *w = e->state;
  int item = thought_before(w, event->index);
  if (item < 0) item = open_item(e, OUTPUT_OPAQUE, event->index, ogl_responses_own_id(event->b));
  else if (!w->items[item].open) return e->lost++, 0;
  else if (!tells_the_same(w, item, event->b)) e->lost++;
  else close_rows(e, item), w->items[item].index = event->index;
  if (item >= 0) close_item(e, item);
  return item < 0 ? item : 0;
}

static int on_part(struct ogl_encoder *e, const struct ogl_event *event) {
  int made = 0;
  switch (ogl_responses_origin(event->a, event->b)) {
    case OUTPUT_THOUGHT: return on_thought(e, event);
    case OUTPUT_ITEM:
      made = open_item(e, OUTPUT_OPAQUE, event->index, ogl_responses_own_id(event->b));
      if (made >= 0) close_item(e, made);
      break;
    case OUTPUT_CONTENT:
      made = open_row(e, event);
      if (made >= 0) close_row(e, made);
      break;
    default: e->lost++;
  }
  return made < 0 ? made : 0;
}

/* The end of an item of this protocol, or another's signature. */
static int on_part_end(struct ogl_encoder *e, const struct ogl_event *event) {
  struct responses_writer *w = e->state;
  int row = ogl_responses_find_row(w, -1, event->index);
  int item = row >= 0 ? w->rows[row].item : ogl_responses_find_call(w, event->index);
  if (ogl_responses_is_shell(event->b)) {
    if (item >= 0) close_item(e, item);
  } else if (event->b.n) {
    if (item >= 0 && w->items[item].open && w->items[item].shape == OUTPUT_REASONING) w->items[item].sealed = 1;
    else e->lost++;
  }
  return 0;
}

static int has_content(struct ogl_span logprobs) {
  struct ogl_json j;
  struct ogl_span key;
  int found = 0;
  ogl_json_open(&j, logprobs.p, logprobs.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return 0;
  while (ogl_json_key(&j, &key) > 0) found |= ogl_span_is(key, "content"), ogl_json_skip(&j, NULL);
  return found;
}

/* --- the stream ------------------------------------------------------------------------------------------------- */

static int on_content(struct ogl_encoder *e, const struct ogl_event *event) {
  switch (event->kind) {
    case OGL_EVENT_TEXT:
    case OGL_EVENT_REASONING:
    case OGL_EVENT_REFUSAL: return on_text(e, event);
    case OGL_EVENT_TOOL_CALL: {
      int item = open_call(e, event);
      return item < 0 ? item : 0;
    }
    case OGL_EVENT_TOOL_ARGUMENTS: return on_arguments(e, event);
    case OGL_EVENT_TOOL_CALL_END: return on_call_end(e, event);
    case OGL_EVENT_PART: return on_part(e, event);
    case OGL_EVENT_PART_END: return on_part_end(e, event);
    case OGL_EVENT_CITATION: return on_citation(e, event);
    case OGL_EVENT_LOGPROBS: e->lost += !has_content(event->a); return 0;
    default: return 0;
  }
}

static int responses_event(struct ogl_encoder *e, const struct ogl_event *event) {
  if (event->kind == OGL_EVENT_START) {
    if (e->id.n && e->model.n) start(e);
    return 0;
  }
  if (event->kind > OGL_EVENT_LOGPROBS) return 0; /* usage and finish are in the encoder; warnings are for people */
  start(e);
  if (!event->choice) return on_content(e, event);
  e->lost++;
  return 0;
}

static int responses_end(struct ogl_encoder *e) {
  enum answer_status status = ogl_responses_status(e);
  struct ogl_event failure = ogl_responses_failure(e);
  const char *name = status == ANSWER_COMPLETED    ? "response.completed"
                     : status == ANSWER_INCOMPLETE ? "response.incomplete"
                                                   : "response.failed";
  start(e);
  close_all(e, status);
  ogl_responses_put_answer_event(e, name, status, status == ANSWER_FAILED ? &failure : NULL);
  return 0;
}

/* The event that clients raise, in both forms in which it is known, and then the response that failed. */
static int responses_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  start(e);
  close_all(e, ANSWER_FAILED);
  if (ogl_responses_begin_event(e, "error")) {
    ogl_out_text(e, ",\"code\":");
    if (error->c.n) ogl_out_string(e, error->c);
    else ogl_out_text(e, "null");
    ogl_out_text(e, ",\"message\":");
    ogl_out_string(e, error->a);
    ogl_out_text(e, ",\"param\":null,\"error\":");
    ogl_responses_put_error(e, error);
    ogl_responses_end_event(e);
  }
  ogl_responses_put_answer_event(e, "response.failed", ANSWER_FAILED, error);
  return 0;
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

/* A part of the fold as the events that it came of. A signature of this protocol holds the id of the item, which begins with
   the part that has it. */
static int replay_part(struct ogl_encoder *e, const struct ogl_part *p) {
  struct ogl_event event;
  struct ogl_span signature = ogl_buf_span(&p->signature);
  int shell = ogl_responses_is_shell(signature);
  memset(&event, 0, sizeof event);
  event.kind = p->kind;
  event.index = p->index;
  event.a = ogl_buf_span(&p->text);
  if (shell) event.d = ogl_responses_own_id(signature);
  if (p->kind == OGL_EVENT_TOOL_CALL) {
    event.a = ogl_buf_span(&p->id), event.b = ogl_buf_span(&p->name);
    if (shell && ogl_responses_is_custom_call(signature)) event.c.p = "custom", event.c.n = 6;
  } else if (p->kind == OGL_EVENT_PART) {
    event.a = ogl_buf_span(&p->name), event.b = ogl_buf_span(&p->text);
  }
  int code = on_content(e, &event);
  if (code < 0) return code;
  if (p->kind == OGL_EVENT_TOOL_CALL) {
    event.kind = OGL_EVENT_TOOL_CALL_END;
    event.c = ogl_buf_span(&p->text);
    if ((code = on_content(e, &event)) < 0) return code;
  }
  if (shell || !signature.n) return 0;
  event.kind = OGL_EVENT_PART_END;
  event.b = signature;
  return on_content(e, &event);
}

static int responses_whole(struct ogl_encoder *e) {
  struct responses_writer *w = e->state;
  enum answer_status status = ogl_responses_status(e);
  int code = 0;
  w->quiet = 1;
  for (size_t i = 0; i < e->fold.n && !code; i++) {
    const struct ogl_answer *a = &e->fold.answers[i];
    if (a->choice) e->lost += a->n;
    else e->lost += a->logprobs.n && !has_content(ogl_buf_span(&a->logprobs));
    for (size_t k = 0; k < a->n && !a->choice && !code; k++) code = replay_part(e, &a->parts[k]);
  }
  if (code < 0) return code;
  struct ogl_event failure = ogl_responses_failure(e);
  close_all(e, status);
  ogl_responses_put_answer(e, status, status == ANSWER_FAILED ? &failure : NULL);
  return 0;
}

static int responses_whole_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  ogl_out_text(e, "{\"error\":");
  ogl_responses_put_error(e, error);
  ogl_out_text(e, "}");
  return 0;
}

static void responses_clear(void *state) { ogl_responses_clear_output(state); }

const struct ogl_encoding ogl_openai_responses_encoding = {
  "openai_responses",
  sizeof(struct responses_writer),
  1,
  "text/event-stream",
  responses_event,
  responses_end,
  responses_fault,
  responses_whole,
  responses_whole_fault,
  responses_clear,
  NULL,
};
