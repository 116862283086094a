// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    func pool(_ section: Section) -> PoolSettings {
        let hash = section.group("hash")
        let queue = section.group("queue")
        let keepalive = section.group("keepalive")
        let http2 = section.group("http2")
        return PoolSettings(
            name: section.name,
            balance: section.word("balance", BalanceMethod.weightedRoundRobin),
            hash: HashSettings(
                key: hash.hashKey("key"),
                virtualNodes: hash.integer("virtual-nodes"),
                tableSize: hash.integer("table-size"),
                loadBound: hash.percentage("load-bound")
            ),
            probe: section.text("probe"),
            endpoints: endpoints(section),
            passive: passive(section.group("passive")),
            slowStart: section.interval("slow-start"),
            panic: section.percentage("panic"),
            drain: drain(section),
            drainSpread: section.interval("drain-spread"),
            queue: QueueSettings(limit: queue.integer("limit"), timeout: queue.interval("timeout")),
            concurrency: concurrency(section.group("concurrency")),
            hedge: hedge(section),
            timeouts: timeouts(section.group("timeouts")),
            protocol: section.word("protocol", OriginProtocol.http1),
            http2: OriginHTTP2Settings(
                streams: http2.integer("streams"),
                connections: http2.integer("connections")
            ),
            keepalive: KeepaliveSettings(
                idle: keepalive.interval("idle"),
                connections: keepalive.integer("connections")
            ),
            retry: retry(section.group("retry")),
            resolve: resolve(section.group("resolve")),
            tls: originTLS(section),
            sticky: sticky(section),
            writes: section.word("writes", WritePolicy.any),
            reads: section.word("reads", ReadPolicy.all),
            proxyProtocol: proxyProtocol(section)
        )
    }

    private func hedge(_ pool: Section) -> HedgeSettings? {
        let section = pool.group("hedge")
        let percentile = section.text("after").flatMap { Int($0.dropFirst()) }
        let settings = HedgeSettings(
            after: percentile ?? 0,
            budget: section.percentage("budget"),
            minDelay: section.interval("min-delay")
        )
        guard percentile != nil else {
            if let idle = ["budget", "min-delay"].first(where: section.has) {
                section.fault(
                    .idleHedge,
                    idle,
                    "`\(idle)` has no effect while `hedge.after` is `off`",
                    "write `after: p95` beside it"
                )
            }
            return nil
        }
        let spoken = pool.word("protocol", OriginProtocol.http1)
        if spoken != .http1 || pool.has("proxy-protocol") {
            section.fault(
                .hedgeBesideOthers,
                "after",
                "`hedge` needs connections of HTTP/1.1 that any client's requests may use",
                "set `protocol: http1` and leave `proxy-protocol` out"
            )
        }
        return settings
    }

    private func concurrency(_ section: Section) -> ConcurrencyLimitSettings? {
        let settings = ConcurrencyLimitSettings(
            min: section.integer("min"),
            max: section.integer("max"),
            tolerance: section.percentage("tolerance")
        )
        if settings.min > settings.max {
            section.fault(
                .wrongOrder,
                section.has("min") ? "min" : "max",
                "the least limit, \(settings.min), is above the greatest, \(settings.max)"
            )
        }
        let isAdaptive = section.text("limit") == "adaptive"
        let idle = ["min", "max", "tolerance"].first(where: section.has)
        if let idle, !isAdaptive {
            section.fault(
                .idleConcurrency,
                idle,
                "`\(idle)` has no effect while `concurrency.limit` is `off`",
                "write `limit: adaptive` beside it"
            )
        }
        return isAdaptive ? settings : nil
    }

    private func proxyProtocol(_ section: Section) -> ProxyProtocolVersion? {
        let version = section.text("proxy-protocol").flatMap(ProxyProtocolVersion.init)
        let spoken = section.word("protocol", OriginProtocol.http1)
        guard version != nil, spoken != .http1 else { return version }
        section.fault(
            .proxyBesideHTTP2,
            "proxy-protocol",
            "`proxy-protocol` cannot be had with `protocol: \(spoken.rawValue)`",
            "requests of different clients share a connection by HTTP/2"
        )
        return version
    }

    private func drain(_ section: Section) -> Interval {
        let drain = section.interval("drain")
        let isUsual = drain >= .seconds(30) && drain <= .seconds(300)
        guard !isUsual, section.has("drain") else { return drain }
        section.fault(
            .unusualDrain,
            "drain",
            "`drain` is \(drain < .seconds(30) ? "below 30s" : "above 300s")",
            drain < .seconds(30)
                ? "long enough for most requests, downloads and reconnects is `60s`"
                : "endpoints that are replaced wait so long for the last tunnel"
        )
        return drain
    }

    private func timeouts(_ section: Section) -> TimeoutSettings {
        TimeoutSettings(
            connect: section.interval("connect"),
            firstByte: section.interval("first-byte"),
            betweenBytes: section.interval("between-bytes"),
            send: section.interval("send"),
            tunnelIdle: section.interval("tunnel-idle")
        )
    }

    private func passive(_ section: Section) -> PassiveSettings {
        let halfOpen = section.group("half-open")
        let latency = section.group("latency")
        let settings = PassiveSettings(
            failures: section.integer("failures"),
            window: section.interval("window"),
            ejection: section.interval("ejection"),
            ejectionMax: section.interval("ejection-max"),
            statuses: section.statuses("statuses"),
            errorRate: section.percentage("error-rate"),
            minimumVolume: section.integer("minimum-volume"),
            maxEjected: section.percentage("max-ejected"),
            halfOpen: HalfOpenSettings(
                requests: halfOpen.integer("requests"),
                successes: halfOpen.integer("successes")
            ),
            latency: LatencySettings(
                factor: latency.optionalInteger("factor"),
                difference: latency.interval("difference"),
                samples: latency.integer("samples"),
                endpoints: latency.integer("endpoints")
            )
        )
        if settings.ejection > settings.ejectionMax {
            section.fault(
                .wrongOrder,
                section.has("ejection") ? "ejection" : "ejection-max",
                "the first ejection, \(settings.ejection), is longer than the longest, "
                    + "\(settings.ejectionMax)"
            )
        }
        return settings
    }

    private func resolve(_ section: Section) -> ResolveSettings {
        let settings = ResolveSettings(
            nameserver: section.server("nameserver"),
            minTTL: section.interval("min-ttl"),
            maxTTL: section.interval("max-ttl")
        )
        if settings.minTTL > settings.maxTTL {
            section.fault(
                .wrongOrder,
                section.has("min-ttl") ? "min-ttl" : "max-ttl",
                "`min-ttl` \(settings.minTTL) is above `max-ttl` \(settings.maxTTL)"
            )
        }
        return settings
    }

    // MARK: Endpoints

    private func endpoints(_ pool: Section) -> [EndpointSettings] {
        let sections = pool.list("endpoints")
        let endpoints = sections.compactMap { section in
            endpoint(section).map { (settings: $0, section: section) }
        }
        if sections.isEmpty {
            pool.fault(
                .emptyPool,
                "endpoints",
                "\(pool.title) has no endpoints",
                "such as `endpoints: [{ address: 192.0.2.1:8080 }]`"
            )
        }
        var addresses: [EndpointAddress: Int] = [:]
        var names: [String: Int] = [:]
        for (settings, section) in endpoints {
            let line = section.range.start.line
            if let first = addresses.updateValue(line, forKey: settings.address) {
                section.fault(
                    .duplicateEndpoint,
                    "address",
                    "\(settings.address) is in \(pool.title) twice",
                    "it stands in line \(first)"
                )
            } else if let first = names.updateValue(line, forKey: settings.name) {
                section.fault(
                    .duplicateEndpoint,
                    "name",
                    "two endpoints of \(pool.title) are called `\(settings.name)`",
                    "the other stands in line \(first)"
                )
            }
        }
        checkWeights(pool, endpoints.map(\.settings))
        return endpoints.map(\.settings)
    }

    private func endpoint(_ section: Section) -> EndpointSettings? {
        let address = section.endpoint("address")
        let settings = EndpointSettings(
            name: section.text("name") ?? address?.description ?? "",
            address: address ?? .name("", port: 0),
            weight: section.integer("weight"),
            tier: section.integer("tier"),
            zone: section.text("zone") ?? "",
            maxConnections: section.optionalInteger("max-connections")
        )
        return address == nil ? nil : settings
    }

    /// A tier of zeros is skipped as if it were empty; all of them, and the pool serves nothing.
    private func checkWeights(_ pool: Section, _ endpoints: [EndpointSettings]) {
        guard !endpoints.isEmpty, endpoints.allSatisfy({ $0.weight == 0 }) else { return }
        pool.fault(
            .allWeightsZero,
            "endpoints",
            "every endpoint of \(pool.title) has weight 0",
            "it takes no new work"
        )
    }
}
