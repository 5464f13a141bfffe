/* SPDX-License-Identifier: MIT
** transfer.c - see transfer.h.
*/
#include "transfer.h"

#include <stddef.h>
#include <string.h>

#include "../core/mem.h"
#include "clock.h"

static void on_ended(struct ogl_multi_member *member, CURLcode result, const char *broken);
static void on_excuse(struct ogl_multi_member *member, double now);
static void on_opened(struct ogl_multi_member *member);
static void on_touched(struct ogl_multi_member *member, int what);
static double on_due(struct ogl_multi_member *member, double now);

/* Life ------------------------------------------------------------------------------------------------------------- */

static struct ogl_transfer *transfer_of(struct ogl_multi_member *member) {
  return (struct ogl_transfer *)(void *)member;
}

static void destroy(struct ogl_multi_member *member) {
  struct ogl_transfer *t = transfer_of(member);
  curl_easy_cleanup(t->member.easy);
  ogl_applied_options_drop(t->applied);
  ogl_headers_clear(&t->headers);
  ogl_head_clear(&t->head);
  ogl_buf_clear(&t->body);
  ogl_buf_clear(&t->upload);
  ogl_free(t);
}

static struct ogl_transfer *make(void) {
  struct ogl_transfer *t = ogl_realloc(NULL, sizeof *t);
  if (!t) return NULL;
  memset(t, 0, sizeof *t);
  ogl_headers_init(&t->headers);
  ogl_head_init(&t->head);
  ogl_buf_init(&t->body, SIZE_MAX / 2, OGL_ERR_BODY); /* bounded by on_body */
  ogl_buf_init(&t->upload, SIZE_MAX / 2, OGL_ERR_BODY);
  t->member.ended = on_ended;
  t->member.excuse = on_excuse;
  t->member.due = on_due;
  t->member.opened = on_opened;
  t->member.touched = on_touched;
  t->member.destroy = destroy;
  return t;
}

struct ogl_transfer *ogl_transfer_new(struct ogl_multi *m) {
  struct ogl_multi_member *spare = ogl_multi_reuse(m);
  struct ogl_transfer *t = spare ? transfer_of(spare) : make();
  if (t) t->multi = ogl_multi_keep(m);
  return t;
}

static void empty(struct ogl_buf *b) {
  if (b->cap > OGL_TRANSFER_BLOCK) ogl_buf_clear(b);
  else ogl_buf_reset(b);
}

/* Makes the transfer as `make` gives it, but keeps the handle, its options and the blocks. */
static void reset(struct ogl_transfer *t) {
  size_t kept = offsetof(struct ogl_transfer, state);
  memset((char *)t + kept, 0, sizeof *t - kept);
  memset(&t->failure, 0, sizeof t->failure);
  ogl_headers_reset(&t->headers);
  ogl_head_reset(&t->head);
  empty(&t->headers.lines);
  empty(&t->head.lines);
  empty(&t->body);
  empty(&t->upload);
}

void ogl_transfer_free(struct ogl_transfer *t) {
  if (!t || ogl_multi_is_foreign(t->multi)) return;
  struct ogl_multi *m = t->multi;
  int raw = t->raw; /* its handle belonged to its connection */
  ogl_multi_stop(m, &t->member);
  ogl_free(t->proxy);
  reset(t);
  if (raw || !ogl_multi_retire(m, &t->member)) destroy(&t->member);
  ogl_multi_drop(m);
}

/* Ends the transfer by a failure. Always 0, for `return`. */
static int fail(struct ogl_transfer *t, enum ogl_failure_kind kind, const char *code, const char *message) {
  ogl_failure_set(&t->failure, kind, code, message);
  t->state = OGL_TRANSFER_FAILED;
  return 0;
}

static int no_memory(struct ogl_transfer *t) { return fail(t, OGL_FAILURE_LIMIT, "memory", "out of memory"); }

/* Breaks the exchange off by a failure, from outside of libcurl. Always 0, for `return`. */
static int break_off(struct ogl_transfer *t, enum ogl_failure_kind kind, const char *code, const char *message) {
  t->failure.sent = ogl_transfer_sent(t);
  ogl_multi_stop(t->multi, &t->member);
  return fail(t, kind, code, message);
}

/* Callbacks of libcurl: they append, count and return. ------------------------------------------------------------- */

/* Why a callback made libcurl end the transfer. libcurl writes a text of its own into the failure's message, so the
   failure is made when it is over. */
struct ogl_refusal {
  enum ogl_failure_kind kind;
  const char *code, *message;
};

static const struct ogl_refusal memory_short = { OGL_FAILURE_LIMIT, "memory", "out of memory" };
static const struct ogl_refusal large_head = { OGL_FAILURE_LIMIT, "header", "the head of the answer is above 256 KiB" };
static const struct ogl_refusal large_body = { OGL_FAILURE_LIMIT, "body",
                                               "the body of the answer is above its ceiling (max_body)" };

/* Whether the connection is kept when the exchange is over: decided whenever something comes, for it may be the last. */
static void mind_idle(struct ogl_transfer *t) {
  int closes = ogl_multi_full(t->multi);
  if (closes == t->closes) return;
  t->closes = closes;
  curl_easy_setopt(t->member.easy, CURLOPT_FORBID_REUSE, (long)closes);
}

/* Tells the caller that waits to look: something came, or is wanted. */
static void tell(struct ogl_transfer *t) {
  if (!t->raw) mind_idle(t);
  t->member.heard = t->multi->now;
  ogl_multi_notify(t->multi, &t->member);
}

static size_t refuse(struct ogl_transfer *t, const struct ogl_refusal *why) {
  t->refusal = why;
  return 0;
}

/* The request has been sent for good: its lines are not needed again. */
static void on_head(struct ogl_transfer *t) {
  if (t->headers.nodes) curl_easy_setopt(t->member.easy, CURLOPT_HTTPHEADER, NULL);
  ogl_headers_clear(&t->headers);
  tell(t);
}

static size_t on_header(char *p, size_t size, size_t count, void *user) {
  struct ogl_transfer *t = user;
  size_t n = size * count;
  int failed = ogl_head_line(&t->head, p, n);
  if (failed) return refuse(t, failed == OGL_ERR_MEMORY ? &memory_short : &large_head);
  if (t->head.complete) on_head(t);
  return n;
}

static size_t on_body(char *p, size_t size, size_t count, void *user) {
  struct ogl_transfer *t = user;
  size_t n = size * count;
  if (t->stream && t->body.n >= OGL_TRANSFER_UNREAD) {
    t->paused |= CURLPAUSE_RECV;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (t->max_body && (int64_t)n > t->max_body - t->received) return refuse(t, &large_body);
  if (ogl_buf_append(&t->body, p, n)) return refuse(t, &memory_short);
  t->received += (int64_t)n;
  tell(t);
  return n;
}

/* Asks the caller by pausing. */
static size_t on_upload(char *p, size_t size, size_t count, void *user) {
  struct ogl_transfer *t = user;
  size_t n = size * count;
  if (n > t->upload.n) n = t->upload.n;
  if (n) {
    memcpy(p, ogl_buf_bytes(&t->upload), n);
    ogl_buf_consume(&t->upload, n);
    return n;
  }
  if (t->ended) return 0;
  t->hungry = 1;
  t->paused |= CURLPAUSE_SEND;
  tell(t);
  return CURL_READFUNC_PAUSE;
}

static int went_out(const struct ogl_transfer *t) {
  long bytes = 0;
  curl_easy_getinfo(t->member.easy, CURLINFO_REQUEST_SIZE, &bytes);
  return bytes > 0;
}

#if LIBCURL_VERSION_NUM >= 0x075000
static const struct ogl_refusal repetition = { OGL_FAILURE_NETWORK, "reset",
                                               "the server closed a kept-alive connection instead of answering" };

/* The connection is there and the request goes out. A second time it is libcurl's own retry. */
static int on_begin(void *user, char *peer, char *local, int peer_port, int local_port) {
  struct ogl_transfer *t = user;
  (void)peer, (void)local, (void)peer_port, (void)local_port;
  if (t->begun && t->once && went_out(t)) {
    refuse(t, &repetition);
    return CURL_PREREQFUNC_ABORT;
  }
  t->begun = 1;
  t->member.heard = t->multi->now; /* libcurl may have found the connection by its own timer: no socket told of it */
  ogl_multi_begun(t->multi, &t->member);
  return CURL_PREREQFUNC_OK;
}

static void set_begin(struct ogl_transfer *t) {
  curl_easy_setopt(t->member.easy, CURLOPT_PREREQFUNCTION, on_begin);
  curl_easy_setopt(t->member.easy, CURLOPT_PREREQDATA, t);
}

static int has_begun(const struct ogl_transfer *t) { return t->begun; }
#else
static void set_begin(struct ogl_transfer *t) { (void)t; }

static int has_begun(const struct ogl_transfer *t) { return t->begun || went_out(t); }
#endif

static void set_callbacks(struct ogl_transfer *t) {
  CURL *easy = t->member.easy;
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->failure.message);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
  curl_easy_setopt(easy, CURLOPT_READDATA, t);
  set_begin(t);
  t->closes = 0;
}

/* Called by the multi, after libcurl has returned. */
static void on_ended(struct ogl_multi_member *member, CURLcode result, const char *broken) {
  struct ogl_transfer *t = transfer_of(member);
  struct ogl_failure_context context = { ogl_transfer_sent(t), t->head.complete, 0, t->proxy, NULL };
  context.timed_out = t->total > 0 && ogl_clock_now() - t->started >= t->total;
  if (result != CURLE_OK) curl_easy_getinfo(t->member.easy, CURLINFO_EFFECTIVE_URL, &context.url);
  t->hungry = 0;
  t->failure.sent = context.sent;
  if (broken) fail(t, OGL_FAILURE_NETWORK, "multi", broken);
  else if (t->refusal) fail(t, t->refusal->kind, t->refusal->code, t->refusal->message);
  else if (result == CURLE_COULDNT_CONNECT && t->multi->no_socket)
    fail(t, OGL_FAILURE_NETWORK, "system", strerror(t->multi->no_socket));
  else if (result != CURLE_OK) ogl_failure_from_curl(&t->failure, result, &context);
  else if (!t->head.complete)
    fail(t, OGL_FAILURE_NETWORK, "closed_early", "the server closed the connection inside the head of its answer");
  t->state = t->failure.kind ? OGL_TRANSFER_FAILED : OGL_TRANSFER_DONE;
  ogl_multi_notify(t->multi, member);
}

/* The request ------------------------------------------------------------------------------------------------------ */

enum ogl_headers_result ogl_transfer_header(struct ogl_transfer *t, struct ogl_span name, struct ogl_span value) {
  return ogl_headers_add(&t->headers, name, value);
}

static void remember(struct ogl_transfer *t, const struct ogl_options *o) {
  t->stream = o->stream;
  t->once = !ogl_options_idempotent(o);
  t->length = o->raw ? 0 : o->length;
  t->raw = t->member.raw = o->raw;
  if (o->raw) ogl_connection_init(&t->connection, t->multi, &t->member, &t->body, &t->upload, OGL_TRANSFER_UNREAD);
  if (!o->stream) t->max_body = o->max_body ? o->max_body : OGL_MAX_BODY;
  t->total = o->total;
  t->connect = o->connect;
  t->member.alone = o->raw || ogl_options_http1(o);
  t->member.secure = ogl_options_secure(o);
}

/* Only a proxy with a password is worth remembering. */
static int remember_proxy(struct ogl_transfer *t, const char *proxy) {
  if (!proxy || !strchr(proxy, '@')) return 1;
  size_t n = strlen(proxy) + 1;
  t->proxy = ogl_realloc(NULL, n);
  if (t->proxy) memcpy(t->proxy, proxy, n);
  return t->proxy != NULL;
}

/* "Expect" costs a round trip, and the type that libcurl gives to a body without one is that of a web form. */
static int set_headers(struct ogl_transfer *t) {
  ogl_headers_otherwise(&t->headers, "Accept-Encoding", t->stream ? "identity" : t->multi->encodings);
  ogl_headers_otherwise(&t->headers, "Content-Type", NULL);
  if (ogl_headers_otherwise(&t->headers, "Expect", NULL)) return 0;
  struct curl_slist *list = ogl_headers_list(&t->headers);
  return list && curl_easy_setopt(t->member.easy, CURLOPT_HTTPHEADER, list) == CURLE_OK;
}

/* Sets all options, on a new handle or on one that had others. */
static int configure(struct ogl_transfer *t, const struct ogl_options *o, long buffer) {
  const char *what = NULL;
  if (t->member.easy) curl_easy_reset(t->member.easy);
  else if ((t->member.easy = curl_easy_init()) == NULL) return no_memory(t);
  CURLcode result = ogl_options_apply(o, t->member.easy, buffer, &what);
  if (result == CURLE_OUT_OF_MEMORY) return no_memory(t);
  if (result != CURLE_OK) return fail(t, OGL_FAILURE_INVALID, "unsupported", what);
  ogl_multi_adopt(t->multi, &t->member);
  set_callbacks(t);
  return 1;
}

/* Makes the handle's options those of the request. Mostly they are: one program asks for much the same again and
   again. `applied` lists the options of a handle that has them all, else it is NULL. */
static int set_options(struct ogl_transfer *t, const struct ogl_options *o) {
  struct ogl_buf *wanted = &t->body; /* still unused */
  long buffer = ogl_options_buffer(t->multi->n_members);
  if (ogl_options_list(o, buffer, wanted)) return no_memory(t);
  if (!ogl_applied_options_are(t->applied, ogl_buf_span(wanted))) {
    ogl_applied_options_drop(t->applied);
    t->applied = NULL;
    if (!configure(t, o, buffer)) return 0;
    t->applied = ogl_multi_share(t->multi, ogl_buf_span(wanted));
  }
  ogl_buf_reset(wanted);
  return ogl_options_apply_body(o, t->member.easy) == CURLE_OK ? 1 : no_memory(t);
}

int ogl_transfer_start(struct ogl_transfer *t, const struct ogl_options *o) {
  const char *wrong = ogl_options_check(o);
  if (wrong) return fail(t, OGL_FAILURE_INVALID, "url", wrong);
  remember(t, o);
  if (!remember_proxy(t, o->proxy)) return no_memory(t);
  if (!set_options(t, o)) return 0;
  if (!set_headers(t))
    return fail(t, OGL_FAILURE_LIMIT, "memory", "no memory for the request's head, or it is too large");
  t->started = ogl_clock_now();
  t->connect_end = t->connect > 0 ? t->started + t->connect : -1;
  t->state = OGL_TRANSFER_ACTIVE;
  wrong = ogl_multi_start(t->multi, &t->member);
  return wrong ? fail(t, OGL_FAILURE_NETWORK, "multi", wrong) : 1;
}

/* A connection alone ---------------------------------------------------------------------------------------------- */

static void end_connection(struct ogl_transfer *t) {
  t->failure.sent = 1;
  switch (t->connection.end) {
    case OGL_CONNECTION_BROKEN: fail(t, OGL_FAILURE_NETWORK, "reset", "the connection was broken off"); break;
    case OGL_CONNECTION_MEMORY: no_memory(t); break;
    default: t->state = OGL_TRANSFER_DONE;
  }
}

/* Takes over the connection's state. `news`: bytes came, or it ended. */
static void follow(struct ogl_transfer *t, int news) {
  if (t->connection.is_full) t->paused |= CURLPAUSE_RECV;
  if (t->connection.end != OGL_CONNECTION_OPEN && t->state == OGL_TRANSFER_ACTIVE) end_connection(t);
  if (news) tell(t);
}

static void on_opened(struct ogl_multi_member *member) {
  struct ogl_transfer *t = transfer_of(member);
  t->head.complete = t->begun = 1;
  ogl_connection_opened(&t->connection);
  follow(t, 1);
}

static void on_touched(struct ogl_multi_member *member, int what) {
  struct ogl_transfer *t = transfer_of(member);
  follow(t, ogl_connection_touched(&t->connection, what));
}

/* Sends bytes on the connection; drops those that come before it is open. */
static int feed_connection(struct ogl_transfer *t, const char *p, size_t n) {
  if (t->member.open && t->state == OGL_TRANSFER_ACTIVE) follow(t, ogl_connection_feed(&t->connection, p, n));
  return t->state != OGL_TRANSFER_FAILED;
}

/* The rest of the request ------------------------------------------------------------------------------------------ */

/* Resumes the paused directions among `what`. */
static void resume(struct ogl_transfer *t, int what) {
  if (!(t->paused & what)) return;
  t->paused &= ~what;
  if (!t->raw) ogl_multi_pause(t->multi, &t->member, t->paused);
  else if (t->state == OGL_TRANSFER_ACTIVE) follow(t, ogl_connection_resume(&t->connection));
}

int ogl_transfer_feed(struct ogl_transfer *t, const char *p, size_t n) {
  if (t->raw) return feed_connection(t, p, n);
  if (t->state != OGL_TRANSFER_ACTIVE || t->ended) return t->state != OGL_TRANSFER_FAILED;
  if (t->length >= 0 && (int64_t)n > t->length - t->fed)
    return break_off(t, OGL_FAILURE_INVALID, "length", "the body is longer than its declared length");
  if (ogl_buf_append(&t->upload, p, n)) return break_off(t, OGL_FAILURE_LIMIT, "memory", "out of memory");
  t->fed += (int64_t)n;
  t->hungry = t->hungry && !n;
  if (n) resume(t, CURLPAUSE_SEND);
  return 1;
}

int ogl_transfer_feed_end(struct ogl_transfer *t) {
  if (t->state != OGL_TRANSFER_ACTIVE || t->ended) return t->state != OGL_TRANSFER_FAILED;
  if (t->length >= 0 && t->fed < t->length)
    return break_off(t, OGL_FAILURE_INVALID, "length", "the body ended before its declared length");
  t->ended = 1;
  t->hungry = 0;
  resume(t, CURLPAUSE_SEND);
  return 1;
}

/* The answer ------------------------------------------------------------------------------------------------------- */

const struct ogl_head *ogl_transfer_head(struct ogl_transfer *t) {
  if (!t->head.complete) return NULL;
  t->head_given = 1;
  return &t->head;
}

struct ogl_span ogl_transfer_body(const struct ogl_transfer *t) {
  return ogl_buf_span(&t->body);
}

static int is_crowded(const struct ogl_transfer *t) { return t->multi->n_members > OGL_TRANSFER_CROWD; }

struct ogl_span ogl_transfer_piece(const struct ogl_transfer *t) {
  struct ogl_span bytes = ogl_buf_span(&t->body);
  if (bytes.n > OGL_TRANSFER_PIECE && is_crowded(t)) bytes.n = OGL_TRANSFER_PIECE;
  return bytes;
}

/* A block much larger than what was in it is from an earlier rush, and of a crowd each transfer has had a rush at some time: 10,000
   quiet streams would keep 10,000 blocks. A small one goes as well: the allocator hands it, still warm, to the next transfer that
   gets bytes. */
static void give_back(struct ogl_transfer *t, size_t used) {
  if (t->body.n) return;
  int large = t->body.cap > OGL_TRANSFER_BLOCK && used < t->body.cap / 4;
  if (large || is_crowded(t) || t->body.cap <= OGL_TRANSFER_SMALL) ogl_buf_clear(&t->body);
}

void ogl_transfer_consume(struct ogl_transfer *t, size_t n) {
  ogl_buf_consume(&t->body, n);
  give_back(t, n);
  if (t->body.n < OGL_TRANSFER_UNREAD / 2) resume(t, CURLPAUSE_RECV);
}

/* Waiting ---------------------------------------------------------------------------------------------------------- */

int ogl_transfer_sent(const struct ogl_transfer *t) {
  if (t->state != OGL_TRANSFER_ACTIVE) return t->failure.sent || t->state == OGL_TRANSFER_DONE;
  return has_begun(t) && went_out(t);
}

static curl_off_t count(const struct ogl_transfer *t, CURLINFO what) {
  curl_off_t bytes = 0;
  curl_easy_getinfo(t->member.easy, what, &bytes);
  return bytes;
}

enum ogl_transfer_phase ogl_transfer_phase(const struct ogl_transfer *t) {
  if (t->head.total) return OGL_PHASE_RECEIVE;
  if (!has_begun(t)) return OGL_PHASE_CONNECT;
  if (t->length > 0 && count(t, CURLINFO_SIZE_UPLOAD_T) < t->length) return OGL_PHASE_SEND;
  return t->length < 0 && !t->ended ? OGL_PHASE_SEND : OGL_PHASE_WAIT;
}

int ogl_transfer_delivered(const struct ogl_transfer *t) {
  return t->head.complete && count(t, CURLINFO_SIZE_UPLOAD_T) >= t->length;
}

void ogl_transfer_progress(const struct ogl_transfer *t, int64_t up[2], int64_t down[2]) {
  up[0] = t->member.easy ? count(t, CURLINFO_SIZE_UPLOAD_T) : 0;
  up[1] = t->length;
  down[0] = t->member.easy ? count(t, CURLINFO_SIZE_DOWNLOAD_T) : 0;
  down[1] = t->member.easy ? count(t, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T) : -1;
}

static int is_ready(const struct ogl_transfer *t) {
  return t->body.n || t->state != OGL_TRANSFER_ACTIVE || (t->head.complete && !t->head_given);
}

/* How much longer the connect or the present silence may last; negative: for ever. */
static double patience_left(const struct ogl_transfer *t, const struct ogl_patience *patience, double now) {
  if (!has_begun(t)) return t->connect_end < 0 ? -1 : t->connect_end > now ? t->connect_end - now : 0;
  double limit = t->head.total ? patience->idle : patience->first;
  if (limit < 0) return -1;
  return limit > t->quiet ? limit - t->quiet : 0;
}

static uint64_t count_up(const struct ogl_transfer *t) {
  return (uint64_t)count(t, CURLINFO_SIZE_UPLOAD_T) + (uint64_t)went_out(t);
}

static const double LATE = 0.05; /* seconds after the end of a connect from which on a look at it comes too late */

/* Puts libcurl's own limit of the connect off: it counts from the start and would give up by itself, before the sockets are looked at. The handle has other options from
   now on than `applied` lists. */
static void on_excuse(struct ogl_multi_member *member, double now) {
  struct ogl_transfer *t = transfer_of(member);
  if (t->connect <= 0) return;
  ogl_options_apply_connect(member->easy, now - t->started + t->connect);
  ogl_applied_options_drop(t->applied);
  t->applied = NULL;
}

/* A connect ends by the clock. But where the caller looks only long after that end, and finds that the peer has answered, the answer
   counts as in time. */
static void hear_connect(struct ogl_transfer *t, double now) {
  double heard = t->member.alone || t->member.heard > t->multi->heard ? t->member.heard : t->multi->heard;
  t->quiet = 0;
  if (t->connect_end >= 0 && now - t->connect_end > LATE && heard > t->since) t->connect_end = now + t->connect;
}

/* Adds the time of the wait to the silence, or counts it anew from the moment when something moved. On a socket that several transfers
   share, only bytes that came are told to their transfer; bytes that went out are found here, by their count. */
static void hear(struct ogl_transfer *t, double now) {
  double heard = t->member.heard;
  if (!t->member.alone && t->state == OGL_TRANSFER_ACTIVE) {
    uint64_t uploaded = count_up(t);
    if (uploaded != t->uploaded) heard = now;
    t->uploaded = uploaded;
  }
  if (!has_begun(t)) hear_connect(t, now);
  else if (heard > t->since) t->quiet = now - heard;
  else t->quiet += now - t->since;
  t->since = now;
}

static double shorter(double a, double b) {
  if (a < 0) return b;
  return b < 0 || a < b ? a : b;
}

/* Seconds until the patience may be over: a connect that ends meanwhile begins the silence of `first`. */
static double next_look(const struct ogl_transfer *t, const struct ogl_patience *patience, double now) {
  double left = patience_left(t, patience, now);
  return has_begun(t) || left == 0 ? left : shorter(left, patience->first);
}

enum ogl_transfer_news ogl_transfer_wait(struct ogl_transfer *t, const struct ogl_patience *patience) {
  double now = ogl_clock_now(), end = patience->slice < 0 ? -1 : now + patience->slice;
  int looked = 0; /* at least once, also without patience */
  int last = 0;   /* every socket that was ready has been served */
  while (!is_ready(t)) {
    if (t->hungry) return OGL_NEWS_FEED;
    double left = patience_left(t, patience, now);
    if (left == 0 && last) return OGL_NEWS_STALLED;
    if (end >= 0 && now >= end && looked) return OGL_NEWS_AGAIN;
    t->since = now;
    int interrupted = !ogl_multi_wait(t->multi, shorter(next_look(t, patience, now), end < 0 ? -1 : end - now));
    if ((last = left == 0)) ogl_multi_catch_up(t->multi);
    now = ogl_clock_now();
    hear(t, now);
    looked = 1;
    if (interrupted && !is_ready(t)) return OGL_NEWS_AGAIN;
  }
  return OGL_NEWS_READY;
}

/* When the patience or the slice will be over if nothing moves; negative: never. */
static double moment(const struct ogl_transfer *t) {
  double left = next_look(t, &t->patience, t->since);
  return shorter(left < 0 ? -1 : t->since + left, t->slice_end);
}

static double on_due(struct ogl_multi_member *member, double now) {
  struct ogl_transfer *t = transfer_of(member);
  if (!member->awaited) return -1;
  hear(t, now);
  t->stalled = patience_left(t, &t->patience, now) == 0;
  if (!t->stalled && (t->slice_end < 0 || now < t->slice_end)) return moment(t);
  ogl_multi_notify(t->multi, member);
  return -1;
}

enum ogl_transfer_news ogl_transfer_await(struct ogl_transfer *t, const struct ogl_patience *patience) {
  if (is_ready(t)) return OGL_NEWS_READY;
  if (t->hungry) return OGL_NEWS_FEED;
  if (t->stalled) return OGL_NEWS_STALLED;
  double now = ogl_clock_now();
  if (t->member.awaited) hear(t, now); /* woken by something else, and back */
  t->patience = *patience;
  t->since = now;
  t->slice_end = patience->slice < 0 ? -1 : now + patience->slice;
  if (!ogl_multi_await(t->multi, &t->member, moment(t))) return OGL_NEWS_LATER;
  break_off(t, OGL_FAILURE_LIMIT, "memory", "out of memory");
  return OGL_NEWS_READY;
}
