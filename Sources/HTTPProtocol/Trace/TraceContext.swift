// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Where a request stands in a distributed trace (W3C Trace Context, level 1).
public struct TraceContext: BitwiseCopyable, Sendable, Equatable {
    /// The trace that the request belongs to; never zero.
    public var traceID: UInt128
    /// The parent of what an endpoint does for the request; never zero.
    public var parentID: UInt64
    /// Whether the trace is recorded, and whether its name was drawn at random.
    public var flags: UInt8
    /// True when the client had begun the trace: then its `tracestate` goes on too.
    public var isContinued: Bool

    /// Bytes of `traceparent` of version 00.
    static let length = 55
    /// `sampled`, and `random` of level 2; others must not be passed on (§3.2.2.5).
    static let knownFlags: UInt8 = 0x03

    /// A new trace, which is recorded: whoever records less decides that behind us.
    public init(random: inout SeededRandom) {
        traceID = UInt128(random.next() | 1) << 64 | UInt128(random.next())
        parentID = random.next() | 1
        flags = 0x01
        isContinued = false
    }

    /// What `traceparent` says, with a parent of ours in place of the client's; nil for anything
    /// that is none (§3.2.2).
    ///
    /// Fields of later versions are read as the version that is known, as far as they have it.
    public init?(continuing text: Span<UInt8>, random: inout SeededRandom) {
        guard text.count >= TraceContext.length, text[2] == 0x2d, text[35] == 0x2d,
            text[52] == 0x2d, let version = TraceContext.number(text, 0, 2), version != 0xff,
            version > 0 || text.count == TraceContext.length,
            text.count == TraceContext.length || text[TraceContext.length] == 0x2d,
            let high = TraceContext.number(text, 3, 16),
            let low = TraceContext.number(text, 19, 16), high | low != 0,
            let parent = TraceContext.number(text, 36, 16), parent != 0,
            let flags = TraceContext.number(text, 53, 2)
        else { return nil }
        traceID = UInt128(high) << 64 | UInt128(low)
        parentID = random.next() | 1
        self.flags = UInt8(truncatingIfNeeded: flags) & TraceContext.knownFlags
        isContinued = true
    }

    /// Lowercase hexadecimal digits; capitals are not allowed.
    private static func number(_ text: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in start..<start &+ count {
            guard index < text.count, let digit = ASCII.hexDigit(text[index]),
                text[index] < 0x41 || text[index] > 0x46
            else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }
}

extension OutputSpan where Element == UInt8 {
    /// Appends the 32 digits of a trace's name.
    @discardableResult @_lifetime(self: copy self)
    public mutating func write(traceID: UInt128) -> Bool {
        guard freeCapacity >= 32 else { return false }
        write(hexadecimal: UInt64(truncatingIfNeeded: traceID >> 64), width: 16)
        return write(hexadecimal: UInt64(truncatingIfNeeded: traceID), width: 16)
    }

    /// Appends the line `traceparent`.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeTraceparent(_ context: TraceContext) -> Bool {
        let before = count
        let isWhole =
            write("traceparent: 00-" as StaticString) && write(traceID: context.traceID)
            && write("-" as StaticString) && write(hexadecimal: context.parentID, width: 16)
            && write("-" as StaticString)
            && write(hexadecimal: UInt64(context.flags), width: 2)
            && write("\r\n" as StaticString)
        if !isWhole { removeLast(count &- before) }
        return isWhole
    }
}
