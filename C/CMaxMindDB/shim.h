// SPDX-License-Identifier: Apache-2.0
// libmaxminddb: files of MaxMind's database format. Values are taken by paths of keys, which the
// library wants as arrays of C strings: here, where they are constants.
#pragma once
#include <maxminddb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct mt_mmdb_text {
    const char *bytes; // not ended by a zero
    uint32_t count;
};

struct mt_mmdb_place {
    struct mt_mmdb_text continent, country, subdivision, city;
    double latitude, longitude;
    bool has_point;
    uint32_t system;
};

// A value that is not there is no error: databases differ in what they know.
static inline int mt_mmdb_value(const MMDB_s *db, uint32_t record, MMDB_entry_data_s *value,
                                const char *const *path) {
    MMDB_entry_s entry = {db, record};
    int status = MMDB_aget_value(&entry, value, path);
    if (status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR ||
        status == MMDB_INVALID_LOOKUP_PATH_ERROR) {
        value->has_data = false;
        return MMDB_SUCCESS;
    }
    return status;
}

// Writers of databases take the smallest type that a number fits in, or one of their own: any is
// good. False for what is no number.
static inline bool mt_mmdb_number(const MMDB_entry_data_s *value, double *number) {
    if (!value->has_data) return false;
    switch (value->type) {
    case MMDB_DATA_TYPE_DOUBLE: *number = value->double_value; return true;
    case MMDB_DATA_TYPE_FLOAT: *number = value->float_value; return true;
    case MMDB_DATA_TYPE_UINT16: *number = value->uint16; return true;
    case MMDB_DATA_TYPE_UINT32: *number = value->uint32; return true;
    case MMDB_DATA_TYPE_INT32: *number = value->int32; return true;
    case MMDB_DATA_TYPE_UINT64: *number = (double)value->uint64; return true;
    case MMDB_DATA_TYPE_UINT128: {
        double sum = 0;
#if MMDB_UINT128_IS_BYTE_ARRAY
        for (int i = 0; i < 16; i++) sum = sum * 256 + value->uint128[i];
#else
        for (int i = 15; i >= 0; i--) sum = sum * 256 + (uint8_t)(value->uint128 >> (8 * i));
#endif
        *number = sum;
        return true;
    }
    default: return false;
    }
}

static inline int mt_mmdb_read_text(const MMDB_s *db, uint32_t record, const char *const *path,
                                    struct mt_mmdb_text *text) {
    MMDB_entry_data_s value;
    int status = mt_mmdb_value(db, record, &value, path);
    bool is_there =
        status == MMDB_SUCCESS && value.has_data && value.type == MMDB_DATA_TYPE_UTF8_STRING;
    text->bytes = is_there ? value.utf8_string : NULL;
    text->count = is_there ? value.data_size : 0;
    return status;
}

// What a record of a City, Country or ASN database says; a status of the library.
static inline int mt_mmdb_read_place(const MMDB_s *db, uint32_t record,
                                     struct mt_mmdb_place *place) {
    static const char *const continent[] = {"continent", "code", NULL};
    static const char *const country[] = {"country", "iso_code", NULL};
    static const char *const subdivision[] = {"subdivisions", "0", "iso_code", NULL};
    static const char *const city[] = {"city", "names", "en", NULL};
    static const char *const latitude[] = {"location", "latitude", NULL};
    static const char *const longitude[] = {"location", "longitude", NULL};
    static const char *const system[] = {"autonomous_system_number", NULL};
    MMDB_entry_data_s north, east, number;
    double latitude_degrees = 0, longitude_degrees = 0, system_number = 0;
    int status;
    if ((status = mt_mmdb_read_text(db, record, continent, &place->continent)) ||
        (status = mt_mmdb_read_text(db, record, country, &place->country)) ||
        (status = mt_mmdb_read_text(db, record, subdivision, &place->subdivision)) ||
        (status = mt_mmdb_read_text(db, record, city, &place->city)) ||
        (status = mt_mmdb_value(db, record, &north, latitude)) ||
        (status = mt_mmdb_value(db, record, &east, longitude)) ||
        (status = mt_mmdb_value(db, record, &number, system)))
        return status;
    place->has_point =
        mt_mmdb_number(&north, &latitude_degrees) && mt_mmdb_number(&east, &longitude_degrees);
    place->latitude = place->has_point ? latitude_degrees : 0;
    place->longitude = place->has_point ? longitude_degrees : 0;
    // Numbers of systems have 32 bits (RFC 6793 §3), the first and the last are of none (RFC 7607,
    // RFC 7300); what is no number of a system leaves it unknown.
    bool is_system = mt_mmdb_number(&number, &system_number) && system_number >= 1 &&
                     system_number < UINT32_MAX && system_number == (uint32_t)system_number;
    place->system = is_system ? (uint32_t)system_number : 0;
    return MMDB_SUCCESS;
}
