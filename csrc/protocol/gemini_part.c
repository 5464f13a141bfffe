/* SPDX-License-Identifier: MIT
** gemini_part.c - one part of a candidate's content to events. The interface is in gemini_state.h.
**
**   text                    TEXT, or REASONING where it is a thought; pieces of the same kind are one part
**   functionCall            TOOL_CALL, TOOL_ARGUMENTS and TOOL_CALL_END at once; where its arguments come by partialArgs, the
**                           last two wait for the end of the call
**   anything else           PART with the part's JSON as it came: image, audio, video or file of data and addresses, else the
**                           wire's own name (executableCode, codeExecutionResult, …)
**
** A thoughtSignature belongs to the part that it came with, and has to go back with that very part: such a text is a part of
** its own, never joined with the one before. One without a text is kept as a PART.
*/
#include "gemini_state.h"
#include "read.h"

enum { NO_KIND = -1, NO_CALL = -1 };

/* The members of a part: raw values; n = 0 where absent or null. `other` is the first that is none of these. */
struct part {
  struct ogl_json_text text;
  struct ogl_span call, signature, data, other, other_name;
  int thought;
};

/* The members of a functionCall. */
struct fragment {
  struct ogl_span id, name, args, partial;
  int continues;
};

static struct ogl_span text_value(struct ogl_json *j, struct ogl_queue *out) {
  struct ogl_json_text text;
  struct ogl_span none = { "", 0 };
  return ogl_json_string_or_skip(j, &text) ? ogl_queue_text(out, text) : none;
}

static int true_value(struct ogl_json *j) {
  int yes = ogl_json_peek(j) == 't';
  ogl_json_skip(j, NULL);
  return yes;
}

static void gather(struct ogl_span json, struct part *p, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key;
  memset(p, 0, sizeof *p);
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "text")) ogl_json_string_or_skip(&j, &p->text);
    else if (ogl_span_is(key, "thought")) p->thought = true_value(&j);
    else if (ogl_span_is(key, "thoughtSignature")) p->signature = text_value(&j, out);
    else if (ogl_span_is(key, "functionCall")) p->call = ogl_read_raw(&j);
    else if (ogl_span_is(key, "inlineData") || ogl_span_is(key, "fileData")) p->data = ogl_read_raw(&j);
    else if (p->other.n) ogl_json_skip(&j, NULL);
    else p->other = ogl_read_raw(&j), p->other_name = key;
  }
}

/* --- texts and opaque parts ----------------------------------------------------------------------------------- */

void ogl_gemini_close_text(struct gemini_candidate *c, struct ogl_queue *out) {
  struct ogl_span rest = ogl_queue_half(out, &c->half);
  struct ogl_event *e = rest.n ? ogl_queue_push(out, c->open_kind, c->number, c->open_index) : NULL;
  if (e) e->a = rest;
  c->open_kind = NO_KIND;
}

/* A new part of that kind; its place. */
static int open_part(struct gemini_candidate *c, int kind, struct ogl_queue *out) {
  ogl_gemini_close_text(c, out);
  c->open_kind = kind;
  return c->open_index = c->next_index++;
}

static void push_signature(struct gemini_candidate *c, const char *kind, int index, struct ogl_span signature,
                           struct ogl_queue *out) {
  struct ogl_event *e = signature.n ? ogl_queue_push(out, OGL_EVENT_PART_END, c->number, index) : NULL;
  if (e) e->a.p = kind, e->a.n = strlen(kind), e->b = signature;
}

static void push_text(struct gemini_candidate *c, const struct part *p, struct ogl_queue *out) {
  int kind = p->thought ? OGL_EVENT_REASONING : OGL_EVENT_TEXT;
  int index = c->open_kind == kind && !p->signature.n ? c->open_index : open_part(c, kind, out);
  struct ogl_span piece = ogl_queue_piece(out, p->text, &c->half);
  struct ogl_event *e = piece.n ? ogl_queue_push(out, kind, c->number, index) : NULL;
  if (e) e->a = piece;
  if (!p->signature.n) return;
  ogl_gemini_close_text(c, out);
  push_signature(c, p->thought ? "reasoning" : "text", index, p->signature, out);
}

static void push_part(struct gemini_candidate *c, struct ogl_span kind, struct ogl_span json, struct ogl_queue *out) {
  struct ogl_event *e = ogl_queue_push(out, OGL_EVENT_PART, c->number, open_part(c, NO_KIND, out));
  if (e) e->a = kind, e->b = json;
}

/* The kind of data of that MIME type. */
static struct ogl_span kind_of(struct ogl_span data) {
  static const char *const kinds[] = { "image", "audio", "video" };
  struct ogl_json j;
  struct ogl_json_text mime;
  struct ogl_span key, kind = { "file", 4 };
  ogl_json_open(&j, data.p, data.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return kind;
  while (ogl_json_key(&j, &key) > 0) {
    if (!ogl_span_is(key, "mimeType")) ogl_json_skip(&j, NULL);
    else if (ogl_json_string_or_skip(&j, &mime))
      for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (mime.raw.n > 5 && memcmp(mime.raw.p, kinds[i], 5) == 0) kind.p = kinds[i], kind.n = 5;
  }
  return kind;
}

/* --- function calls ------------------------------------------------------------------------------------------- */

static void read_fragment(struct ogl_span json, struct fragment *f, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span key;
  memset(f, 0, sizeof *f);
  ogl_json_open(&j, json.p, json.n);
  if (!ogl_json_enter_or_skip(&j, '{')) return;
  while (ogl_json_key(&j, &key) > 0) {
    if (ogl_span_is(key, "name")) f->name = text_value(&j, out);
    else if (ogl_span_is(key, "id")) f->id = text_value(&j, out);
    else if (ogl_span_is(key, "args")) f->args = ogl_read_raw(&j);
    else if (ogl_span_is(key, "partialArgs")) f->partial = ogl_read_raw(&j);
    else if (ogl_span_is(key, "willContinue")) f->continues = true_value(&j);
    else ogl_json_skip(&j, NULL);
  }
}

static int open_call(struct gemini_candidate *c, const struct fragment *f, struct ogl_queue *out) {
  struct ogl_json_text none = { { "", 0 }, 0 };
  int err = ogl_gemini_end_call(c, out);
  struct ogl_call *call = err ? NULL : ogl_calls_open(&c->calls, -1, open_part(c, NO_KIND, out), &err);
  if (!call) return err;
  c->call = (int)(call - c->calls.rows);
  return ogl_calls_add(&c->calls, call, f->id, f->name, none, c->number, out);
}

static int add_partial(struct gemini_candidate *c, struct ogl_span list, struct ogl_queue *out) {
  struct ogl_json j;
  struct ogl_span item;
  int err = 0;
  ogl_json_open(&j, list.p, list.n);
  if (!ogl_json_enter_or_skip(&j, '[')) return 0;
  while (!err && ogl_json_item(&j) > 0 && ogl_json_skip(&j, &item) > 0) err = ogl_gemini_args_add(&c->args, item, out);
  return err;
}

static int add_arguments(struct gemini_candidate *c, struct ogl_call *call, const struct fragment *f,
                         struct ogl_queue *out) {
  struct ogl_span none = { "", 0 };
  int err = 0;
  if (f->args.n && !call->arguments.n && !ogl_span_is(f->args, "{}"))
    err = ogl_calls_add(&c->calls, call, none, none, ogl_json_plain(f->args), c->number, out);
  return err ? err : add_partial(c, f->partial, out);
}

/* A functionCall with a name opens a call. One without adds to the call under way, and ends it unless it says that more will
   come. */
static int on_call(struct gemini_state *s, struct gemini_candidate *c, const struct part *p, struct ogl_span json,
                   struct ogl_queue *out) {
  struct fragment f;
  read_fragment(p->call, &f, out);
  s->calls++;
  s->held += f.id.n + f.name.n + f.args.n + f.partial.n;
  if (s->held > OGL_MAX_REPLY) return OGL_ERR_REPLY; /* of all candidates together */
  int err = f.name.n ? open_call(c, &f, out) : 0;
  if (!err && c->call == NO_CALL && f.args.n) push_part(c, (struct ogl_span){ "functionCall", 12 }, json, out);
  if (err || c->call == NO_CALL) return err;
  struct ogl_call *call = &c->calls.rows[c->call];
  err = add_arguments(c, call, &f, out);
  if (!err && !f.continues) err = ogl_gemini_end_call(c, out);
  if (!err) push_signature(c, "tool_call", call->index, p->signature, out);
  return err;
}

int ogl_gemini_end_call(struct gemini_candidate *c, struct ogl_queue *out) {
  struct ogl_span none = { "", 0 };
  if (c->call == NO_CALL) return 0;
  struct ogl_call *call = &c->calls.rows[c->call];
  /* written to a buffer of the call that nothing else uses, for events point to the text */
  int err = call->arguments.n ? 0 : ogl_gemini_args_write(&c->args, &call->early, out);
  if (!err && call->early.n)
    err = ogl_calls_add(&c->calls, call, none, none, ogl_json_plain(ogl_buf_span(&call->early)), c->number, out);
  ogl_gemini_args_clear(&c->args);
  c->call = NO_CALL;
  if (!err) ogl_calls_end_one(call, c->number, out);
  return err;
}

/* --- all of it ------------------------------------------------------------------------------------------------ */

int ogl_gemini_read_part(struct gemini_state *s, struct gemini_candidate *c, struct ogl_span json,
                         struct ogl_queue *out) {
  struct part p;
  gather(json, &p, out);
  if (p.text.raw.n && s->texts++ == 0) s->only_text = p.text.raw, s->only_row = (size_t)(c - s->candidates);
  if (p.call.n && *p.call.p == '{') return on_call(s, c, &p, json, out);
  if (p.text.raw.n) push_text(c, &p, out);
  else if (p.data.n) push_part(c, p.thought ? (struct ogl_span){ "thought", 7 } : kind_of(p.data), json, out);
  else if (p.other.n) push_part(c, p.other_name, json, out);
  else if (p.signature.n) push_part(c, (struct ogl_span){ "thoughtSignature", 16 }, json, out);
  return 0;
}
