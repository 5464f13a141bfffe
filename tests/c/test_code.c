/* SPDX-License-Identifier: MIT
** test_code.c - every result code has a name of its own and a sentence, and the sentences quote the limits as they
** are.
*/
#include <stdio.h>

#include "check.h"
#include "suites.h"

enum { LAST = OGL_ERR_CUT };

static void test_names(void) {
  check_case("code: a name and a sentence for each");
  for (int a = OGL_OK; a >= LAST; a--) {
    CHECK(strcmp(ogl_code_name(a), "unknown") != 0);
    CHECK(strlen(ogl_code_text(a)) > 3);
    for (int b = a - 1; b >= LAST; b--) CHECK(strcmp(ogl_code_name(a), ogl_code_name(b)) != 0);
  }
  CHECK(strcmp(ogl_code_name(LAST - 1), "unknown") == 0); /* a new code belongs into LAST */
  CHECK(strcmp(ogl_code_name(99), "unknown") == 0);
}

static void quotes(int code, long limit, const char *unit) {
  char text[64];
  snprintf(text, sizeof text, "%ld%s", limit, unit);
  CHECK(strstr(ogl_code_text(code), text) != NULL);
}

static void test_limits(void) {
  check_case("code: the limits in the sentences");
  quotes(OGL_ERR_LINE, OGL_MAX_LINE >> 20, " MiB");
  quotes(OGL_ERR_FRAME, OGL_MAX_FRAME >> 20, " MiB");
  quotes(OGL_ERR_BODY, OGL_MAX_BODY >> 20, " MiB");
  quotes(OGL_ERR_QUEUE, OGL_MAX_QUEUE >> 20, " MiB");
  quotes(OGL_ERR_HEADER, OGL_MAX_HEAD >> 10, " KiB");
  quotes(OGL_ERR_DEPTH, OGL_MAX_DEPTH, " levels");
}

void test_code(void) {
  test_names();
  test_limits();
}
