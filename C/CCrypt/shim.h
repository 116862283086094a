// SPDX-License-Identifier: Apache-2.0
// libcrypt of libxcrypt: password hashes as Debian's own tools write them.
#pragma once
#include <crypt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// 1 when the hash is of a form that is made for passwords, and whole enough to be compared with.
static inline int mt_crypt_supports(const char *hash) {
    static const char *const forms[] = {"$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$gy$", "$7$"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (strncmp(hash, forms[i], strlen(forms[i])) == 0) {
            // Legacy is what no new password should get: SHA-256 is, for the library.
            int found = crypt_checksalt(hash);
            int is_known = found == CRYPT_SALT_OK || found == CRYPT_SALT_METHOD_LEGACY;
            return is_known && strlen(hash) > 24;
        }
    }
    return 0;
}

static inline struct crypt_data *mt_crypt_new(void) { return calloc(1, sizeof(struct crypt_data)); }
static inline void mt_crypt_free(struct crypt_data *data) {
    explicit_bzero(data, sizeof *data);
    free(data);
}

// 1 when the password makes the hash; takes as long for a wrong one.
static inline int mt_crypt_matches(struct crypt_data *data, const char *password, const char *hash) {
    const char *made = crypt_r(password, hash, data);
    if (!made || made[0] == '*') return 0;
    size_t length = strlen(hash);
    if (strlen(made) != length) return 0;
    uint8_t difference = 0;
    for (size_t i = 0; i < length; i++) difference |= (uint8_t)(made[i] ^ hash[i]);
    explicit_bzero(data->input, sizeof data->input);
    return difference == 0;
}
