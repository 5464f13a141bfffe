/* SPDX-License-Identifier: MIT
** listener.c - see listener.h.
*/
#define _POSIX_C_SOURCE 200809L /* getaddrinfo, lstat */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 511 }; /* what may wait to be accepted: as much as web servers ask for */

/* Gives up a socket, and returns why. */
static int give_up(int fd, int problem) {
  close(fd);
  return problem;
}

/* Listens without blocking whoever accepts. */
static int begin(int fd) { return fcntl(fd, F_SETFL, O_NONBLOCK) || listen(fd, BACKLOG) ? errno : 0; }

static int open_at(const struct addrinfo *at, int *fd) {
  int on = 1, s = socket(at->ai_family, SOCK_STREAM, 0);
  if (s < 0) return errno;
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (at->ai_family == AF_INET6) setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(s, at->ai_addr, at->ai_addrlen)) return give_up(s, errno);
  int problem = begin(s);
  if (problem) return give_up(s, problem);
  *fd = s;
  return 0;
}

int ogl_listener_open(const char *address, int port, int *fd) {
  struct addrinfo hints, *found;
  char digits[16];
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  snprintf(digits, sizeof digits, "%d", port);
  if (getaddrinfo(address, digits, &hints, &found)) return EINVAL;
  int problem = open_at(found, fd);
  freeaddrinfo(found);
  return problem;
}

static int bind_private(int s, const struct sockaddr_un *at) {
  mode_t before = umask(S_IRWXG | S_IRWXO | S_IXUSR);
  int problem = bind(s, (const struct sockaddr *)at, sizeof *at) ? errno : 0;
  umask(before);
  return problem;
}

/* Whether a path is a socket at which nobody listens. */
static int is_left_over(const struct sockaddr_un *at) {
  struct stat found;
  if (lstat(at->sun_path, &found) || !S_ISSOCK(found.st_mode)) return 0;
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  if (s < 0) return 0;
  int refused = connect(s, (const struct sockaddr *)at, sizeof *at) && errno == ECONNREFUSED;
  close(s);
  return refused;
}

int ogl_listener_open_path(const char *path, int *fd) {
  struct sockaddr_un at;
  memset(&at, 0, sizeof at);
  at.sun_family = AF_UNIX;
  if (strlen(path) >= sizeof at.sun_path) return ENAMETOOLONG;
  memcpy(at.sun_path, path, strlen(path));
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  if (s < 0) return errno;
  int problem = bind_private(s, &at);
  if (problem == EADDRINUSE && is_left_over(&at) && !unlink(path)) problem = bind_private(s, &at);
  if (!problem) problem = begin(s);
  if (problem) return give_up(s, problem);
  *fd = s;
  return 0;
}
