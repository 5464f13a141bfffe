/* SPDX-License-Identifier: MIT
** suites.h - the suites of the core, one a file: test_<noun>.c.
*/
#ifndef SUITES_H
#define SUITES_H

void test_base64(void);
void test_buf(void);
void test_calls(void);
void test_code(void);
void test_date(void);
void test_decoder(void);
void test_event(void);
void test_fault(void);
void test_fold(void);
void test_fragments(void);
void test_frame(void);
void test_http1(void);
void test_json(void);
void test_json_array(void);
void test_json_finder(void);
void test_json_write(void);
void test_late(void);
void test_ndjson(void);
void test_number(void);
void test_repeat(void);
void test_rows(void);
void test_sha1(void);
void test_sha256(void);
void test_sse(void);
void test_transcoder(void);
void test_usage(void);
void test_utf8(void);
void test_websocket(void);

#endif
