// SPDX-License-Identifier: Apache-2.0
#include "CRE2.h"
#include <cstring>
#include <new>
#include <re2/re2.h>

struct mt_re2 {
    re2::RE2 expression;
    mt_re2(re2::StringPiece pattern, const re2::RE2::Options &options)
        : expression(pattern, options) {}
};

extern "C" mt_re2 *mt_re2_compile(const char *pattern, size_t length, char *reason,
                                  size_t capacity) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);  // one pattern may never grow past 1 MiB of automaton
    options.set_encoding(re2::RE2::Options::EncodingLatin1);  // bodies are bytes
    auto *compiled = new (std::nothrow) mt_re2(re2::StringPiece(pattern, length), options);
    if (compiled == nullptr) return nullptr;
    if (compiled->expression.ok()) return compiled;
    if (capacity > 0) {
        strncpy(reason, compiled->expression.error().c_str(), capacity - 1);
        reason[capacity - 1] = 0;
    }
    delete compiled;
    return nullptr;
}

extern "C" bool mt_re2_search(const mt_re2 *expression, const char *bytes, size_t length) {
    return re2::RE2::PartialMatch(re2::StringPiece(bytes, length), expression->expression);
}

extern "C" void mt_re2_free(mt_re2 *expression) { delete expression; }
