// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Where a request stands in a distributed trace (W3C Trace Context, level 1).
public struct TraceContext: BitwiseCopyable, Sendable, Equatable {
    /// The trace that the request belongs to; never zero.
    public var traceID: UInt128
    /// Our own span: what the client's span is the parent of; never zero.
    public var spanID: UInt64
    /// The client's span; zero when the trace begins here.
    public var parentID: UInt64
    /// Whether the trace is recorded, and whether its name was drawn at random.
    public var flags: UInt8
    /// True when the client had begun the trace: then its `tracestate` goes on too.
    public var isContinued: Bool

    /// Bytes of `traceparent` of version 00.
    static let length = 55
    /// `sampled`, and `random` of level 2; others must not be passed on (§3.2.2.5).
    static let knownFlags: UInt8 = 0x03

    /// A place from its parts.
    public init(traceID: UInt128, spanID: UInt64, parentID: UInt64, flags: UInt8) {
        self.traceID = traceID
        self.spanID = spanID
        self.parentID = parentID
        self.flags = flags
        isContinued = parentID != 0
    }

    /// A new trace; one that is not sampled leaves no spans with those who follow us.
    public init(random: inout SeededRandom, isSampled: Bool = true) {
        traceID = UInt128(random.next() | 1) << 64 | UInt128(random.next())
        spanID = random.next() | 1
        parentID = 0
        flags = isSampled ? 0x01 : 0
        isContinued = false
    }

    /// True when spans of the trace are recorded (§3.2.2.5).
    public var isSampled: Bool { flags & 0x01 != 0 }

    /// The span of an attempt to have the request answered, counted from 1; never zero.
    ///
    /// It follows from our own span, so that nobody has to keep it.
    public func spanID(attempt number: Int) -> UInt64 {
        let step = UInt64(truncatingIfNeeded: number) &* 0x9e37_79b9_7f4a_7c15
        return max(Hash.mix(spanID &+ step), 1)
    }

    /// What `traceparent` says, with a span of ours to come; nil for anything that is none (§3.2.2).
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
        spanID = random.next() | 1
        parentID = parent
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

    /// Appends the line `traceparent` that makes our own span the parent of what follows.
    @discardableResult @_lifetime(self: copy self)
    public mutating func writeTraceparent(_ context: TraceContext) -> Bool {
        let before = count
        let isWhole =
            write("traceparent: 00-" as StaticString) && write(traceID: context.traceID)
            && write("-" as StaticString) && write(hexadecimal: context.spanID, width: 16)
            && write("-" as StaticString)
            && write(hexadecimal: UInt64(context.flags), width: 2)
            && write("\r\n" as StaticString)
        if !isWhole { removeLast(count &- before) }
        return isWhole
    }
}
