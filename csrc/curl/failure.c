/* SPDX-License-Identifier: MIT
** failure.c - see failure.h.
*/
#include "failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const kinds[] = { "none", "network", "tls", "timeout", "limit", "invalid", "closed" };

enum { ANY_TIME, BEFORE_SENT, BEFORE_HEAD };

/* One row a cause, the first that fits. Where libcurl uses one result for several causes its text tells them apart. */
struct row {
  CURLcode result;
  const char *text; /* part of libcurl's message, or NULL */
  int when;
  enum ogl_failure_kind kind;
  const char *code;
};

static const struct row rows[] = {
  { CURLE_COULDNT_RESOLVE_HOST, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "resolve" },
  { CURLE_COULDNT_RESOLVE_PROXY, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "proxy" },
  { CURLE_COULDNT_CONNECT, "nsupported proxy", ANY_TIME, OGL_FAILURE_INVALID, "proxy" },
  { CURLE_COULDNT_CONNECT, "CONNECT tunnel", ANY_TIME, OGL_FAILURE_NETWORK, "proxy" },
  { CURLE_COULDNT_CONNECT, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "connect" },
#if LIBCURL_VERSION_NUM >= 0x074900
  { CURLE_PROXY, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "proxy" },
#endif
  { CURLE_RECV_ERROR, "CONNECT tunnel", ANY_TIME, OGL_FAILURE_NETWORK, "proxy" },
  { CURLE_RECV_ERROR, "from proxy", ANY_TIME, OGL_FAILURE_NETWORK, "proxy" },
  { CURLE_RECV_ERROR, "response headers", ANY_TIME, OGL_FAILURE_LIMIT, "header" },
  { CURLE_RECV_ERROR, "chunk", ANY_TIME, OGL_FAILURE_NETWORK, "malformed" },
  { CURLE_RECV_ERROR, "hexadecimal", ANY_TIME, OGL_FAILURE_NETWORK, "malformed" },
  { CURLE_RECV_ERROR, " alert ", ANY_TIME, OGL_FAILURE_TLS, "alert" },
  { CURLE_RECV_ERROR, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "reset" },
  { CURLE_SEND_ERROR, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "reset" },
  { CURLE_SEND_FAIL_REWIND, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "reset" },
  { CURLE_HTTP2_STREAM, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "reset" },
  { CURLE_HTTP2, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "malformed" },
  { CURLE_GOT_NOTHING, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "closed_early" },
  { CURLE_PARTIAL_FILE, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "cut" },
  { CURLE_WEIRD_SERVER_REPLY, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "malformed" },
  { CURLE_BAD_CONTENT_ENCODING, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "malformed" },
  { CURLE_UNSUPPORTED_PROTOCOL, NULL, BEFORE_SENT, OGL_FAILURE_INVALID, "scheme" },
  { CURLE_UNSUPPORTED_PROTOCOL, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "malformed" }, /* HTTP/0.9 */
  { CURLE_URL_MALFORMAT, NULL, ANY_TIME, OGL_FAILURE_INVALID, "url" },
  { CURLE_READ_ERROR, NULL, ANY_TIME, OGL_FAILURE_INVALID, "body" },
  { CURLE_NOT_BUILT_IN, NULL, ANY_TIME, OGL_FAILURE_INVALID, "unsupported" },
  { CURLE_UNKNOWN_OPTION, NULL, ANY_TIME, OGL_FAILURE_INVALID, "unsupported" },
  { CURLE_OPERATION_TIMEDOUT, NULL, ANY_TIME, OGL_FAILURE_TIMEOUT, "timeout" },
#if LIBCURL_VERSION_NUM >= 0x080600
  { CURLE_TOO_LARGE, NULL, BEFORE_HEAD, OGL_FAILURE_LIMIT, "header" },
#endif
  { CURLE_OUT_OF_MEMORY, NULL, BEFORE_SENT, OGL_FAILURE_LIMIT, "memory" },
  { CURLE_OUT_OF_MEMORY, NULL, BEFORE_HEAD, OGL_FAILURE_LIMIT, "header" }, /* so it reports a line above 100 KiB */
  { CURLE_OUT_OF_MEMORY, NULL, ANY_TIME, OGL_FAILURE_LIMIT, "memory" },
  { CURLE_SSL_CONNECT_ERROR, "reset by peer", ANY_TIME, OGL_FAILURE_NETWORK, "reset" },
  { CURLE_SSL_CONNECT_ERROR, "SYSCALL", ANY_TIME, OGL_FAILURE_NETWORK, "reset" },
  { CURLE_SSL_CONNECT_ERROR, "unexpected eof", ANY_TIME, OGL_FAILURE_NETWORK, "reset" },
  { CURLE_SSL_CONNECT_ERROR, " alert ", ANY_TIME, OGL_FAILURE_TLS, "alert" },
  { CURLE_SSL_CONNECT_ERROR, NULL, ANY_TIME, OGL_FAILURE_TLS, "handshake" },
  { CURLE_PEER_FAILED_VERIFICATION, "expired", ANY_TIME, OGL_FAILURE_TLS, "expired" },
  { CURLE_PEER_FAILED_VERIFICATION, "subject name", ANY_TIME, OGL_FAILURE_TLS, "hostname" },
  { CURLE_PEER_FAILED_VERIFICATION, "match", ANY_TIME, OGL_FAILURE_TLS, "hostname" },
  { CURLE_PEER_FAILED_VERIFICATION, NULL, ANY_TIME, OGL_FAILURE_TLS, "certificate" },
  { CURLE_SSL_CACERT_BADFILE, NULL, ANY_TIME, OGL_FAILURE_TLS, "ca_file" },
  { CURLE_SSL_CERTPROBLEM, NULL, ANY_TIME, OGL_FAILURE_TLS, "client_certificate" },
  { CURLE_SSL_CIPHER, NULL, ANY_TIME, OGL_FAILURE_TLS, "handshake" },
  { CURLE_USE_SSL_FAILED, NULL, ANY_TIME, OGL_FAILURE_TLS, "handshake" },
};

static const struct row other = { CURLE_OK, NULL, ANY_TIME, OGL_FAILURE_NETWORK, "other" };

const char *ogl_failure_kind_name(enum ogl_failure_kind kind) { return kinds[kind]; }

void ogl_failure_set(struct ogl_failure *f, enum ogl_failure_kind kind, const char *code, const char *message) {
  if (f->kind) return;
  f->kind = kind;
  f->code = code;
  snprintf(f->message, sizeof f->message, "%s", message);
}

static int fits(const struct row *row, CURLcode result, const char *message, const struct ogl_failure_context *c) {
  if (row->result != result) return 0;
  if (row->when == BEFORE_SENT && c->sent) return 0;
  if (row->when == BEFORE_HEAD && c->head) return 0;
  return !row->text || strstr(message, row->text) != NULL;
}

static const struct row *find(CURLcode result, const char *message, const struct ogl_failure_context *c) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (fits(&rows[i], result, message, c)) return &rows[i];
  return &other;
}

/* Whether that is the host and port of the URL. */
static int is_of_url(const char *url, const char *host, unsigned long port) {
  const char *at = strstr(url, "://");
  at = at ? at + 3 : url;
  size_t authority = strcspn(at, "/?#"), n = strlen(host);
  for (const char *end = at + authority, *p = at; p < end; p++)
    if (*p == '@') at = p + 1;
  at += *at == '[';
  if (strncasecmp(at, host, n) != 0) return 0;
  at += n + (at[n] == ']');
  if (*at == ':') return strtoul(at + 1, NULL, 10) == port;
  return (!*at || strchr("/?#", *at)) && port == (strncasecmp(url, "https", 5) == 0 ? 443 : 80);
}

/* libcurl says which host it could not reach, but not that it is the proxy. */
static void name_proxy(char *message, const char *url) {
  char host[CURL_ERROR_SIZE], text[CURL_ERROR_SIZE];
  unsigned long port;
  if (!url || sscanf(message, "Failed to connect to %255s port %lu", host, &port) != 2) return;
  if (is_of_url(url, host, port)) return;
  snprintf(text, sizeof text, "%s", message);
  snprintf(message, CURL_ERROR_SIZE, "the proxy cannot be reached: %.200s", text);
}

/* Puts "***" in the place of n bytes; cuts the end off if it no longer fits. */
static void mask(char *message, char *at, size_t n) {
  char rest[CURL_ERROR_SIZE];
  snprintf(rest, sizeof rest, "%s", at + n);
  snprintf(at, CURL_ERROR_SIZE - (size_t)(at - message), "***%s", rest);
}

/* The user and password of a URL end at its last '@' and begin after "//", or where the word begins. */
static void mask_userinfo(char *message) {
  char *at = message;
  while ((at = strchr(at, '@')) != NULL) {
    char *start = at;
    while (start > message && !strchr(" '\"/(,", start[-1])) start--;
    size_t n = (size_t)(at - start);
    mask(message, start, n);
    at = start + strcspn(start, "@");
    if (*at) at++;
  }
}

/* Masks the proxy's user and password wherever they stand, as the caller gave them: a password may hold what looks like the end of a
   URL, and `mask_userinfo` would stop there. */
static void mask_proxy(char *message, const char *proxy) {
  const char *end = proxy ? strrchr(proxy, '@') : NULL;
  if (!end) return;
  const char *slashes = strstr(proxy, "://");
  const char *start = slashes && slashes < end ? slashes + 3 : proxy;
  char secret[CURL_ERROR_SIZE];
  size_t n = (size_t)(end - start);
  if (!n || n >= sizeof secret) return; /* too long to have come whole into a message */
  memcpy(secret, start, n);
  secret[n] = '\0';
  char *at = message;
  while ((at = strstr(at, secret)) != NULL) {
    mask(message, at, n);
    at += strlen("***") <= strlen(at) ? strlen("***") : strlen(at);
  }
}

void ogl_failure_from_curl(struct ogl_failure *f, CURLcode result, const struct ogl_failure_context *context) {
  if (f->kind) return;
  f->message[sizeof f->message - 1] = '\0';
  if (!f->message[0]) snprintf(f->message, sizeof f->message, "%s", curl_easy_strerror(result));
  const struct row *row = find(result, f->message, context);
  f->kind = row->kind;
  f->code = row->code;
  f->sent = context->sent;
  if (f->kind == OGL_FAILURE_LIMIT && strcmp(f->code, "header") == 0)
    snprintf(f->message, sizeof f->message, "the head of the answer is too large for libcurl (a line above 100 KiB)");
  if (f->kind == OGL_FAILURE_TIMEOUT) f->code = f->phase = context->timed_out ? "total" : "connect";
  if (result == CURLE_COULDNT_CONNECT) name_proxy(f->message, context->url);
  mask_proxy(f->message, context->proxy);
  mask_userinfo(f->message);
}
