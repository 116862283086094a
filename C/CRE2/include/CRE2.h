// SPDX-License-Identifier: Apache-2.0
// A C face for RE2: compile once, match bytes in linear time, free once.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct mt_re2 mt_re2;

/// Compiles a pattern. On failure returns NULL and writes the reason, cut to `capacity`.
mt_re2 *mt_re2_compile(const char *pattern, size_t length, char *reason, size_t capacity);
/// True when the pattern matches anywhere in the bytes.
bool mt_re2_search(const mt_re2 *expression, const char *bytes, size_t length);
void mt_re2_free(mt_re2 *expression);
#ifdef __cplusplus
}
#endif
