/* SPDX-License-Identifier: MIT
** options.h - a caller's options of an exchange, and their translation to libcurl's.
**
** Life: `init` gives the defaults, the caller fills in. `list` writes all that `apply` would set, so that a handle
** that has just these options needs no `apply`; `apply` sets them on a handle with default options, and `apply_body`
** what differs each time. libcurl copies the strings, but for the body.
**
** What no option changes: only http and https; no redirect is followed, no cookie kept, no .netrc read, no signal
** used, nothing of the environment but proxies and authorities; TLS 1.2 at least. Peer and host name of TLS are verified
** unless `verify` is 0.
*/
#ifndef OGL_OPTIONS_H
#define OGL_OPTIONS_H

#include <curl/curl.h>

#include "../core/buf.h"

OGL_BEGIN

enum ogl_options_body { OGL_BODY_NONE, OGL_BODY_BYTES, OGL_BODY_FED };

struct ogl_options {
  const char *method, *url;
  enum ogl_options_body body;
  const char *bytes; /* OGL_BODY_BYTES: must stay until the exchange is closed */
  int64_t length;    /* of the body; OGL_BODY_FED: -1 where it is not known */
  int raw;           /* connect, and leave the connection to the caller */
  int stream;        /* HTTP/1.1 and no compression: what arrives is given at once, and a pause keeps little inside */
  int64_t max_body;  /* ceiling of the decoded answer, 0: OGL_MAX_BODY; a stream has none, for it is not kept */
  double connect;    /* seconds; 0: none. libcurl only divides it between a name's addresses */
  double total;      /* seconds; 0: none */
  int verify;        /* of TLS; 1 unless the user said otherwise */
  const char *ca_file, *ca_path; /* of the authorities; both NULL: those of libcurl */
  const char *proxy_ca_file;     /* of an HTTPS proxy */
  const char *cert_file, *key_file, *key_password;
  const char *proxy; /* NULL: as the environment says; "": none */
  const char *no_proxy;
  const char *unix_socket;
};

/* The defaults: GET, no body, TLS verified, the environment's proxy. */
void ogl_options_init(struct ogl_options *o);

/* Takes the authorities from the environment, as the curl command does, where the caller named none and wants the peer verified: those of
   CURL_CA_BUNDLE, else those of SSL_CERT_DIR and SSL_CERT_FILE; the directory is for proxies too. An empty variable counts as not set. What they
   point to is the environment's. */
void ogl_options_environment(struct ogl_options *o);

/* Is sending it twice the same as once (RFC 9110, 9.2.2)? */
int ogl_options_idempotent(const struct ogl_options *o);
/* Does it speak HTTP/1, whatever the server can? */
int ogl_options_http1(const struct ogl_options *o);

/* Does it speak TLS, to the server or to a proxy? */
int ogl_options_secure(const struct ogl_options *o);

/* NULL, or what is wrong with the request itself: method, URL. */
const char *ogl_options_check(const struct ogl_options *o);

/* How large the receive buffer shall be with so many exchanges alive. */
long ogl_options_buffer(size_t crowd);

/* Appends a text that is the same for the same options, but for the bytes of the body and its length. 0, or
   OGL_ERR_MEMORY. It holds the key's password and the proxy's. */
int ogl_options_list(const struct ogl_options *o, long buffer, struct ogl_buf *out);

/* CURLE_OK, or the first option's failure, whose name is in *what. */
CURLcode ogl_options_apply(const struct ogl_options *o, CURL *easy, long buffer, const char **what);
/* Sets what differs each time: the body and its length. CURLE_OK, or libcurl's failure. */
CURLcode ogl_options_apply_body(const struct ogl_options *o, CURL *easy);
/* libcurl's own limit of a connect: so many seconds after its start; 0: none. Also while it connects. */
void ogl_options_apply_connect(CURL *easy, double seconds);

OGL_END

#endif
