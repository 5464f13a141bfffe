/* SPDX-License-Identifier: MIT
** cores.h - how many threads shall compute: the cores that this process may use, less one for everything else, at least one.
**
** A thread too many costs more than one that is missing, for the others wait for it at every step: two on one core are ten times slower
** than one. So the number comes from what the process may use, and not from what the machine has: from the affinity of the process,
** and from the quotas of its control group and of the groups around it.
*/
#ifndef OGL_LLAMA_CORES_H
#define OGL_LLAMA_CORES_H

#include "../core/ogl.h"

OGL_BEGIN

/* The number of threads, 1 at the least. */
int ogl_llama_cores(void);

/* Gives the cores that the quotas of control groups allow, rounded up; 0 where no group has a quota. `self` is a file like
   /proc/self/cgroup, which names the groups; `root` is the folder like /sys/fs/cgroup in which they lie. */
int ogl_llama_cores_quota(const char *self, const char *root);

OGL_END

#endif
