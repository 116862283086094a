// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import ControlPlane

@Suite struct MetricTextTests {
    private func text(
        _ family: MetricFamily,
        _ samples: [MetricSample],
        isOpenMetrics: Bool
    ) -> String {
        var writer = MetricText(isOpenMetrics: isOpenMetrics)
        writer.write(family, samples)
        writer.end()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private let counter = MetricFamily(
        "a_cpu_seconds",
        .counter,
        unit: "seconds",
        labels: ["pool"],
        "Help \\ with\nlines."
    ) { _ in [] }

    @Test func `a counter in both formats`() {
        let samples = [MetricSample(["x"], .number(1.5)), MetricSample(["y"], .integer(.max))]
        #expect(
            text(counter, samples, isOpenMetrics: false) == """
                # HELP a_cpu_seconds_total Help \\\\ with\\nlines.
                # TYPE a_cpu_seconds_total counter
                a_cpu_seconds_total{pool="x"} 1.5
                a_cpu_seconds_total{pool="y"} 18446744073709551615

                """
        )
        #expect(
            text(counter, samples, isOpenMetrics: true) == """
                # HELP a_cpu_seconds Help \\\\ with\\nlines.
                # TYPE a_cpu_seconds counter
                # UNIT a_cpu_seconds seconds
                a_cpu_seconds_total{pool="x"} 1.5
                a_cpu_seconds_total{pool="y"} 18446744073709551615
                # EOF

                """
        )
    }

    @Test func `a label value cannot leave its quotes`() {
        let samples = [MetricSample(["a\"b\\c\nd"], .integer(1))]
        let line = text(counter, samples, isOpenMetrics: false).split(separator: "\n").last
        #expect(line == #"a_cpu_seconds_total{pool="a\"b\\c\nd"} 1"#)
    }

    @Test func `a histogram sums its buckets up`() {
        let family = MetricFamily("a_seconds", .histogram, unit: "seconds", "Help.") { _ in [] }
        let value = MetricValue.histogram(bounds: [0.001, 1], counts: [2, 0, 3], sum: 4.25)
        #expect(
            text(family, [MetricSample(value)], isOpenMetrics: true) == """
                # HELP a_seconds Help.
                # TYPE a_seconds histogram
                # UNIT a_seconds seconds
                a_seconds_bucket{le="0.001"} 2
                a_seconds_bucket{le="1.0"} 2
                a_seconds_bucket{le="+Inf"} 5
                a_seconds_sum 4.25
                a_seconds_count 5
                # EOF

                """
        )
    }

    @Test func `an info is a gauge for those who do not know infos`() {
        let family = MetricFamily("a", .info, labels: ["version"], "Help.") { _ in [] }
        let samples = [MetricSample(["1"], .integer(1))]
        #expect(text(family, samples, isOpenMetrics: false).contains("# TYPE a_info gauge"))
        #expect(text(family, samples, isOpenMetrics: true).contains("# TYPE a info"))
    }

    @Test func `a family without samples leaves no trace`() {
        #expect(text(counter, [], isOpenMetrics: false).isEmpty)
    }

    @Test(
        arguments: [
            (nil, false), ("*/*", false), ("text/plain", false),
            ("application/openmetrics-text", true),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", true),
            ("application/openmetrics-text;q=0", false),
            // What Prometheus 2.42 sends.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1"
                    + ";q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true
            ),
            ("text/plain;q=0.9, application/openmetrics-text;q=0.1", false),
            ("text/html", false),
        ] as [(String?, Bool)]
    )
    func `Accept decides the format`(accept: String?, isOpenMetrics: Bool) {
        #expect(MetricText.isOpenMetrics(accept) == isOpenMetrics)
    }
}

@Suite struct MetricTableTests {
    @Test func `names follow the conventions`() {
        var names: Set<String> = []
        for family in MetricFamily.all {
            let isOwn = family.name.hasPrefix("martlet_") || family.name.hasPrefix("process_")
            #expect(isOwn, "\(family.name)")
            #expect(names.insert(family.name).inserted, "\(family.name) twice")
            #expect(!family.name.hasSuffix("_total"), "\(family.name): the type brings it")
            #expect(family.unit.isEmpty || family.name.hasSuffix("_\(family.unit)"))
            #expect(family.help.hasSuffix("."), "\(family.name)")
            #expect(family.name.utf8.allSatisfy { $0 == 0x5f || (0x61...0x7a).contains($0) })
        }
    }

    @Test func `labels come from closed lists or the configuration`() {
        let known: Set = [
            "pool", "endpoint", "state", "result", "version", "worker", "log", "class", "reason",
            "limit", "direction", "rcode", "transport", "type", "zone", "kind",
            "certificate", "route", "decision", "file", "credentials", "side",
            "condition", "priority", "measure", "outcome", "probe", "content",
            "policy", "branch", "migration", "phase", "target", "source", "family",
            "action", "cache", "standing", "method", "interface", "mode", "copying",
        ]
        for family in MetricFamily.all {
            for label in family.labels { #expect(known.contains(label), "\(family.name) \(label)") }
        }
    }
}
