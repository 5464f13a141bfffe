/* SPDX-License-Identifier: MIT
** cores.h - how many threads shall compute: the cores that this process may use, less one for everything else, at least one.
**
** A thread too many costs more than one that is missing, for the others wait for it at every step: two on one core are ten times slower
** than one. So what the process may use counts, not what the machine has: the affinity of the process, and the quota of its control
** group and of those that this one is in.
*/
#ifndef OGL_LLAMA_CORES_H
#define OGL_LLAMA_CORES_H

#include "../core/ogl.h"

OGL_BEGIN

/* The number of threads, 1 at the least. */
int ogl_llama_cores(void);

/* The cores that the quota of control groups allows, rounded up; 0 where there is none. `self` is a file like /proc/self/cgroup, `root`
   the folder like /sys/fs/cgroup that its paths lie in. */
int ogl_llama_cores_quota(const char *self, const char *root);

OGL_END

#endif
