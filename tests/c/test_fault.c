/* SPDX-License-Identifier: MIT
** test_fault.c - errors in every form that servers give them.
*/
#include "../../csrc/core/fault.h"
#include "check.h"
#include "suites.h"

static const struct {
  const char *json, *message, *type, *code;
} rows[] = {
  /* OpenGateLLM */
  { "{\"detail\":\"Model m not found.\"}", "Model m not found.", "", "" },
  { "{\"detail\": {\"error\": {\"message\": \"too long\", \"type\": \"BadRequestError\", \"code\": 400}}}", "too long",
    "BadRequestError", "400" },
  { "{\"detail\":{\"message\":\"m\",\"code\":\"c\"}}", "m", "", "c" },
  /* OpenAI, with members in any order and more around them */
  { "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":null,\"code\":\"c\"}}", "m", "t", "c" },
  { "{\"status\":500,\"message\":\"outer\",\"error\":{\"code\":7,\"message\":\"inner\"}}", "inner", "", "7" },
  { "{\"error\":{\"message\":\"a\\n\\u00e9\\\"b\\\"\",\"type\":null,\"code\":null}}", "a\n\xc3\xa9\"b\"", "", "" },
  /* Gemini: status is the type where it is a word */
  { "{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\"}}", "m", "RESOURCE_EXHAUSTED",
    "429" },
  { "[{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\"}},{\"error\":\"other\"}]", "m",
    "INVALID_ARGUMENT", "400" },
  { "{\"error\":{\"message\":\"m\",\"status\":400}}", "m", "", "" },
  /* Anthropic: the type outside only says that it is an error */
  { "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}", "Overloaded",
    "overloaded_error", "" },
  /* Ollama, and plain words */
  { "{\"error\":\"model 'x' not found\"}", "model 'x' not found", "", "" },
  { "\"just text\"", "just text", "", "" },
  /* vLLM */
  { "{\"object\":\"error\",\"message\":\"m\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}", "m",
    "BadRequestError", "400" },
  { "{\"message\":\"m\"}", "m", "", "" },
  /* no text anywhere: the JSON itself, without the blanks around it */
  { " {\"error\":{\"code\":5}} \n", "{\"error\":{\"code\":5}}", "", "5" },
  { "{\"error\":{}}", "{\"error\":{}}", "", "" },
  { "{\"error\":null,\"detail\":\"\",\"message\":\"\"}", "{\"error\":null,\"detail\":\"\",\"message\":\"\"}", "", "" },
  { "{}", "{}", "", "" },
  { "[]", "[]", "", "" },
  { "42", "42", "", "" },
  { "{\"detail\":{\"detail\":{\"detail\":{\"detail\":{\"detail\":{\"detail\":\"too deep\"}}}}}}",
    "{\"detail\":{\"detail\":{\"detail\":{\"detail\":{\"detail\":{\"detail\":\"too deep\"}}}}}}", "", "" },
  /* no JSON: the text itself */
  { "Internal Server Error", "Internal Server Error", "", "" },
  { "<html>", "<html>", "", "" },
  { "{\"error\":{\"message\":\"cut", "{\"error\":{\"message\":\"cut", "", "" },
  { "{\"error\":\"a\"} {\"error\":\"b\"}", "{\"error\":\"a\"} {\"error\":\"b\"}", "", "" },
  { "", "", "", "" },
};

void test_fault(void) {
  struct ogl_queue q;
  ogl_queue_init(&q);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct ogl_event e;
    struct ogl_span json = check_span(rows[i].json);
    check_case("fault: %s", rows[i].json);
    ogl_queue_begin(&q, json.n);
    ogl_fault_push(&q, json);
    if (!CHECK_INT(ogl_queue_pop(&q, &e), OGL_OK)) continue;
    CHECK_INT(e.kind, OGL_EVENT_ERROR);
    CHECK_TEXT(e.a, rows[i].message);
    CHECK_TEXT(e.b, rows[i].type);
    CHECK_TEXT(e.c, rows[i].code);
    CHECK_SPAN(e.d, json);
    CHECK_INT(q.err, 0);
  }
  ogl_queue_clear(&q);
}
