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

// A value that is not there, or of another type, is no error: databases differ in what they know.
static inline int mt_mmdb_value(const MMDB_s *db, uint32_t record, uint32_t type,
                                MMDB_entry_data_s *value, const char *const *path) {
    MMDB_entry_s entry = {db, record};
    int status = MMDB_aget_value(&entry, value, path);
    if (status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR ||
        status == MMDB_INVALID_LOOKUP_PATH_ERROR) {
        value->has_data = false;
        return MMDB_SUCCESS;
    }
    if (status == MMDB_SUCCESS && value->has_data && value->type != type) value->has_data = false;
    return status;
}

static inline int mt_mmdb_read_text(const MMDB_s *db, uint32_t record, const char *const *path,
                                    struct mt_mmdb_text *text) {
    MMDB_entry_data_s value;
    int status = mt_mmdb_value(db, record, MMDB_DATA_TYPE_UTF8_STRING, &value, path);
    bool is_there = status == MMDB_SUCCESS && value.has_data;
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
    int status;
    if ((status = mt_mmdb_read_text(db, record, continent, &place->continent)) ||
        (status = mt_mmdb_read_text(db, record, country, &place->country)) ||
        (status = mt_mmdb_read_text(db, record, subdivision, &place->subdivision)) ||
        (status = mt_mmdb_read_text(db, record, city, &place->city)) ||
        (status = mt_mmdb_value(db, record, MMDB_DATA_TYPE_DOUBLE, &north, latitude)) ||
        (status = mt_mmdb_value(db, record, MMDB_DATA_TYPE_DOUBLE, &east, longitude)) ||
        (status = mt_mmdb_value(db, record, MMDB_DATA_TYPE_UINT32, &number, system)))
        return status;
    place->has_point = north.has_data && east.has_data;
    place->latitude = place->has_point ? north.double_value : 0;
    place->longitude = place->has_point ? east.double_value : 0;
    place->system = number.has_data ? number.uint32 : 0;
    return MMDB_SUCCESS;
}
