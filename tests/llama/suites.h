/* SPDX-License-Identifier: MIT
** suites.h - the suites of csrc/llama, one a file: test_<noun>.c. Those with a model get its path.
*/
#ifndef SUITES_H
#define SUITES_H

void test_cores(void);
void test_engine(const char *model);
/* What needs processes of its own, before this one has threads. */
void test_processes(const char *model);
void test_slots(const char *model);
void test_text(void);
/* Over the vocabularies in a folder. */
void test_vocabularies(const char *folder);

#endif
