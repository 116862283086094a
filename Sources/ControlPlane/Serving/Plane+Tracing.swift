// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import HTTPGateway
internal import Runtime

/// Spans on their way to a collector.
extension Plane {
    /// Makes the export follow what has just been put in force.
    mutating func configureTraces(_ now: Instant) {
        let isWanted = settings.tracing.otlp != nil
        traces.configure(
            settings.tracing.otlp,
            assembly.security.collector?.context,
            isWanted
                ? SpanWriter(
                    pools: assembly.pools.map(\.view),
                    gateway: snapshot.gateway,
                    secure: Set(assembly.pools.filter { $0.security != nil }.map(\.view.slot))
                )
                : SpanWriter(),
            shared.http.spans,
            now: now
        )
    }

    mutating func followTraces(_ now: Instant, _ loop: inout EventLoop) {
        guard now >= traces.deadline else { return }
        note(traces.follow(shared.http.spans, collectorAddresses, now: now, loop: &loop))
    }

    mutating func handleTraces(_ event: Event, _ now: Instant) {
        note(traces.handle(event, now: now))
    }

    /// True when the last spans are with the collector, or had their time.
    mutating func hasSentTraces(_ now: Instant, _ loop: inout EventLoop) -> Bool {
        if isHurried || traces.close(shared.http.spans, now: now) { return true }
        followTraces(now, &loop)
        return traces.close(shared.http.spans, now: now)
    }

    /// Where the collector is; nil while its name has been asked for, and not answered yet.
    private var collectorAddresses: [IPAddress]? {
        guard let endpoint = settings.tracing.otlp?.endpoint else { return [] }
        switch endpoint.address {
        case .address(let address): return [address.ip]
        case .name(let host, _):
            return names.entry(ResolvedNames.Key(host: host, server: nil))?.addresses
        }
    }

    private func note(_ news: ExportMachine.News?) {
        guard let news, let endpoint = settings.tracing.otlp?.endpoint else { return }
        let field = JSONMember("endpoint", .string("\(endpoint)"))
        switch news {
        case .back:
            note(.tracing, .info, "the collector at \(endpoint) takes spans again", [field])
        case .failing(let reason):
            note(
                .tracing,
                .warning,
                "the collector at \(endpoint) takes no spans: \(reason)",
                [field, JSONMember("reason", .string(reason))]
            )
        }
    }

    /// What there is to see of the export; nil without one.
    var tracingView: TracingView? {
        guard let settings = traces.settings else { return nil }
        let machine = traces.machine
        return TracingView(
            endpoint: "\(settings.endpoint)",
            share: settings.share.percent,
            exported: machine.exported,
            dropped: ExportMachine.Loss.allCases.map { ($0.rawValue, machine.lost($0)) },
            failedSends: machine.failures,
            waiting: machine.waiting,
            lastSuccess: traces.lastSuccess,
            problem: machine.problem
        )
    }
}
