// SPDX-License-Identifier: Apache-2.0

/// The families that tell what becomes of spans; they are there while spans are exported.
extension MetricFamily {
    static let traceRows: [MetricFamily] = [
        MetricFamily(
            "martlet_trace_spans_exported",
            .counter,
            "Spans that the collector has taken."
        ) { $0.traces { [MetricSample(.integer($0.exported))] } },
        MetricFamily(
            "martlet_trace_spans_dropped",
            .counter,
            labels: ["reason"],
            "Spans given up: ring-full (a request of a worker that was too busy, with all of its "
                + "spans), queue-full, rejected by the collector, stopped with the export."
        ) { source in
            source.traces { view in
                view.dropped.map { MetricSample([$0.reason], .integer($0.count)) }
            }
        },
        MetricFamily(
            "martlet_trace_failed_sends",
            .counter,
            "Requests to the collector without success; spans may have been sent again later."
        ) { $0.traces { [MetricSample(.integer($0.failedSends))] } },
        MetricFamily(
            "martlet_trace_spans_waiting",
            .gauge,
            "Spans that wait to be sent, or for the collector's answer."
        ) { $0.traces { [MetricSample(.integer(UInt64(max($0.waiting, 0))))] } },
        MetricFamily(
            "martlet_trace_last_success_timestamp_seconds",
            .gauge,
            unit: "seconds",
            "When the collector last took spans; 0 for never."
        ) { $0.traces { [MetricSample(.number(Double($0.lastSuccess) / 1e9))] } },
    ]
}

extension MetricSource {
    fileprivate func traces(_ samples: (TracingView) -> [MetricSample]) -> [MetricSample] {
        view.tracing.map(samples) ?? []
    }
}
