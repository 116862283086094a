// SPDX-License-Identifier: Apache-2.0

/// Writes metrics in the text format 0.0.4 of Prometheus or in OpenMetrics 1.0.
///
/// The two differ in the name of a counter's family, in the type of an info, in the unit line,
/// in the form of histogram bounds and in the final line.
public struct MetricText {
    /// What has been written.
    public private(set) var bytes: [UInt8] = []
    private let isOpenMetrics: Bool

    /// A writer for one answer.
    public init(isOpenMetrics: Bool) { self.isOpenMetrics = isOpenMetrics }

    /// The media type of the format.
    public static func contentType(isOpenMetrics: Bool) -> String {
        isOpenMetrics
            ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
            : "text/plain; version=0.0.4; charset=utf-8"
    }

    /// True when an `Accept` field prefers OpenMetrics (RFC 9110 §12.5.1).
    public static func isOpenMetrics(_ accept: String?) -> Bool {
        guard let accept else { return false }
        var open = 0.0
        var plain = 0.0
        for range in accept.lowercased().split(separator: ",") {
            let parts = range.split(separator: ";").map { part in
                String(part.drop(while: \.isWhitespace).prefix { !$0.isWhitespace })
            }
            let quality = parts.first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            switch parts.first {
            case "application/openmetrics-text": open = max(open, quality ?? 1)
            case "text/plain", "text/*", "*/*": plain = max(plain, quality ?? 1)
            default: break
            }
        }
        return open > 0 && open >= plain
    }

    /// Writes one family; one without samples leaves no trace.
    public mutating func write(_ family: MetricFamily, _ samples: [MetricSample]) {
        guard !samples.isEmpty else { return }
        let name = isOpenMetrics ? family.name : family.sampleName
        let type = family.type == .info && !isOpenMetrics ? "gauge" : family.type.rawValue
        line("# HELP \(name) \(escape(family.help, quotes: isOpenMetrics))")
        line("# TYPE \(name) \(type)")
        if isOpenMetrics, !family.unit.isEmpty { line("# UNIT \(name) \(family.unit)") }
        for sample in samples { write(family, sample) }
    }

    /// Ends the answer.
    public mutating func end() {
        if isOpenMetrics { line("# EOF") }
    }

    private mutating func write(_ family: MetricFamily, _ sample: MetricSample) {
        let pairs = zip(family.labels, sample.labels).map { ($0, $1) }
        switch sample.value {
        case .integer(let value): write(family.sampleName, pairs, String(value))
        case .number(let value): write(family.sampleName, pairs, text(value))
        case .histogram(let bounds, let counts, let sum):
            var total: UInt64 = 0
            for (index, count) in counts.enumerated() {
                total &+= count
                let bound = index < bounds.count ? boundText(bounds[index]) : "+Inf"
                write("\(family.name)_bucket", pairs + [("le", bound)], String(total))
            }
            write("\(family.name)_sum", pairs, text(sum))
            write("\(family.name)_count", pairs, String(total))
        }
    }

    private mutating func write(_ name: String, _ labels: [(String, String)], _ value: String) {
        var text = name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.0)=\"\(escape($0.1, quotes: true))\"" }
            text += "{\(pairs.joined(separator: ","))}"
        }
        line("\(text) \(value)")
    }

    private mutating func line(_ text: String) {
        bytes += text.utf8
        bytes.append(0x0a)
    }

    private func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }

    /// OpenMetrics wants the canonical form, `1.0` for one; both formats read it.
    private func boundText(_ value: Double) -> String { "\(value)" }

    private func escape(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
