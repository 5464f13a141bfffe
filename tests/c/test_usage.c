/* SPDX-License-Identifier: MIT
** test_usage.c - the numbers of an answer: absent is not 0, and a later record replaces an earlier one field by
** field. The usage objects of each kind of server are cases of tests/wire.
*/
#include "../../csrc/core/usage.h"
#include "check.h"
#include "suites.h"

static void test_absent(void) {
  struct ogl_usage u = { 0, { 0 } };
  check_case("usage: absent is not 0");
  for (int i = 0; i < OGL_USAGE_FIELDS; i++) {
    CHECK(!ogl_usage_has(&u, i));
    ogl_usage_set(&u, i, 0);
    CHECK(ogl_usage_has(&u, i));
    CHECK(i + 1 == OGL_USAGE_FIELDS || !ogl_usage_has(&u, i + 1));
  }
}

static void test_merge(void) {
  struct ogl_usage u = { 0, { 0 } }, later = { 0, { 0 } };
  check_case("usage: merged field by field");
  ogl_usage_set(&u, OGL_USAGE_INPUT, 5);
  ogl_usage_set(&u, OGL_USAGE_REASONING, 7);
  ogl_usage_set(&later, OGL_USAGE_INPUT, 0);
  ogl_usage_set(&later, OGL_USAGE_COST, 0.5);
  ogl_usage_merge(&u, &later);
  CHECK(ogl_usage_has(&u, OGL_USAGE_INPUT) && u.v[OGL_USAGE_INPUT] == 0);
  CHECK(ogl_usage_has(&u, OGL_USAGE_REASONING) && u.v[OGL_USAGE_REASONING] == 7);
  CHECK(ogl_usage_has(&u, OGL_USAGE_COST) && u.v[OGL_USAGE_COST] == 0.5);
  CHECK(!ogl_usage_has(&u, OGL_USAGE_OUTPUT));
}

void test_usage(void) {
  test_absent();
  test_merge();
}
