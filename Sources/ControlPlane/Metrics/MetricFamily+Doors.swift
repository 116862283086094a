// SPDX-License-Identifier: Apache-2.0
internal import DNSServer
internal import Essentials
internal import HTTPGateway
internal import Prober
internal import Steering

/// The families whose numbers the doors count, each worker in words of its own.
extension MetricFamily {
    static let requestRows: [MetricFamily] = [
        MetricFamily(
            "martlet_requests",
            .counter,
            labels: ["pool", "endpoint", "class"],
            "HTTP requests that an endpoint answered, by class of the status."
        ) { source in
            let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"]
            return source.view.pools.filter { !$0.isSteer }.flatMap { pool in
                pool.endpoints.flatMap { endpoint in
                    classes.indices.map { family in
                        let count = source.endpoint(endpoint.slot, family)
                        let labels = [pool.label, endpoint.name, classes[family]]
                        return MetricSample(labels, .integer(count))
                    }
                }
            }
        },
        MetricFamily(
            "martlet_request_attempts_failed",
            .counter,
            labels: ["pool", "endpoint"],
            "Attempts that failed by the endpoint's fault, answered by another one or not."
        ) { source in source.perPoolEndpoint { .integer(source.endpoint($0.slot, 5)) } },
        MetricFamily(
            "martlet_request_bytes",
            .counter,
            unit: "bytes",
            labels: ["pool", "endpoint", "direction"],
            "Bytes of requests that an endpoint answered, and of its responses."
        ) { source in
            source.view.pools.filter { !$0.isSteer }.flatMap { pool in
                pool.endpoints.flatMap { endpoint in
                    [("request", 6), ("response", 7)].map { direction, word in
                        let count = source.endpoint(endpoint.slot, word)
                        let labels = [pool.label, endpoint.name, direction]
                        return MetricSample(labels, .integer(count))
                    }
                }
            }
        },
        MetricFamily(
            "martlet_request_duration_seconds",
            .histogram,
            unit: "seconds",
            labels: ["pool"],
            "From the first byte of a request to the last of its response, tunnels left out."
        ) { source in
            source.perPool { pool in
                let bounds = GatewayMetrics.durationBounds.map { Double($0) / 1e6 }
                let start = GatewayMetrics.pool(pool.slot)
                let counts = (0...bounds.count).map { source.http(start + $0) }
                let sum = Double(source.http(start + GatewayMetrics.durationSum)) / 1e6
                return .histogram(bounds: bounds, counts: counts, sum: sum)
            }
        },
        MetricFamily(
            "martlet_pool_active_requests",
            .gauge,
            labels: ["pool"],
            "Requests of a pool under way, waiting ones included."
        ) { source in
            source.perPool {
                .integer(source.positive(source.shared.http.budget.activeRequests($0.slot)))
            }
        },
        MetricFamily(
            "martlet_pool_active_retries",
            .gauge,
            labels: ["pool"],
            "Retries of a pool under way, each taken out of the retry budget."
        ) { source in
            source.perPool {
                .integer(source.positive(source.shared.http.budget.activeRetries($0.slot)))
            }
        },
        MetricFamily(
            "martlet_pool_waiting_requests",
            .gauge,
            labels: ["pool"],
            "Requests that wait for an endpoint below its connection limit."
        ) { source in
            source.perPool { .integer(source.positive(source.shared.http.pending.count($0.slot))) }
        },
        MetricFamily(
            "martlet_pool_skew",
            .gauge,
            labels: ["pool"],
            "Largest share of the requests of the latest 30 s that an endpoint had, to its fair share "
                + "by weight; 0 below 100 requests."
        ) { source in source.perPool { .number(source.view.skews[$0.slot] ?? 0) } },
        MetricFamily(
            "martlet_pool_hedges",
            .counter,
            labels: ["pool", "outcome"],
            "Second attempts by `hedge`: won, lost, failed, or refused as the budget was spent."
        ) { source in
            source.view.pools.filter { !$0.isSteer && $0.slot >= 0 }.flatMap { pool in
                HedgeOutcome.allCases.map { outcome in
                    let count = source.http(GatewayMetrics.hedge(outcome, pool: pool.slot))
                    return MetricSample([pool.label, "\(outcome.word)"], .integer(count))
                }
            }
        },
        MetricFamily(
            "martlet_pool_concurrency_limit",
            .gauge,
            labels: ["pool"],
            "Requests at a time that a pool may have now by `concurrency`; 0 for any number."
        ) { source in source.perPool { .integer(source.positive(source.places($0.slot).limit)) } },
        MetricFamily(
            "martlet_pool_concurrency_taken",
            .gauge,
            labels: ["pool"],
            "Requests at endpoints that count towards such a limit."
        ) { source in source.perPool { .integer(source.positive(source.places($0.slot).taken)) } },
        MetricFamily(
            "martlet_pool_concurrency_latency_seconds",
            .gauge,
            unit: "seconds",
            labels: ["pool", "measure"],
            "Time to the first byte of an answer where `concurrency` is on: at rest, and lately."
        ) { source in
            source.view.pools.filter { !$0.isSteer && $0.slot >= 0 }.flatMap { pool in
                let state = source.places(pool.slot)
                return [("rest", state.rest), ("latest", state.latest)].map {
                    MetricSample([pool.label, $0.0], .number($0.1.seconds))
                }
            }
        },
        MetricFamily(
            "martlet_pool_waiting_by_priority",
            .gauge,
            labels: ["pool", "priority"],
            "Requests that wait for an endpoint below its limit, by the route's priority."
        ) { source in
            source.perPriority {
                .integer(source.positive(source.shared.http.pending.count($0, $1)))
            }
        },
        MetricFamily(
            "martlet_pool_turned_away",
            .counter,
            labels: ["pool", "priority"],
            "Requests that found no place in the queue, or lost it to one of a higher priority."
        ) { source in
            source.perPriority {
                .integer(source.http(GatewayMetrics.turnedAway($1, pool: $0)))
            }
        },
        sessions("martlet_sticky_begun", .begun, "Clients without a session that got a cookie."),
        sessions("martlet_sticky_kept", .kept, "Requests that went where their cookie says."),
        MetricFamily(
            "martlet_sticky_moved",
            .counter,
            labels: ["pool", "reason"],
            "Sessions that moved to another endpoint, by what kept them from their own."
        ) { source in
            source.view.pools.filter { !$0.isSteer }.flatMap { pool in
                SessionTurn.moves.map { turn in
                    let count = source.http(GatewayMetrics.session(turn, pool: pool.slot))
                    return MetricSample([pool.label, "\(turn.word)"], .integer(count))
                }
            }
        },
    ]

    static let learnedRows: [MetricFamily] = [
        http("martlet_sticky_learned", .sessionsLearned),
        http("martlet_sticky_displaced", .sessionsDisplaced),
    ]

    private static func sessions(
        _ name: String,
        _ turn: SessionTurn,
        _ help: String
    ) -> MetricFamily {
        MetricFamily(name, .counter, labels: ["pool"], help) { source in
            source.perPool {
                .integer(source.http(GatewayMetrics.session(turn, pool: $0.slot)))
            }
        }
    }

    static let httpRows: [MetricFamily] = [
        MetricFamily("martlet_http_connections", .gauge, "Client connections that are open.") {
            [MetricSample(.integer($0.positive($0.shared.http.openConnections)))]
        },
        http("martlet_http_connections_accepted", .connectionsAccepted),
        http("martlet_http_connections_closed", .connectionsClosed),
        http("martlet_http_proxy_headers", .proxyHeaders),
        http("martlet_http_requests", .requests),
        http("martlet_http_body_prefixes", .prefixes),
        MetricFamily(
            "martlet_http_responses",
            .counter,
            labels: ["class"],
            "Final responses to clients by class of the status, those of the door included."
        ) { source in
            [
                ("2xx", DoorCounter.status2xx), ("3xx", .status3xx), ("4xx", .status4xx),
                ("5xx", .status5xx),
            ].map { MetricSample([$0.0], .integer(source.http(GatewayMetrics.index($0.1)))) }
        },
        MetricFamily(
            "martlet_http_ended_by_door",
            .counter,
            labels: ["reason"],
            "Exchanges that the door ended itself, by the reason word of the access log."
        ) { source in
            GatewayMetrics.reasons.map { MetricSample([$0.word], .integer(source.http($0.index))) }
        },
        MetricFamily(
            "martlet_http_shed",
            .counter,
            labels: ["priority"],
            "Requests refused because their worker was later than `limits.shed-lag` allows."
        ) { source in
            Priority.allCases.map {
                MetricSample(["\($0.word)"], .integer(source.http(GatewayMetrics.shed($0))))
            }
        },
        http("martlet_http_tunnels", .tunnels),
        http("martlet_http_sessions", .http2Connections),
        http("martlet_http_streams", .http2Streams),
        http("martlet_http_streams_refused", .http2Refused),
        http("martlet_http_streams_held", .http2Held),
        http("martlet_http_streams_websocket", .http2Sockets),
        MetricFamily(
            "martlet_http_sessions_cut",
            .counter,
            labels: ["reason"],
            DoorCounter.http2Cut.help
        ) { source in
            GatewayMetrics.abuses.map { MetricSample([$0.word], .integer(source.http($0.index))) }
        },
        http("martlet_http_retries", .retries),
        MetricFamily(
            "martlet_http_retries_by_condition",
            .counter,
            labels: ["condition"],
            "Attempts after the first, by the condition of `retry.on` that called for them."
        ) { source in
            GatewayMetrics.retryConditions.map {
                MetricSample([$0.word], .integer(source.http($0.index)))
            }
        },
        http("martlet_http_queued", .queued),
        http("martlet_http_origin_connections_opened", .originConnections),
        http("martlet_http_origin_connections_reused", .originReused),
        http("martlet_http_origin_sessions", .originSessions),
        http("martlet_http_origin_streams", .originStreams),
        http("martlet_http_origin_streams_refused", .originRefusals),
        http("martlet_http_origin_full", .originFull),
        MetricFamily(
            "martlet_http_origin_sessions_cut",
            .counter,
            labels: ["reason"],
            DoorCounter.originCut.help
        ) { source in
            GatewayMetrics.originAbuses.map {
                MetricSample([$0.word], .integer(source.http($0.index)))
            }
        },
        MetricFamily(
            "martlet_http_bytes",
            .counter,
            unit: "bytes",
            labels: ["direction"],
            "Bytes between clients and the door, heads included."
        ) { source in
            [("request", DoorCounter.bytesIn), ("response", .bytesOut)].map {
                MetricSample([$0.0], .integer(source.http(GatewayMetrics.index($0.1))))
            }
        },
        MetricFamily(
            "martlet_http_spliced_bytes",
            .counter,
            unit: "bytes",
            DoorCounter.bytesSpliced.help
        ) { [MetricSample(.integer($0.http(.bytesSpliced)))] },
    ]

    static let tlsRows: [MetricFamily] = [
        http("martlet_tls_handshakes", .handshakes),
        http("martlet_tls_resumptions", .resumptions),
        http("martlet_tls_early_requests", .earlyRequests),
        http("martlet_tls_origin_handshakes", .originHandshakes),
        http("martlet_tls_origin_resumptions", .originResumptions),
        http("martlet_tls_slow_signatures", .signaturesLent),
        http("martlet_http_work_put_off", .putOff),
        http("martlet_tls_passthrough_connections", .passages),
        MetricFamily(
            "martlet_tls_handshake_failures",
            .counter,
            labels: ["reason"],
            "TLS handshakes that failed, by the word `tls_failure` of the access log."
        ) { source in
            GatewayMetrics.handshakeFailures.map {
                MetricSample([$0.word], .integer(source.http($0.index)))
            }
        },
        MetricFamily(
            "martlet_tls_certificate_expiry_timestamp_seconds",
            .gauge,
            unit: "seconds",
            labels: ["certificate"],
            "When a certificate in force ends, in seconds since 1970, by the path of its file."
        ) { source in
            source.view.certificates.map {
                MetricSample([$0.file], .integer(UInt64(clamping: $0.notAfter)))
            }
        },
        MetricFamily(
            "martlet_tls_staple_expiry_timestamp_seconds",
            .gauge,
            unit: "seconds",
            labels: ["certificate"],
            "When the OCSP response stapled to a certificate ends, in seconds since 1970."
        ) { source in
            source.view.certificates.compactMap { certificate in
                certificate.stapleEnds.map {
                    MetricSample([certificate.file], .integer(UInt64(clamping: $0)))
                }
            }
        },
        MetricFamily(
            "martlet_tls_ticket_keys_loaded_timestamp_seconds",
            .gauge,
            unit: "seconds",
            labels: ["file"],
            "When the ticket keys of a file were put in force, in seconds since 1970."
        ) { source in
            source.view.ticketKeys.map {
                MetricSample([$0.file], .integer(UInt64(clamping: $0.loadedAt)))
            }
        },
    ]

    /// The bounds that are counted when they are reached; the words are those of the configuration.
    static let limitRows: [MetricFamily] = [
        MetricFamily(
            "martlet_limit_hits",
            .counter,
            labels: ["limit"],
            "How often a bound was reached, by its name."
        ) { source in
            let hits: [(String, UInt64)] = [
                ("limits.connections", source.http(.pausedAtConnections)),
                ("limits.unfinished-per-client", source.http(GatewayMetrics.tooManyUnfinished)),
                ("file-descriptors", source.http(.pausedAtFiles) &+ source.dns(.acceptPauses)),
                ("buffers", source.http(.buffersExhausted)),
                ("retry.budget", source.http(.retriesRefused)),
                (
                    "tcp-connections",
                    source.dns(.connectionsRefused) &+ source.dns(.secureRefused)
                ),
                ("limits.concurrent-probes", source.view.probing.statistics.delayed),
                (
                    "limits.concurrent-commands",
                    source.view.probing.statistics.commandsDelayed
                ),
                ("admin-connections", source.adminRefusals),
                ("alias.networks", source.view.aliases?.lookups.full ?? 0),
                ("alias.network-lookups", source.view.aliases?.lookups.putOff ?? 0),
            ]
            return hits.map { MetricSample([$0.0], .integer($0.1)) }
        }
    ]

    private static func http(_ name: String, _ counter: DoorCounter) -> MetricFamily {
        MetricFamily(name, .counter, counter.help) { [MetricSample(.integer($0.http(counter)))] }
    }
}

extension MetricSource {
    var shared: DoorsShared { view.shared }

    /// A word of the HTTP door, summed over all workers.
    func http(_ place: Int) -> UInt64 {
        shared.http.metrics.reduce(0) { $0 &+ $1.load(place) }
    }
    /// A counter of the HTTP door.
    func http(_ counter: DoorCounter) -> UInt64 { http(GatewayMetrics.index(counter)) }
    /// A word of an endpoint, summed over all workers.
    func endpoint(_ slot: Int, _ word: Int) -> UInt64 { http(GatewayMetrics.endpoint(slot) + word) }
    /// Tunnels that are open through an endpoint.
    func tunnels(_ slot: Int) -> UInt64 {
        positive(Int(truncatingIfNeeded: endpoint(slot, GatewayMetrics.openTunnels)))
    }
    /// Queries that the DNS door has answered.
    var dnsQueries: UInt64 {
        DNSTransport.allCases.reduce(0) { $0 &+ dns(DNSCounter.of($1)) }
    }
    /// A counter of the DNS door.
    func dns(_ counter: DNSCounter) -> UInt64 { shared.dns.total(counter) }
    /// Counts that are read while others write may be below zero for a moment.
    func positive(_ value: Int) -> UInt64 { UInt64(max(value, 0)) }

    /// One sample per pool that serves HTTP.
    func perPool(_ value: (PoolView) -> MetricValue) -> [MetricSample] {
        view.pools.filter { !$0.isSteer && $0.slot >= 0 && $0.slot < GatewayMetrics.poolLimit }
            .map { MetricSample([$0.label], value($0)) }
    }

    /// The limit of requests at a time of a pool, and what it follows.
    func places(_ slot: Int) -> PoolPlaces.State { shared.http.places.state(slot) }

    /// One sample per pool that serves HTTP and priority; the pool by its slot.
    func perPriority(_ value: (Int, Priority) -> MetricValue) -> [MetricSample] {
        view.pools.filter { !$0.isSteer && $0.slot >= 0 && $0.slot < GatewayMetrics.poolLimit }
            .flatMap { pool in
                Priority.allCases.map {
                    MetricSample([pool.label, "\($0.word)"], value(pool.slot, $0))
                }
            }
    }

    /// One sample per endpoint of a pool that serves HTTP.
    func perPoolEndpoint(_ value: (EndpointView) -> MetricValue) -> [MetricSample] {
        view.pools.filter { !$0.isSteer }.flatMap { pool in
            pool.endpoints.map { MetricSample([pool.label, $0.name], value($0)) }
        }
    }
}
