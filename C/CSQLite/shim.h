// SPDX-License-Identifier: Apache-2.0
// SQLite, as far as a store of our own needs it.
#pragma once
#include <sqlite3.h>
#include <stdint.h>

// SQLITE_TRANSIENT is a cast that Swift does not see: the library copies what it is given. Empty
// blobs need a place that is not NULL, which would bind NULL.
static inline int mt_sqlite_bind(sqlite3_stmt *statement, int place, const uint8_t *bytes,
                                 int64_t count) {
    return sqlite3_bind_blob64(statement, place, count ? (const void *)bytes : "",
                               (sqlite3_uint64)count, SQLITE_TRANSIENT);
}

// Variadic in C. Defensive: no statement may write what would damage the file; and no page of the
// file is trusted to be well-formed.
static inline void mt_sqlite_harden(sqlite3 *db) {
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 1 << 30);
    sqlite3_extended_result_codes(db, 1);
}
