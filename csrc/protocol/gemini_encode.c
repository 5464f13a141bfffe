/* SPDX-License-Identifier: MIT
** gemini_encode.c - events to generateContent and streamGenerateContent, as the official clients of Google read them: an answer
** for each event, or one.
**
** A call goes out when all of its arguments are there, for this protocol has no pieces of them, and with the event behind it:
** its signature, if it has one, belongs into the same part. That of a text, which is on its way by then, follows in a part with
** an empty text, as Gemini sends it too. The last answer has the finish reasons of all candidates and the usage.
**
** Lost: opaque parts and logprobs of other protocols; citations without an address; cache writes, cost, requests, energy and
** CO2 of the usage; the difference between a text and a refusal, and between a stop, a pause and calls. Arguments that are no
** object become the member "input" of one. An error's type becomes the status that its code stands for.
*/
#include "gemini_answer.h"
#include "protocols.h"

struct gemini_writer {
  struct ogl_buf call; /* a part that waits for its signature, without the closing brace */
  int call_index, call_choice;
  struct ogl_buf finish; /* the candidates of the last answer, joined by commas */
  int first_finished;    /* candidate 0 is among them */
};

/* --- the stream ------------------------------------------------------------------------------------------------- */

/* An answer up to its candidate's content; `end_answer` ends it. */
static void begin_candidate(struct ogl_encoder *e) {
  ogl_out_text(e, "data: {\"candidates\":[{\"content\":{\"parts\":[");
}

/* The end of the parts, and of the answer where the candidate has no more (`beside` stays open for that). */
static void end_parts(struct ogl_encoder *e, int choice) {
  ogl_out_text(e, "],\"role\":\"model\"},\"index\":");
  ogl_out_integer(e, choice);
}

static void end_answer(struct ogl_encoder *e) {
  ogl_out_text(e, "}]");
  ogl_gemini_put_foot(e);
  ogl_out_text(e, "\n\n");
}

static void put_text(struct ogl_encoder *e, int choice, int kind, struct ogl_span text, struct ogl_span signature) {
  begin_candidate(e);
  ogl_gemini_put_text(e, kind, text, signature);
  end_parts(e, choice);
  end_answer(e);
}

/* Writes a member that stands beside the content, with empty content in front of it, for clients read that in any case. */
static void begin_beside(struct ogl_encoder *e, int choice) {
  begin_candidate(e);
  ogl_out_text(e, "{\"text\":\"\"}");
  end_parts(e, choice);
}

/* The call that waits, with the signature if it has one. */
static void put_waiting_call(struct ogl_encoder *e, struct ogl_span signature) {
  struct gemini_writer *w = e->state;
  if (!w->call.n) return;
  begin_candidate(e);
  ogl_out_json(e, ogl_buf_span(&w->call));
  if (signature.n) {
    ogl_out_text(e, ",\"thoughtSignature\":");
    ogl_out_string(e, signature);
  }
  ogl_out_text(e, "}");
  end_parts(e, w->call_choice);
  end_answer(e);
  ogl_buf_reset(&w->call);
}

static int hold_call(struct ogl_encoder *e, const struct ogl_event *event) {
  struct gemini_writer *w = e->state;
  if (!w->call.max) ogl_buf_init(&w->call, OGL_MAX_REPLY, OGL_ERR_REPLY);
  ogl_gemini_put_call(&w->call, event->a, event->b, event->c);
  w->call_index = event->index, w->call_choice = event->choice;
  return w->call.err;
}

static void put_part(struct ogl_encoder *e, const struct ogl_event *event) {
  switch (ogl_gemini_origin(event->a, event->b)) {
    case GEMINI_PART:
      begin_candidate(e);
      ogl_out_json(e, event->b);
      end_parts(e, event->choice);
      end_answer(e);
      break;
    case GEMINI_BESIDE:
      begin_beside(e, event->choice);
      ogl_out_text(e, ",\"");
      ogl_out_span(e, event->a);
      ogl_out_text(e, "\":");
      ogl_out_json(e, event->b);
      end_answer(e);
      break;
    default: e->lost++;
  }
}

/* Writes the signature of a part that ended, also another protocol's: it goes back to where it came from. An object is no signature
   here but members of another protocol's item, and counts as lost. */
static void put_part_end(struct ogl_encoder *e, const struct ogl_event *event, int waited) {
  int kind = ogl_span_is(event->a, "reasoning") ? OGL_EVENT_REASONING : OGL_EVENT_TEXT;
  struct ogl_span none = { "", 0 };
  if (waited || !event->b.n) return;
  if (*event->b.p == '{' || !(kind == OGL_EVENT_REASONING || ogl_span_is(event->a, "text"))) e->lost++;
  else put_text(e, event->choice, kind, none, event->b);
}

static void put_citation(struct ogl_encoder *e, const struct ogl_event *event) {
  struct ogl_citation c;
  enum gemini_cited where = ogl_gemini_cited(event->a, &c);
  e->lost += where == GEMINI_CITED_NOT;
  if (where != GEMINI_CITED_HERE) return;
  begin_beside(e, event->choice);
  ogl_out_text(e, ",\"citationMetadata\":{\"citationSources\":[");
  ogl_gemini_put_source(e, event->a, &c);
  ogl_out_text(e, "]}");
  end_answer(e);
}

static void put_logprobs(struct ogl_encoder *e, const struct ogl_event *event) {
  if (!ogl_gemini_is_logprobs(event->a)) {
    e->lost++;
    return;
  }
  begin_beside(e, event->choice);
  ogl_out_text(e, ",\"logprobsResult\":");
  ogl_out_json(e, event->a);
  end_answer(e);
}

/* A candidate of the last answer. */
static int add_finish(struct ogl_encoder *e, int choice, struct ogl_span reason, struct ogl_span raw) {
  struct gemini_writer *w = e->state;
  struct ogl_span word = ogl_gemini_reason(reason, raw);
  if (!w->finish.max) ogl_buf_init(&w->finish, OGL_MAX_REPLY, OGL_ERR_REPLY);
  w->first_finished |= choice == 0;
  ogl_buf_text(&w->finish, w->finish.n ? "," : "");
  ogl_buf_text(&w->finish, "{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"finishReason\":");
  ogl_json_write_string(&w->finish, word.p, word.n);
  ogl_buf_text(&w->finish, ",\"index\":");
  ogl_json_write_integer(&w->finish, choice);
  return ogl_buf_text(&w->finish, "}");
}

static int gemini_event(struct ogl_encoder *e, const struct ogl_event *event) {
  struct gemini_writer *w = e->state;
  struct ogl_span none = { "", 0 };
  int waited = 0;
  if (w->call.n) {
    int its_end = event->kind == OGL_EVENT_PART_END && event->index == w->call_index && event->choice == w->call_choice;
    waited = its_end && event->b.n && *event->b.p != '{';
    put_waiting_call(e, waited ? event->b : none);
  }
  switch (event->kind) {
    case OGL_EVENT_TEXT:
    case OGL_EVENT_REASONING:
    case OGL_EVENT_REFUSAL:
      if (event->a.n) put_text(e, event->choice, event->kind, event->a, none);
      return 0;
    case OGL_EVENT_TOOL_CALL_END: return hold_call(e, event);
    case OGL_EVENT_PART: put_part(e, event); return 0;
    case OGL_EVENT_PART_END: put_part_end(e, event, waited); return 0;
    case OGL_EVENT_CITATION: put_citation(e, event); return 0;
    case OGL_EVENT_LOGPROBS: put_logprobs(e, event); return 0;
    case OGL_EVENT_FINISH: return add_finish(e, event->choice, event->a, event->b);
    default: return 0; /* START and USAGE are in the encoder; warnings are for people */
  }
}

static int gemini_end(struct ogl_encoder *e) {
  struct gemini_writer *w = e->state;
  struct ogl_span none = { "", 0 };
  put_waiting_call(e, none);
  int code = w->first_finished ? 0 : add_finish(e, 0, none, none);
  if (code < 0) return code;
  ogl_out_text(e, "data: {\"candidates\":[");
  ogl_out_span(e, ogl_buf_span(&w->finish));
  ogl_out_text(e, "]");
  ogl_gemini_put_usage(e);
  ogl_gemini_put_foot(e);
  ogl_out_text(e, "\n\n");
  return 0;
}

static int gemini_fault(struct ogl_encoder *e, const struct ogl_event *error) {
  struct ogl_span none = { "", 0 };
  put_waiting_call(e, none);
  ogl_out_text(e, "data: ");
  ogl_gemini_put_fault(e, error);
  ogl_out_text(e, "\n\n");
  return 0;
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

/* Writes one part of the fold as a part of the content; 0 where it becomes none. */
static int put_folded(struct ogl_encoder *e, const struct ogl_part *p, int any) {
  struct ogl_span text = ogl_buf_span(&p->text), signature = ogl_buf_span(&p->signature);
  int is_text = p->kind == OGL_EVENT_TEXT || p->kind == OGL_EVENT_REASONING || p->kind == OGL_EVENT_REFUSAL;
  int is_part = p->kind == OGL_EVENT_PART && ogl_gemini_origin(ogl_buf_span(&p->name), text) == GEMINI_PART;
  if (!is_text && !is_part && p->kind != OGL_EVENT_TOOL_CALL) return 0;
  if (signature.n && *signature.p == '{') signature.n = 0, e->lost++;
  ogl_out_text(e, any ? "," : "");
  if (is_text) {
    ogl_gemini_put_text(e, p->kind, text, signature);
  } else if (is_part) {
    ogl_out_json(e, text);
  } else {
    ogl_gemini_put_call(&e->out, ogl_buf_span(&p->id), ogl_buf_span(&p->name), text);
    if (signature.n) {
      ogl_out_text(e, ",\"thoughtSignature\":");
      ogl_out_string(e, signature);
    }
    ogl_out_text(e, "}");
  }
  return 1;
}

static void put_content(struct ogl_encoder *e, const struct ogl_answer *a) {
  int any = 0;
  ogl_out_text(e, "{\"content\":{\"parts\":[");
  for (size_t i = 0; i < a->n; i++) any |= put_folded(e, &a->parts[i], any);
  if (!any) ogl_out_text(e, "{\"text\":\"\"}"); /* clients want a part */
  ogl_out_text(e, "],\"role\":\"model\"}");
}

/* Citations, and the lists beside the parts. */
static void put_beside(struct ogl_encoder *e, const struct ogl_answer *a) {
  struct ogl_citation c;
  int any = 0;
  for (size_t i = 0; i < a->n; i++) {
    struct ogl_span json = ogl_buf_span(&a->parts[i].text), kind = ogl_buf_span(&a->parts[i].name);
    if (a->parts[i].kind == OGL_EVENT_PART) {
      enum gemini_origin origin = ogl_gemini_origin(kind, json);
      e->lost += origin == GEMINI_FOREIGN;
      if (origin != GEMINI_BESIDE) continue;
      ogl_out_text(e, ",\"");
      ogl_out_span(e, kind);
      ogl_out_text(e, "\":");
      ogl_out_json(e, json);
    }
  }
  for (size_t i = 0; i < a->n; i++) {
    struct ogl_span json = ogl_buf_span(&a->parts[i].text);
    enum gemini_cited where =
        a->parts[i].kind == OGL_EVENT_CITATION ? ogl_gemini_cited(json, &c) : GEMINI_CITED_ELSEWHERE;
    e->lost += where == GEMINI_CITED_NOT;
    if (where != GEMINI_CITED_HERE) continue;
    ogl_out_text(e, any++ ? "," : ",\"citationMetadata\":{\"citationSources\":[");
    ogl_gemini_put_source(e, json, &c);
  }
  if (any) ogl_out_text(e, "]}");
}

static void put_candidate(struct ogl_encoder *e, const struct ogl_answer *a) {
  struct ogl_span reason = ogl_gemini_reason(ogl_buf_span(&a->reason), ogl_buf_span(&a->raw_reason));
  struct ogl_span logprobs = ogl_buf_span(&a->logprobs);
  put_content(e, a);
  ogl_out_text(e, ",\"finishReason\":");
  ogl_out_string(e, reason);
  ogl_out_text(e, ",\"index\":");
  ogl_out_integer(e, a->choice);
  put_beside(e, a);
  if (ogl_gemini_is_logprobs(logprobs) && ogl_json_check(logprobs.p, logprobs.n) == OGL_OK) { /* a single piece */
    ogl_out_text(e, ",\"logprobsResult\":");
    ogl_out_json(e, logprobs);
  } else {
    e->lost += logprobs.n != 0;
  }
  ogl_out_text(e, "}");
}

static int gemini_whole(struct ogl_encoder *e) {
  struct ogl_answer none;
  memset(&none, 0, sizeof none);
  ogl_out_text(e, "{\"candidates\":[");
  if (!e->fold.n) put_candidate(e, &none);
  for (size_t i = 0; i < e->fold.n; i++) {
    if (i) ogl_out_text(e, ",");
    put_candidate(e, &e->fold.answers[i]);
  }
  ogl_out_text(e, "]");
  ogl_gemini_put_usage(e);
  ogl_gemini_put_foot(e);
  return 0;
}

static void gemini_clear(void *state) {
  struct gemini_writer *w = state;
  ogl_buf_clear(&w->call);
  ogl_buf_clear(&w->finish);
}

const struct ogl_encoding ogl_gemini_encoding = {
  "gemini",
  sizeof(struct gemini_writer),
  0,
  "text/event-stream",
  gemini_event,
  gemini_end,
  gemini_fault,
  gemini_whole,
  ogl_gemini_put_fault,
  gemini_clear,
  NULL,
};
