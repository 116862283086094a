// SPDX-License-Identifier: Apache-2.0
internal import Essentials

extension SettingsDecoder {
    func probe(_ section: Section) -> ProbeSettings? {
        let interval = section.interval("interval")
        let certificate = section.group("certificate")
        let timeout = section.interval("timeout")
        let settings = ProbeSettings(
            name: section.name,
            check: check(section),
            port: section.optionalInteger("port").flatMap(UInt16.init(exactly:))
                ?? (section.has("dns") ? 53 : nil),
            interval: interval,
            timeout: timeout,
            rise: section.integer("rise"),
            fall: section.integer("fall"),
            jitter: section.percentage("jitter"),
            fastInterval: Swift.min(section.interval("fast-interval"), interval),
            kind: section.word("kind", ProbeKind.readiness),
            tls: section.word("tls", ProbeSecurity.pool),
            certificate: self.certificate(certificate),
            requires: section.text("requires")
        )
        checkSecurity(settings, section, certificate)
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

    private func certificate(_ section: Section) -> ProbeCertificateSettings {
        let settings = ProbeCertificateSettings(
            name: section.text("name"),
            verify: section.bool("verify"),
            authorities: section.text("authorities").map(resolve(path:)),
            minDays: section.integer("min-days"),
            ending: section.word("ending", EndingPolicy.warn)
        )
        if let path = settings.authorities, let reason = checks.authorities(path) {
            section.fault(.badCertificate, "authorities", "`\(path)` \(reason)")
        }
        return settings
    }

    /// What is said of TLS must have TLS to be about.
    private func checkSecurity(
        _ probe: ProbeSettings,
        _ section: Section,
        _ certificate: Section
    ) {
        if section.has("tcp"), probe.check == .tcp, section.has("tls") {
            section.fault(
                .excludingKeys,
                "tls",
                "`tcp: connect` is over before TLS is spoken",
                "`tcp: tls` asks for a handshake"
            )
        }
        if probe.check == .tls, probe.tls == .off {
            section.fault(.excludingKeys, "tls", "`tcp: tls` without TLS asks for nothing")
        }
        let own = ["name", "verify", "authorities"].first(where: certificate.has)
        if let own, probe.tls != .on {
            certificate.fault(
                .keyWithoutOther,
                own,
                "`\(own)` means nothing without `tls: on` in the probe",
                probe.tls == .pool ? "otherwise TLS is spoken as `tls` of the pool says" : nil
            )
        }
        if certificate.has("min-days"), probe.tls == .off || probe.check == .tcp {
            certificate.fault(.keyWithoutOther, "min-days", "this probe is shown no certificate")
        }
    }

    private func check(_ section: Section) -> ProbeCheck {
        if section.has("http") { return .http(httpProbe(section)) }
        if section.has("grpc") {
            _ = section.text("grpc")
            return .grpc(
                GRPCProbeSettings(
                    service: section.text("service"),
                    host: section.text("host")
                )
            )
        }
        if section.has("command") { return .command(commandProbe(section)) }
        if section.has("of") { return .calculated(calculated(section)) }
        if section.has("dns") { return .dns(dnsProbe(section.group("dns"))) }
        return section.word("tcp", TCPProbe.connect) == .tls ? .tls : .tcp
    }

    private func checkKind(of section: Section) -> Bool {
        let kinds = ["http", "tcp", "grpc", "dns", "command", "of"].filter(section.has)
        if kinds.count == 1 { return true }
        if let second = kinds.dropFirst().first {
            section.fault(
                .excludingKeys,
                second,
                "a probe has only one of `http`, `tcp`, `grpc`, `dns`, `command` and `of`"
            )
            return false
        }
        section.report(
            .missingKey,
            section.nameRange,
            "\(section.title) needs `http`, `tcp`, `grpc`, `dns`, `command` or `of`",
            "such as `http: /healthz`, `tcp: connect`, `grpc: check` or `dns: { name: example.com }`"
        )
        return false
    }

    private func dnsProbe(_ section: Section) -> DNSProbeSettings {
        let settings = DNSProbeSettings(
            name: section.text("name") ?? ".",
            type: section.text("type") ?? "A",
            rcode: section.texts("rcode"),
            addresses: section.addresses("addresses"),
            match: section.word("match", AnswerMatch.any),
            authoritative: section.bool("authoritative"),
            transport: section.word("transport", DNSTransport.udp)
        )
        let isFour = settings.type == "A"
        let isOther = !isFour && settings.type != "AAAA"
        let odd = settings.addresses.first { $0.isIPv4 != isFour || isOther }
        if let odd {
            section.fault(
                .excludingKeys,
                "addresses",
                "\(odd) cannot be in an answer of type \(settings.type)",
                isOther ? nil : "the other family has the type \(isFour ? "AAAA" : "A")"
            )
        }
        return settings
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
