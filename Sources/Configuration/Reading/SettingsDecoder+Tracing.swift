// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Where spans are exported to.
extension SettingsDecoder {
    func otlp(_ section: Section) -> OTLPSettings? {
        let text = section.text("endpoint")
        let settings = OTLPSettings(
            endpoint: endpoint(text, section),
            headers: headers(
                section.group("headers"),
                of: "tracing.otlp.headers.*",
                owned: ["content-type", "content-encoding", "user-agent"]
            ),
            authorities: section.text("authorities").map(resolve(path:)),
            timeout: section.interval("timeout"),
            share: section.percentage("share"),
            queue: section.integer("queue"),
            batch: section.integer("batch"),
            every: section.interval("every"),
            service: section.text("service") ?? "",
            attributes: pairs(section.group("attributes"))
        )
        if let path = settings.authorities, let reason = checks.authorities(path) {
            section.fault(.badCertificate, "authorities", "`\(path)` \(reason)")
        }
        if settings.batch > settings.queue {
            section.fault(
                .wrongOrder,
                section.has("batch") ? "batch" : "queue",
                "\(settings.batch) spans in a batch, and only \(settings.queue) may wait"
            )
        }
        return text == nil ? nil : settings
    }

    private func endpoint(_ text: String?, _ section: Section) -> CollectorURL {
        let shipped = CollectorURL(isSecure: false, host: "localhost", port: 4318)
        guard let text else { return shipped }
        guard let url = CollectorURL(text) else {
            section.fault(
                .notAddress,
                "endpoint",
                "`\(text)` is no URL of a collector",
                "such as `\(shipped)`, without user, password and fragment"
            )
            return shipped
        }
        return url
    }

    /// What is allowed, and hardly meant.
    func checkTracing(_ settings: Settings, _ section: Section) {
        guard let otlp = settings.tracing.otlp else { return }
        let isTraced = settings.listeners.contains {
            if case .http(let listener) = $0 { listener.tracing } else { false }
        }
        if !isTraced {
            section.fault(
                .untracedExport,
                "endpoint",
                "spans would be exported, but no listener makes any",
                "set `tracing: true` at the listeners whose requests are to be traced"
            )
        }
        guard !otlp.endpoint.isSecure, !otlp.endpoint.isLocal else { return }
        if !otlp.headers.isEmpty || otlp.endpoint.hasQuery {
            let what =
                otlp.headers.isEmpty ? "the query of the URL goes" : "the fields in `headers` go"
            section.fault(
                .plainTextSpans,
                "endpoint",
                "\(what) to another machine in plain text",
                "use `https://` when that is secret"
            )
        }
    }
}

extension CollectorURL {
    /// The traces of a collector that speaks OTLP at a host.
    init(isSecure: Bool, host: String, port: UInt16) {
        self.isSecure = isSecure
        address = .name(host, port: port)
        authority = "\(host):\(port)"
        target = CollectorURL.path
    }
}
