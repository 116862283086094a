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
        settings.probes = root.members("probes").compactMap(probe)
        let pools = root.members("pools").map { (pool($0), $0) }
        checkRoles(pools, settings.probes)
        checkCookies(pools, settings.listeners)
        settings.pools = pools.map(\.0)
        settings.routes = routes(root.list("routes"))
        settings.zones = zones(root.members("zones"))
        checkServices()
        settings.steer = root.members("steer").compactMap(steer)
        CrossChecks(reading: reading, root: root, settings: settings).run()
        SkewChecks(reading: reading, root: root).run(settings)
        ListenerChecks(root: root, listeners: listeners, admin: settings.admin).run(settings)
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
            mirroredRequests: section.integer("mirrored-requests"),
            mirrorMemory: section.size("mirror-memory"),
            shedLag: section.optionalInterval("shed-lag")
        )
    }

    private func log(_ section: Section) -> LogSettings {
        let access = section.group("access")
        let requests = section.group("requests")
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
        let kinds = ["http", "https", "dns"].filter(section.has)
        switch kinds.first {
        case "dns": return dnsListener(section)
        case let kind? where kinds.count == 1: return httpListener(section, kind)
        case nil:
            section.report(
                .missingKey,
                section.nameRange,
                "a listener needs `http`, `https` or `dns`"
            )
        default:
            section.fault(
                .excludingKeys,
                kinds[1],
                "a listener has either `http`, `https` or `dns`",
                "make two listeners of it"
            )
        }
        return nil
    }

    private func httpListener(_ section: Section, _ kind: String) -> ListenerSettings? {
        let timeouts = section.group("timeouts")
        let address = section.listen(kind)
        let tls = kind == "https" ? tls(section) : nil
        let settings = HTTPListenerSettings(
            address: address ?? ListenAddress(nil, port: 0),
            trustedProxies: section.prefixes("trusted-proxies"),
            proxyProtocol: section.word("proxy-protocol", ProxyProtocolPolicy.off),
            clientAddress: section.word("client-address", ClientAddressSource.connection),
            forwarded: section.word("forwarded", ForwardedPolicy.xForwarded),
            requestID: section.bool("request-id"),
            tracing: section.bool("tracing"),
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

    private func dnsListener(_ section: Section) -> ListenerSettings? {
        let address = section.listen("dns")
        let settings = DNSListenerSettings(
            address: address ?? ListenAddress(nil, port: 0),
            ednsSize: section.integer("edns-size"),
            ecs: subnetSources(section),
            tcpIdle: section.interval("tcp-idle"),
            tcpConnections: section.integer("tcp-connections")
        )
        return address == nil ? nil : .dns(settings)
    }

    // MARK: Probes

    private func probe(_ section: Section) -> ProbeSettings? {
        let interval = section.interval("interval")
        let timeout = section.interval("timeout")
        let settings = ProbeSettings(
            name: section.name,
            check: check(section),
            port: section.optionalInteger("port").flatMap(UInt16.init(exactly:)),
            interval: interval,
            timeout: timeout,
            rise: section.integer("rise"),
            fall: section.integer("fall"),
            jitter: section.percentage("jitter"),
            fastInterval: Swift.min(section.interval("fast-interval"), interval),
            kind: section.word("kind", ProbeKind.readiness)
        )
        if timeout > interval {
            section.fault(
                .slowProbe,
                section.has("timeout") ? "timeout" : "interval",
                "a check of \(section.title) may take \(timeout), the next is due after \(interval)",
                "keep the timeout below the interval"
            )
        }
        return checkKind(of: section) ? settings : nil
    }

    private func check(_ section: Section) -> ProbeCheck {
        if section.has("http") { return .http(httpProbe(section)) }
        if section.has("grpc") {
            _ = section.text("grpc")
            return .grpc(
                GRPCProbeSettings(
                    service: section.text("service"),
                    host: section.text("host"),
                    tls: section.word("tls", ProbeSecurity.pool)
                )
            )
        }
        return section.word("tcp", TCPProbe.connect) == .tls ? .tls : .tcp
    }

    private func checkKind(of section: Section) -> Bool {
        let kinds = ["http", "tcp", "grpc"].filter(section.has)
        if kinds.count == 1 { return true }
        if let second = kinds.dropFirst().first {
            section.fault(
                .excludingKeys,
                second,
                "a probe has only one of `http`, `tcp` and `grpc`"
            )
            return false
        }
        section.report(
            .missingKey,
            section.nameRange,
            "\(section.title) needs `http`, `tcp` or `grpc`",
            "such as `http: /healthz`, `tcp: connect` or `grpc: check`"
        )
        return false
    }

    private func httpProbe(_ section: Section) -> HTTPProbeSettings {
        let settings = HTTPProbeSettings(
            path: section.text("http") ?? "/",
            method: section.word("method", ProbeMethod.get),
            host: section.text("host"),
            headers: headers(section.group("headers"), of: "probes.*.headers.*"),
            expect: section.statuses("expect"),
            bodyContains: section.text("body-contains"),
            bodyRegex: section.text("body-regex"),
            readLimit: section.size("read-limit"),
            dependencies: section.word("dependencies", DependencyPolicy.report),
            tls: section.word("tls", ProbeSecurity.pool),
            role: role(section)
        )
        checkReplicas(settings, section)
        if let pattern = settings.bodyRegex, let reason = checks.expression(pattern) {
            section.fault(.badExpression, "body-regex", "RE2 refuses the expression: \(reason)")
        }
        if settings.method == .head {
            for key in ["body-contains", "body-regex"] where section.has(key) {
                section.fault(.excludingKeys, key, "the answer to HEAD has no body to search")
            }
        }
        return settings
    }

    /// Fields that are sent besides those that the request has anyway.
    func headers(
        _ section: Section,
        of path: String,
        owned further: [String] = []
    ) -> [HeaderSettings] {
        guard let option = reading.schema.option(path) else { return [] }
        reading.consume(option)
        let entries = section.entries.values.sorted { a, b in
            (a.keyRange.start.line, a.keyRange.start.column)
                < (b.keyRange.start.line, b.keyRange.start.column)
        }
        return entries.compactMap { entry in
            // RFC 9110 §5.6.2; framing and Host are the business of whoever asks.
            let owned = ["host", "content-length", "transfer-encoding", "connection"] + further
            guard !entry.key.isEmpty, entry.key.utf8.allSatisfy(OptionType.isTokenByte) else {
                section.report(
                    .badText,
                    entry.keyRange,
                    "`\(entry.key)` cannot be the name of a field"
                )
                return nil
            }
            guard !owned.contains(entry.key.lowercased()) else {
                section.report(
                    .badText,
                    entry.keyRange,
                    "the field `\(entry.key)` is written by \(further.isEmpty ? "the probe" : "the exporter")",
                    entry.key.lowercased() == "host" && further.isEmpty
                        ? "use the option `host`" : nil
                )
                return nil
            }
            guard case .text(let text)? = section.read(entry.value, option.type, key: entry.key)
            else { return nil }
            section.keep(entry.key, .text(text))
            return HeaderSettings(name: entry.key, value: text)
        }
    }
}
