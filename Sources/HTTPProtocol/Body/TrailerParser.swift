// SPDX-License-Identifier: Apache-2.0

/// Reads the trailer section behind the last chunk (RFC 9112 §7.1.2), final CRLF included.
public struct TrailerParser: BitwiseCopyable, Sendable {
    /// The limits it holds; the target limit is not used.
    public let limits: HeadLimits
    private var progress = HeadProgress()

    /// A parser for one trailer section; 8 KiB and 32 fields by default.
    public init(limits: HeadLimits = HeadLimits(headBytes: 8_192, fields: 32)) {
        self.limits = limits
    }

    /// Looks at the bytes that have arrived so far, as ``RequestParser/parse(_:fields:head:)``.
    ///
    /// Fields that must not come as trailers are marked ``FieldSlice/isForbidden``: drop them.
    /// `bytes` starts right after the last chunk's line; `length` receives the number of bytes
    /// used, final CRLF included.
    public mutating func parse(
        _ bytes: Span<UInt8>,
        fields: inout FieldTable,
        length: inout Int
    ) -> HeadResult {
        let view = bytes.extracting(first: Swift.min(bytes.count, Int(limits.headBytes)))
        let isFresh = progress.isFresh
        if !isFresh, progress.hasNoLineEnd(view) { return incomplete(view) }
        var facts = HeadFacts(progress, .trailer, limits)
        var slots = fields.cleared()
        var result = facts.readFields(view, into: &slots)
        if !isFresh, case .end = result {
            facts = HeadFacts(HeadProgress(), .trailer, limits)
            result = facts.readFields(view, into: &slots)
        }
        switch result {
        case .needMore:
            progress = facts.progress
            return incomplete(view)
        case .end:
            progress = HeadProgress()
            fields.count = Int(facts.progress.fieldCount)
            length = facts.position
            return .complete
        case .refused(let refusal):
            progress = HeadProgress()
            return .refused(refusal)
        }
    }

    /// Gets ready for the next body.
    public mutating func reset() { progress = HeadProgress() }

    private mutating func incomplete(_ view: Span<UInt8>) -> HeadResult {
        guard view.count >= Int(limits.headBytes) else { return .needMore }
        progress = HeadProgress()
        return .refused(.trailerLength)
    }
}
