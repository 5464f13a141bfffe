/* SPDX-License-Identifier: MIT
** private_file.c - see private_file.h.
*/
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC, lstat */
#include "private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *p, size_t n) {
  while (n) {
    ssize_t some = write(fd, p, n);
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) return errno;
    p += some, n -= (size_t)some;
  }
  return 0;
}

int ogl_private_file_write(const char *path, const char *p, size_t n) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return errno;
  int problem = write_all(fd, p, n);
  if (close(fd) && !problem) problem = errno;
  if (problem) unlink(path);
  return problem;
}

int ogl_private_folder_make(const char *path) {
  struct stat found;
  if (mkdir(path, S_IRWXU) == 0) return 0;
  if (errno != EEXIST || lstat(path, &found)) return errno;
  if (!S_ISDIR(found.st_mode)) return EEXIST;
  return found.st_uid == geteuid() && !(found.st_mode & (S_IRWXG | S_IRWXO)) ? 0 : EPERM;
}
