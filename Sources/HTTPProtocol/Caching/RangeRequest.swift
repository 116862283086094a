// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Octets of a representation, from the first to the last, both included.
public struct OctetRange: BitwiseCopyable, Sendable, Equatable {
    /// Position of the first octet.
    public var first: Int64
    /// Position of the last octet.
    public var last: Int64

    /// The octets between two positions, both included.
    @inlinable public init(_ first: Int64, _ last: Int64) {
        self.first = first
        self.last = last
    }

    /// How many octets these are.
    @inlinable public var count: Int64 { last &- first &+ 1 }
}

/// What `Range` asks for (RFC 9110 §14.2), before the length of the content is known.
public struct RangeRequest: BitwiseCopyable, Sendable {
    /// The most ranges of one request; with more of them the field is passed over, as §14.2 lets a
    /// server do with what looks like an attack.
    public static let limit = 8

    private struct Spec: BitwiseCopyable {
        /// -1 for a suffix.
        var first: Int64
        /// -1 for an open end; of a suffix its length.
        var last: Int64
    }

    private var specs = InlineArray<8, Spec>(repeating: Spec(first: 0, last: -1))
    /// How many ranges are asked for.
    public private(set) var count = 0

    /// Reads the value of `Range`; nil when it must be passed over: another unit, a broken form, or
    /// too many ranges.
    public init?(_ value: Span<UInt8>) {
        guard value.count > 6, RangeRequest.isBytes(value) else { return nil }
        var reader = ListReader(ByteRange(from: 6, to: value.count))
        while let element = reader.next(value) {
            guard count < RangeRequest.limit, let spec = RangeRequest.spec(value.slice(element))
            else {
                return nil
            }
            specs[count] = spec
            count &+= 1
        }
        guard count > 0 else { return nil }
    }

    /// `bytes=`; the name of a unit has no case (§14.1).
    private static func isBytes(_ value: Span<UInt8>) -> Bool {
        HeadScan.shortWord(value, 0, 5) == 0x73_6574_7962 /* bytes */
            && value[5] == UInt8(ascii: "=")
    }

    private static func spec(_ text: Span<UInt8>) -> Spec? {
        var dash = 0
        while dash < text.count, text[dash] != UInt8(ascii: "-") { dash &+= 1 }
        guard dash < text.count else { return nil }
        let behind = text.extracting((dash &+ 1)..<text.count)
        if dash == 0 {
            guard let length = position(behind) else { return nil }
            return Spec(first: -1, last: length)
        }
        guard let first = position(text.extracting(0..<dash)) else { return nil }
        if behind.isEmpty { return Spec(first: first, last: -1) }
        guard let last = position(behind), last >= first else { return nil }
        return Spec(first: first, last: last)
    }

    /// Digits; more than 63 bits hold is behind every end.
    static func position(_ text: Span<UInt8>) -> Int64? {
        guard !text.isEmpty else { return nil }
        var value: Int64 = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { return nil }
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, spills) = product.addingReportingOverflow(Int64(text[index] &- 0x30))
            value = value == .max || overflows || spills ? .max : sum
        }
        return value
    }

    /// The ranges of content of `length` octets that there are, in the order of the request; ranges
    /// that overlap or touch are one (§15.3.7.2).
    ///
    /// None at all means 416. A suffix of no octets, and what begins behind the end, are left out.
    public func resolved(length: Int64) -> ResolvedRanges {
        var result = ResolvedRanges()
        for index in 0..<count {
            let spec = specs[index]
            let range: OctetRange
            if spec.first < 0 {
                guard spec.last > 0 else { continue }
                range = OctetRange(max(length &- spec.last, 0), length &- 1)
            } else {
                let last = spec.last < 0 ? length &- 1 : min(spec.last, length &- 1)
                range = OctetRange(spec.first, last)
            }
            if length > 0, range.first < length, range.first <= range.last { result.add(range) }
        }
        return result
    }
}

/// Ranges of content whose length is known.
public struct ResolvedRanges: BitwiseCopyable, Sendable {
    private var ranges = InlineArray<8, OctetRange>(repeating: OctetRange(0, -1))
    /// How many there are.
    public private(set) var count = 0

    init() {}

    /// The range at a position; one of no octets past the end.
    public subscript(index: Int) -> OctetRange {
        index >= 0 && index < count ? ranges[index] : OctetRange(0, -1)
    }

    mutating func add(_ range: OctetRange) {
        var range = range
        var kept = 0
        // All, not the last alone: many overlapping ranges would have one octet sent many times. The
        // sum stands where the latest of its parts was asked for.
        for index in 0..<count {
            let other = ranges[index]
            if range.first <= other.last &+ 1, other.first <= range.last &+ 1 {
                range = OctetRange(min(range.first, other.first), max(range.last, other.last))
            } else {
                ranges[kept] = other
                kept &+= 1
            }
        }
        guard kept < RangeRequest.limit else { return }
        ranges[kept] = range
        count = kept &+ 1
    }
}

/// What `Content-Range` says (RFC 9110 §14.4).
public struct ContentRange: BitwiseCopyable, Sendable, Equatable {
    /// The octets that follow; nil in an answer with 416.
    public var range: OctetRange?
    /// The length of the whole; nil where it is not known.
    public var length: Int64?

    /// Reads the value; nil for another unit and for what cannot be, such as an end before the start
    /// or behind the whole.
    public init?(_ value: Span<UInt8>) {
        guard value.count > 6, HeadScan.shortWord(value, 0, 5) == 0x73_6574_7962 /* bytes */,
            value[5] == 0x20
        else { return nil }
        var slash = 6
        while slash < value.count, value[slash] != UInt8(ascii: "/") { slash &+= 1 }
        guard slash < value.count else { return nil }
        let whole = value.extracting((slash &+ 1)..<value.count)
        if !(whole.count == 1 && whole[0] == UInt8(ascii: "*")) {
            guard let count = RangeRequest.position(whole) else { return nil }
            length = count
        }
        let part = value.extracting(6..<slash)
        if part.count == 1, part[0] == UInt8(ascii: "*") {
            guard length != nil else { return nil }
            return
        }
        var dash = 0
        while dash < part.count, part[dash] != UInt8(ascii: "-") { dash &+= 1 }
        guard dash < part.count, let first = RangeRequest.position(part.extracting(0..<dash)),
            let last = RangeRequest.position(part.extracting((dash &+ 1)..<part.count)),
            first <= last, last < length ?? .max
        else { return nil }
        range = OctetRange(first, last)
    }
}
