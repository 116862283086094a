// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Builds the settings from the sections of a file: one use per row of the table.
///
/// Whatever is wrong is reported and replaced by its default, so that one pass finds everything.
struct SettingsDecoder {
    let reading: Reading
    let checks: OutsideChecks

    /// Each opens a socket per worker.
    private static let listenerLimit = 256

    func settings(_ root: Section) -> Settings {
        var settings = process(root)
        let sections = root.list("listeners")
        if sections.count > Self.listenerLimit {
            root.fault(
                .tooMany,
                "listeners",
                "\(sections.count) listeners, at most \(Self.listenerLimit) are opened"
            )
        }
        let listeners = sections.prefix(Self.listenerLimit).compactMap { section in
            listener(section).map { (settings: $0, section: section) }
        }
        settings.listeners = listeners.map(\.settings)
        let tracing = root.group("tracing").group("otlp")
        settings.tracing.otlp = otlp(tracing)
        settings.geo = geo(root.group("geo"))
        settings.alias = alias(root.group("alias"))
        settings.dns = dns(root.group("dns"))
        settings.tsigKeys = transactionKeys(root.members("tsig-keys"))
        settings.zoneAPI = zoneAPI(root.group("zone-api"))
        settings.probes = root.members("probes").compactMap(probe)
        let pools = root.members("pools").map { (pool($0), $0) }
        checkRoles(pools, settings.probes)
        checkCookies(pools, settings.listeners)
        settings.pools = pools.map(\.0)
        settings.caches = root.members("caches").map(cache)
        settings.cdnID = root.text("cdn-id")
        settings.routes = routes(root.list("routes"))
        settings.zones = zones(root.members("zones"))
        checkServices()
        settings.steer = root.members("steer").compactMap(steer)
        let migrations = root.members("migrations").compactMap { section in
            migration(section).map { (settings: $0, section: section) }
        }
        settings.migrations = settle(migrations, settings)
        settings.latency = latency(root.group("latency"))
        checkLatency(settings, root)
        CrossChecks(reading: reading, root: root, settings: settings, checks: checks).run()
        PolicyChecks(reading: reading, settings: settings).run()
        // A section knows the reading: the circle would keep both, and the whole file.
        reading.policies = []
        SkewChecks(reading: reading, root: root).run(settings)
        PlaceChecks(reading: reading, root: root).run(settings)
        FailoverChecks(reading: reading, root: root).run(settings, checks)
        ListenerChecks(
            root: root,
            listeners: listeners,
            admin: settings.admin,
            isServed: checks.isServed
        ).run(settings)
        checkTracing(settings, tracing)
        return settings
    }

    private func process(_ root: Section) -> Settings {
        Settings(
            workers: root.optionalInteger("workers"),
            user: root.text("user") ?? "",
            state: root.text("state"),
            shutdownGrace: root.interval("shutdown-grace"),
            shutdownSpread: root.interval("shutdown-spread"),
            upgradeTimeout: root.interval("upgrade-timeout"),
            limits: limits(root.group("limits")),
            admin: AdminSettings(listen: root.group("admin").listen("listen")),
            log: log(root.group("log")),
            listeners: [],
            probes: [],
            pools: [],
            routes: [],
            zones: [],
            steer: []
        )
    }

    private func limits(_ section: Section) -> LimitSettings {
        LimitSettings(
            connections: section.integer("connections"),
            unfinishedPerClient: section.optionalInteger("unfinished-per-client"),
            headerBytes: section.size("header-bytes"),
            headerCount: section.integer("header-count"),
            requestLine: section.size("request-line"),
            bufferedBody: section.size("buffered-body"),
            bodyPrefix: section.size("body-prefix"),
            bodyPrefixExcess: section.word("body-prefix-excess", BodyPrefixExcess.noMatch),
            learnedSessions: section.integer("learned-sessions"),
            concurrentProbes: section.integer("concurrent-probes"),
            concurrentCommands: section.integer("concurrent-commands"),
            mirroredRequests: section.integer("mirrored-requests"),
            mirrorMemory: section.size("mirror-memory"),
            shedLag: section.optionalInterval("shed-lag")
        )
    }

    private func log(_ section: Section) -> LogSettings {
        let access = section.group("access")
        let requests = section.group("requests")
        let queries = section.group("queries")
        let settings = LogSettings(
            level: section.word("level", LogLevel.info),
            output: section.output("output"),
            access: AccessLogSettings(
                output: access.output("output"),
                format: access.word("format", AccessLogFormat.combined)
            ),
            requests: RequestLogSettings(
                kept: requests.integer("kept"),
                share: requests.percentage("share")
            ),
            queries: QueryLogSettings(
                output: queries.output("output"),
                sample: queries.integer("sample")
            )
        )
        if settings.output == .off {
            section.fault(
                .notWord,
                "output",
                "the event log cannot be switched off",
                "use `level: error` for silence but for errors"
            )
        }
        return settings
    }

    // MARK: Listeners

    private func listener(_ section: Section) -> ListenerSettings? {
        let kinds = ["http", "https", "dns", "dot"].filter(section.has)
        switch kinds.first {
        case let kind? where kinds.count == 1:
            return kind.hasPrefix("d")
                ? dnsListener(section, kind) : httpListener(section, kind)
        case nil:
            section.report(
                .missingKey,
                section.nameRange,
                "a listener needs `http`, `https`, `dns` or `dot`"
            )
        default:
            section.fault(
                .excludingKeys,
                kinds[1],
                "a listener has either `http`, `https`, `dns` or `dot`",
                "make two listeners of it"
            )
        }
        return nil
    }

    private func httpListener(_ section: Section, _ kind: String) -> ListenerSettings? {
        let timeouts = section.group("timeouts")
        let address = section.listen(kind)
        let tls = kind == "https" ? tls(section, kind) : nil
        let settings = HTTPListenerSettings(
            address: address ?? ListenAddress(nil, port: 0),
            trustedProxies: section.prefixes("trusted-proxies"),
            proxyProtocol: section.word("proxy-protocol", ProxyProtocolPolicy.off),
            clientAddress: section.word("client-address", ClientAddressSource.connection),
            forwarded: section.word("forwarded", ForwardedPolicy.xForwarded),
            requestID: section.bool("request-id"),
            tracing: section.bool("tracing"),
            measureRTT: section.bool("measure-rtt"),
            serverTiming: section.prefixes("server-timing"),
            timeouts: ListenerTimeoutSettings(
                header: timeouts.interval("header"),
                bodyRate: timeouts.optionalSize("body-rate"),
                proxyHeader: timeouts.interval("proxy-header"),
                handshake: timeouts.interval("handshake"),
                idle: timeouts.interval("idle"),
                send: timeouts.interval("send"),
                request: timeouts.optionalInterval("request")
            ),
            http2: http2(section.group("http2")),
            certificates: tls?.certificates ?? [],
            tls: tls?.settings,
            passthrough: kind == "https" ? passthrough(section) : []
        )
        return address == nil ? nil : .http(settings)
    }

    private func http2(_ section: Section) -> HTTP2Settings {
        let streams = section.integer("streams")
        let window = section.size("stream-window")
        let all = min(streams * window.bytes, HTTP2Settings.connectionWindowLimit)
        return HTTP2Settings(
            enabled: section.bool("enabled"),
            streams: streams,
            streamWindow: window,
            connectionWindow: section.optionalSize("connection-window")
                ?? ByteCount(max(all, 65_536)),
            tolerance: section.percentage("tolerance")
        )
    }

    private func subnetSources(_ section: Section) -> [Prefix]? {
        let values = section.values("ecs")
        let words = values.compactMap { if case .word(let word) = $0 { word } else { nil } }
        if let word = words.first, values.count > 1 {
            section.fault(
                .excludingKeys,
                "ecs",
                "`\(word)` stands alone, or networks are listed instead"
            )
        }
        if words.contains("any") { return nil }
        return values.compactMap { if case .prefix(let prefix) = $0 { prefix } else { nil } }
    }

    private func dnsListener(_ section: Section, _ kind: String) -> ListenerSettings? {
        let address = section.listen(kind)
        let tls = kind == "dot" ? tls(section, kind) : nil
        let settings = DNSListenerSettings(
            address: address ?? ListenAddress(nil, port: 0),
            ednsSize: section.integer("edns-size"),
            ecs: subnetSources(section),
            tcpIdle: section.interval("tcp-idle"),
            tcpConnections: section.integer("tcp-connections"),
            certificates: tls?.certificates ?? [],
            tls: tls?.settings,
            xdp: xdp(section)
        )
        return address == nil ? nil : .dns(settings)
    }
}
