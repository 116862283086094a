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
        switch sample.value {
        case .integer(let value): write(family.sampleName, family, sample, String(value))
        case .number(let value): write(family.sampleName, family, sample, text(value))
        case .histogram(let bounds, let counts, let sum):
            var total: UInt64 = 0
            let name = "\(family.name)_bucket"
            for (index, count) in counts.enumerated() {
                total &+= count
                // OpenMetrics wants the canonical form, `1.0` for one; both formats read it.
                let bound = index < bounds.count ? "\(bounds[index])" : "+Inf"
                write(name, family, sample, String(total), bound: bound)
            }
            write("\(family.name)_sum", family, sample, text(sum))
            write("\(family.name)_count", family, sample, String(total))
        }
    }

    /// One line, appended piece by piece: a scrape may have some 100,000 of them.
    private mutating func write(
        _ name: String,
        _ family: MetricFamily,
        _ sample: MetricSample,
        _ value: String,
        bound: String? = nil
    ) {
        bytes += name.utf8
        var separator = UInt8(ascii: "{")
        for (label, value) in zip(family.labels, sample.labels) {
            write(label, value, &separator)
        }
        if let bound { write("le", bound, &separator) }
        if separator == UInt8(ascii: ",") { bytes.append(UInt8(ascii: "}")) }
        bytes.append(0x20)
        bytes += value.utf8
        bytes.append(0x0a)
    }

    private mutating func write(_ label: String, _ value: String, _ separator: inout UInt8) {
        bytes.append(separator)
        separator = UInt8(ascii: ",")
        bytes += label.utf8
        bytes += [UInt8(ascii: "="), UInt8(ascii: "\"")]
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0a: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
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
