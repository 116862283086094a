// SPDX-License-Identifier: Apache-2.0

/// What the export of spans does.
public struct TracingView: Sendable {
    /// The URL of the collector.
    public var endpoint: String
    /// Percent of the traces begun here that are sampled.
    public var share: Int
    /// Spans that the collector has taken since the process started.
    public var exported: UInt64
    /// Spans that were given up, by reason.
    public var dropped: [(reason: String, count: UInt64)]
    /// Requests to the collector that failed.
    public var failedSends: UInt64
    /// Spans that wait.
    public var waiting: Int
    /// When the collector last took spans, in nanoseconds since 1970; 0 for never.
    public var lastSuccess: Int64
    /// Why it takes none; nil while it does.
    public var problem: String?
}
