/* SPDX-License-Identifier: MIT
** options.c - see options.h.
*/
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "headers.h"

/* Receive buffers. A read of 64 KiB halves the calls of a fast transfer; with many transfers it is memory that lies
   idle, 10,000 times, and each gets little at a time. libcurl's least is 1 KiB. */
enum {
  FEW = 16,
  SOME = 64,
  MANY = 256,
  BUFFER_FEW = 64 * 1024,
  BUFFER_SOME = 16 * 1024,
  BUFFER_MANY = 4 * 1024,
  BUFFER_MOST = 1024,
  UPLOAD_SOME = 16 * 1024, /* libcurl's least */
  KEEPALIVE_IDLE = 60,     /* seconds: home routers forget a silent connection after some minutes */
  KEEPALIVE_INTERVAL = 30,
  CONNECT_SLACK = 1 /* seconds by which libcurl's limit of a connect is longer than ours, which decides */
};

/* Sets options one by one until the first failure, which it keeps. */
struct setter {
  CURL *easy;
  CURLcode result;
  const char *what;
};

static void keep(struct setter *s, CURLcode result, const char *what) {
  if (s->result != CURLE_OK || result == CURLE_OK) return;
  s->result = result;
  s->what = what;
}

static void set_long(struct setter *s, const char *what, CURLoption option, long value) {
  keep(s, curl_easy_setopt(s->easy, option, value), what);
}

/* NULL leaves the default. */
static void set_text(struct setter *s, const char *what, CURLoption option, const char *value) {
  if (value) keep(s, curl_easy_setopt(s->easy, option, value), what);
}

void ogl_options_init(struct ogl_options *o) {
  memset(o, 0, sizeof *o);
  o->method = "GET";
  o->verify = 1;
}

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

void ogl_options_environment(struct ogl_options *o) {
  if (!o->verify || o->ca_file) return;
  o->ca_file = variable("CURL_CA_BUNDLE");
  if (o->ca_file) return;
  o->ca_path = variable("SSL_CERT_DIR");
  o->ca_file = variable("SSL_CERT_FILE");
}

int ogl_options_idempotent(const struct ogl_options *o) {
  return strcmp(o->method, "POST") != 0 && strcmp(o->method, "PATCH") != 0;
}

int ogl_options_http1(const struct ogl_options *o) { return o->stream || strncasecmp(o->url, "http://", 7) == 0; }

static int is_https(const char *url) { return url && strncasecmp(url, "https", 5) == 0; }

/* Of the environment libcurl reads http_proxy in small letters alone. */
int ogl_options_secure(const struct ogl_options *o) {
  if (strncasecmp(o->url, "http://", 7) != 0) return 1;
  if (o->proxy) return is_https(o->proxy);
  return is_https(getenv("http_proxy")) || is_https(getenv("all_proxy")) || is_https(getenv("ALL_PROXY"));
}

const char *ogl_options_check(const struct ogl_options *o) {
  struct ogl_span method = { o->method, strlen(o->method) };
  if (!ogl_headers_token(method)) return "the method is not a token of HTTP";
  if (!o->url || !*o->url) return "the URL is empty";
  for (const char *p = o->url; *p; p++)
    if ((unsigned char)*p <= 0x20 || *p == 0x7f) return "the URL holds a blank or a control byte";
  return NULL;
}

static void set_schemes(struct setter *s) {
#if LIBCURL_VERSION_NUM >= 0x075500
  set_text(s, "protocols", CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set_long(s, "protocols", CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/* Some of these are libcurl's defaults. They are set all the same, for options.h promises them. */
static void set_manners(struct setter *s) {
  set_schemes(s);
  set_long(s, "nosignal", CURLOPT_NOSIGNAL, 1L);
  set_long(s, "redirects", CURLOPT_FOLLOWLOCATION, 0L);
  set_long(s, "path", CURLOPT_PATH_AS_IS, 1L);
  set_long(s, "netrc", CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  set_long(s, "proxy headers", CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
  set_long(s, "connect headers", CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
#if LIBCURL_VERSION_NUM >= 0x074000
  set_long(s, "http/0.9", CURLOPT_HTTP09_ALLOWED, 0L);
#endif
}

/* Methods that go without a body, where none is given; the others then have an empty one. */
static int is_bare(const struct ogl_options *o) {
  static const char *const bare[] = { "GET", "HEAD", "DELETE", "OPTIONS" };
  if (o->body != OGL_BODY_NONE) return 0;
  for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++)
    if (strcmp(o->method, bare[i]) == 0) return 1;
  return 0;
}

/* libcurl knows four ways to frame a request; the method's name is then said over the one that comes with it. */
static void set_method(struct setter *s, const struct ogl_options *o) {
  int bare = is_bare(o);
  if (o->body == OGL_BODY_FED) set_long(s, "upload", CURLOPT_UPLOAD, 1L);
  else if (!bare) set_long(s, "post", CURLOPT_POST, 1L);
  else set_long(s, "method", strcmp(o->method, "HEAD") == 0 ? CURLOPT_NOBODY : CURLOPT_HTTPGET, 1L);
  int named = o->body == OGL_BODY_FED ? 0 : strcmp(o->method, "POST") == 0;
  if (bare) named = strcmp(o->method, "GET") == 0 || strcmp(o->method, "HEAD") == 0;
  if (!named) set_text(s, "method", CURLOPT_CUSTOMREQUEST, o->method);
}

CURLcode ogl_options_apply_body(const struct ogl_options *o, CURL *easy) {
  if (is_bare(o)) return CURLE_OK;
  if (o->body == OGL_BODY_FED) return curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)o->length);
  CURLcode result = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)o->length);
  if (result != CURLE_OK) return result;
  return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, o->bytes ? o->bytes : "");
}

/* A build of libcurl without HTTP/2 refuses 2TLS and then speaks 1.1, so that is no failure. The encoding option only
   turns decoding on, of every encoding that libcurl knows and a server uses, asked for or not: what is asked for is
   said by a header. */
static void set_version(struct setter *s, const struct ogl_options *o) {
  if (o->stream) set_long(s, "version", CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  else curl_easy_setopt(s->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  set_text(s, "encoding", CURLOPT_ACCEPT_ENCODING, "identity");
}

static const double FOREVER = 2e6; /* seconds: 23 days; a long may have 32 bits */

static long milliseconds(double seconds) {
  if (seconds >= FOREVER) return 2000000000L;
  long ms = (long)(seconds * 1e3);
  return ms > 0 ? ms : 1;
}

void ogl_options_apply_connect(CURL *easy, double seconds) {
  long limit = milliseconds(seconds > 0 ? seconds + CONNECT_SLACK : FOREVER);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, limit); /* 0 would be libcurl's own 300 seconds */
}

static void set_times(struct setter *s, const struct ogl_options *o) {
  ogl_options_apply_connect(s->easy, o->connect);
  if (o->total > 0) set_long(s, "total", CURLOPT_TIMEOUT_MS, milliseconds(o->total));
}

static void set_verify(struct setter *s, int verify) {
  set_long(s, "verify", CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
  set_long(s, "verify", CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
}

/* Not every TLS library knows directories: libcurl then refuses the option, and the curl command goes on without. */
static void set_ca_path(struct setter *s, const char *path) {
  if (!path) return;
  curl_easy_setopt(s->easy, CURLOPT_CAPATH, path);
  curl_easy_setopt(s->easy, CURLOPT_PROXY_CAPATH, path);
}

/* The same for an HTTPS proxy. A build that knows none refuses these, and keeps verifying. */
static void set_proxy_tls(struct setter *s, const struct ogl_options *o) {
  curl_easy_setopt(s->easy, CURLOPT_PROXY_SSL_VERIFYPEER, o->verify ? 1L : 0L);
  curl_easy_setopt(s->easy, CURLOPT_PROXY_SSL_VERIFYHOST, o->verify ? 2L : 0L);
  if (o->proxy_ca_file) curl_easy_setopt(s->easy, CURLOPT_PROXY_CAINFO, o->proxy_ca_file);
}

static void set_tls(struct setter *s, const struct ogl_options *o) {
  set_verify(s, o->verify);
  curl_easy_setopt(s->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2); /* refused only without TLS */
  set_text(s, "ca_file", CURLOPT_CAINFO, o->ca_file);
  set_ca_path(s, o->ca_path);
  set_text(s, "cert_file", CURLOPT_SSLCERT, o->cert_file);
  set_text(s, "key_file", CURLOPT_SSLKEY, o->key_file);
  set_text(s, "key_password", CURLOPT_KEYPASSWD, o->key_password);
  set_proxy_tls(s, o);
}

static void set_way(struct setter *s, const struct ogl_options *o) {
  set_text(s, "proxy", CURLOPT_PROXY, o->proxy);
  set_text(s, "no_proxy", CURLOPT_NOPROXY, o->no_proxy);
  set_text(s, "unix_socket", CURLOPT_UNIX_SOCKET_PATH, o->unix_socket);
  set_long(s, "nodelay", CURLOPT_TCP_NODELAY, 1L);
  set_long(s, "keepalive", CURLOPT_TCP_KEEPALIVE, 1L);
  set_long(s, "keepalive", CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE);
  set_long(s, "keepalive", CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL);
}

/* A proxy is told to connect as well, whatever the scheme: it could not read what follows. */
static void set_raw(struct setter *s, const struct ogl_options *o) {
  if (!o->raw) return;
  set_long(s, "connect", CURLOPT_CONNECT_ONLY, 1L);
  set_long(s, "tunnel", CURLOPT_HTTPPROXYTUNNEL, 1L);
}

long ogl_options_buffer(size_t crowd) {
  if (crowd <= FEW) return BUFFER_FEW;
  if (crowd <= SOME) return BUFFER_SOME;
  return crowd <= MANY ? BUFFER_MANY : BUFFER_MOST;
}

/* Buffer sizes are wishes: libcurl brings them into its bounds by itself. */
static void set_buffers(struct setter *s, long buffer) {
  curl_easy_setopt(s->easy, CURLOPT_BUFFERSIZE, buffer);
  if (buffer < BUFFER_FEW) curl_easy_setopt(s->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_SOME);
}

CURLcode ogl_options_apply(const struct ogl_options *o, CURL *easy, long buffer, const char **what) {
  struct setter s = { easy, CURLE_OK, NULL };
  set_text(&s, "url", CURLOPT_URL, o->url);
  set_manners(&s);
  set_method(&s, o);
  set_version(&s, o);
  set_times(&s, o);
  set_tls(&s, o);
  set_way(&s, o);
  set_raw(&s, o);
  set_buffers(&s, buffer);
  *what = s.what;
  return s.result;
}

/* The numbers, then the texts; a text that is not there differs from an empty one. */
int ogl_options_list(const struct ogl_options *o, long buffer, struct ogl_buf *out) {
  const char *const texts[] = { o->method,   o->url,          o->ca_file, o->ca_path,  o->proxy_ca_file, o->cert_file,
                                o->key_file, o->key_password, o->proxy,   o->no_proxy, o->unix_socket };
  double numbers[] = { o->connect,        o->total,          (double)buffer, (double)o->body,
                       (double)o->stream, (double)o->verify, (double)o->raw };
  ogl_buf_append(out, (const char *)numbers, sizeof numbers);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    ogl_buf_byte(out, texts[i] != NULL);
    if (texts[i]) ogl_buf_append(out, texts[i], strlen(texts[i]) + 1);
  }
  return out->err;
}
