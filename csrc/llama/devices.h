/* SPDX-License-Identifier: MIT
** devices.h - what libllama computes on: processors and graphics cards, each of some library of ggml's.
**
** Where these libraries are apart, they have to be loaded. They are looked for beside libllama first; only where none is there does ggml
** look at its usual places, of which one is the folder that the program runs in.
*/
#ifndef OGL_LLAMA_DEVICES_H
#define OGL_LLAMA_DEVICES_H

#include "../core/ogl.h"

OGL_BEGIN

struct ogl_llama_device {
  const char *name, *description, *kind; /* kind: "cpu", "gpu", "accelerator" */
  size_t free, total;                    /* bytes of its memory */
};

/* Loads the libraries, once a process. The number of devices. */
size_t ogl_llama_devices_find(void);
/* One of them, from 0 on. */
struct ogl_llama_device ogl_llama_devices_at(size_t i);

OGL_END

#endif
