/* SPDX-License-Identifier: MIT
** devices.c - see devices.h.
*/
#define _GNU_SOURCE /* dladdr */
#include "devices.h"

#include <dlfcn.h>
#include <llama.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

enum { PATH_ROOM = 4096 };

/* The folder that libllama was loaded from; 0 where that is not known. */
static int folder_of_library(char *folder) {
  Dl_info info;
  char *last;
  void *address;
  struct llama_model_params (*function)(void) = llama_model_default_params;
  memcpy(&address, &function, sizeof address); /* C has no conversion between the two */
  if (!dladdr(address, &info) || !info.dli_fname) return 0;
  if (snprintf(folder, PATH_ROOM, "%s", info.dli_fname) >= PATH_ROOM || !(last = strrchr(folder, '/'))) return 0;
  *last = '\0';
  return 1;
}

/* ggml makes its lists of buffer types when it first needs them, and takes them down at exit in the reverse order. Made here, before the
   first engine, they outlive every engine (see engine.c); a thread that still loads a model would else read what is gone. */
static void make_lists(void) {
  for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
    ggml_backend_dev_t device = ggml_backend_dev_get(i);
    ggml_backend_dev_get_extra_bufts_t make = (ggml_backend_dev_get_extra_bufts_t)ggml_backend_reg_get_proc_address(
        ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts");
    if (make) make(device);
  }
}

static void load_libraries(void) {
  char folder[PATH_ROOM];
  ogl_llama_log_take_over();
  if (!ggml_backend_dev_count() && folder_of_library(folder)) ggml_backend_load_all_from_path(folder);
  if (!ggml_backend_dev_count()) ggml_backend_load_all();
  llama_backend_init();
  make_lists();
}

size_t ogl_llama_devices_find(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load_libraries);
  return ggml_backend_dev_count();
}

static const char *kind_of(ggml_backend_dev_t device) {
  switch (ggml_backend_dev_type(device)) {
    case GGML_BACKEND_DEVICE_TYPE_CPU: return "cpu";
    case GGML_BACKEND_DEVICE_TYPE_ACCEL: return "accelerator";
    default: return "gpu";
  }
}

struct ogl_llama_device ogl_llama_devices_at(size_t i) {
  ggml_backend_dev_t device = ggml_backend_dev_get(i);
  struct ogl_llama_device d = { ggml_backend_dev_name(device), ggml_backend_dev_description(device), kind_of(device), 0,
                                0 };
  ggml_backend_dev_memory(device, &d.free, &d.total);
  return d;
}
