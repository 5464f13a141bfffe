/* SPDX-License-Identifier: MIT
** log.c - see log.h.
*/
#include "log.h"

#include <llama.h>
#include <string.h>

enum { LINE = 240 };

static __thread char last[LINE];

/* A complaint is a sentence behind the name of the function that made it; the later ones of a failure only say again that it failed. */
static void note(enum ggml_log_level level, const char *line, void *unused) {
  (void)unused;
  if (level != GGML_LOG_LEVEL_ERROR || last[0]) return;
  const char *sentence = strstr(line, ": ");
  sentence = sentence ? sentence + 2 : line;
  size_t n = strcspn(sentence, "\n");
  if (n >= sizeof last) n = sizeof last - 1;
  memcpy(last, sentence, n);
  last[n] = '\0';
}

void ogl_llama_log_take_over(void) { llama_log_set(note, NULL); }

void ogl_llama_log_clear(void) { last[0] = '\0'; }

const char *ogl_llama_log_last(void) { return last; }
