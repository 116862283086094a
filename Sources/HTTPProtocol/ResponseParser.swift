// SPDX-License-Identifier: Apache-2.0

/// Reads response heads (RFC 9112 §4 and §5), as strictly as requests.
public struct ResponseParser: BitwiseCopyable, Sendable {
    /// The limits it holds.
    public let limits: HeadLimits

    /// A parser for one head at a time.
    public init(limits: HeadLimits) { self.limits = limits }

    /// Looks at the bytes that have arrived so far, as ``RequestParser/parse(_:fields:head:)``.
    ///
    /// `requestMethod` is the method that is answered: HEAD has no body (RFC 9112 §6.3).
    public mutating func parse(
        _ bytes: Span<UInt8>,
        requestMethod: Method,
        fields: inout FieldTable,
        head: inout ResponseHead
    ) -> HeadResult {
        .needMore
    }

    /// Gets ready for the next head.
    ///
    /// Called by itself after ``HeadResult/complete`` and refusals.
    public mutating func reset() {}
}
