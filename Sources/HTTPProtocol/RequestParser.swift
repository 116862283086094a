// SPDX-License-Identifier: Apache-2.0

/// Reads request heads (RFC 9112 §3 and §5), strictly.
public struct RequestParser: BitwiseCopyable, Sendable {
    /// The limits it holds.
    public let limits: HeadLimits

    /// A parser for one head at a time.
    public init(limits: HeadLimits) { self.limits = limits }

    /// Looks at the bytes that have arrived so far.
    ///
    /// Until it answers something else than ``HeadResult/needMore``, call it again with the same
    /// bytes followed by more. It remembers how far it looked, so that a head that comes byte by
    /// byte costs no more than a multiple of its length. `fields` and `head` mean something only
    /// after ``HeadResult/complete``, so one table can serve all connections of a worker.
    public mutating func parse(
        _ bytes: Span<UInt8>,
        fields: inout FieldTable,
        head: inout RequestHead
    ) -> HeadResult {
        .needMore
    }

    /// Gets ready for the next head.
    ///
    /// Called by itself after ``HeadResult/complete`` and refusals.
    public mutating func reset() {}
}
