// SPDX-License-Identifier: Apache-2.0

/// How a metric behaves.
public enum MetricType: String, Sendable {
    /// Only grows, until the process starts again.
    case counter
    /// Goes up and down.
    case gauge
    /// Counts per size, with their sum.
    case histogram
    /// Always 1: what matters are the labels.
    case info
}

/// The value of one sample.
public enum MetricValue: Sendable, Equatable {
    /// A whole number.
    case integer(UInt64)
    /// Any number.
    case number(Double)
    /// Counts up to each bound, not yet summed up, the last one for everything above.
    case histogram(bounds: [Double], counts: [UInt64], sum: Double)

    /// 1 for true, 0 for false.
    public static func truth(_ value: Bool) -> MetricValue { .integer(value ? 1 : 0) }
}

/// One value of a family with the labels that tell it from the others.
public struct MetricSample: Sendable, Equatable {
    /// Values of the family's labels, in the family's order.
    public var labels: [String]
    /// The value.
    public var value: MetricValue

    /// Joins labels and a value.
    public init(_ labels: [String], _ value: MetricValue) {
        self.labels = labels
        self.value = value
    }

    /// The one value of a family without labels.
    public init(_ value: MetricValue) { self.init([], value) }
}

/// One row of the table of metrics: from it follow the text formats and the reference page.
///
/// Label values come from the configuration or from closed lists, never from clients, so the
/// number of series is bounded by the configuration.
public struct MetricFamily: Sendable {
    /// The name without the suffix that its type brings (`_total`, `_bucket`, `_info`).
    public let name: String
    /// How it behaves.
    public let type: MetricType
    /// What it counts, as OpenMetrics spells it; empty for plain numbers.
    public let unit: String
    /// One sentence.
    public let help: String
    /// The names of the labels.
    public let labels: [String]
    /// The values at this moment.
    let collect: @Sendable (MetricSource) -> [MetricSample]

    init(
        _ name: String,
        _ type: MetricType,
        unit: String = "",
        labels: [String] = [],
        _ help: String,
        _ collect: @escaping @Sendable (MetricSource) -> [MetricSample]
    ) {
        self.name = name
        self.type = type
        self.unit = unit
        self.labels = labels
        self.help = help
        self.collect = collect
    }

    /// The name of the samples of a counter, gauge or info.
    public var sampleName: String {
        switch type {
        case .counter: "\(name)_total"
        case .info: "\(name)_info"
        case .gauge, .histogram: name
        }
    }
}
