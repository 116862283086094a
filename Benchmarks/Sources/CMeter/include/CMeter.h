// SPDX-License-Identifier: Apache-2.0
// Counts what one thread does (allocations, reference counts, system calls), and drives a door
// from another thread: a client and an origin in plain C that take no part in the counts.
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t allocations, frees, retains, releases, syscalls, cpu_ns;
} mt_meter;

/// From now on the calling thread is counted.
void mt_meter_begin(void);
/// Counts retains and releases, or stops to.
void mt_meter_references(bool on);
/// What the counted thread has done so far; may be read from any thread.
mt_meter mt_meter_read(void);

/// An origin that answers every request with `size` bytes, on a thread of its own.
/// Returns its port, 0 on failure.
uint16_t mt_origin_start(int size);
/// Keeps `connections` busy with one request each until `requests` were answered with 200.
/// `close_each` opens a new connection for each. Returns the answers, negative on failure.
int64_t mt_http_drive(uint16_t port, int connections, int64_t requests, bool close_each);
/// Keeps `window` queries for A h<n>.bench.test under way until `queries` were answered.
int64_t mt_dns_drive(uint16_t port, int window, int64_t queries, int names, bool is_signed);
/// The same with a client subnet in each query, from `sources` networks of resolvers in turn.
int64_t mt_dns_drive_subnets(uint16_t port, int window, int64_t queries, int names, int sources);
