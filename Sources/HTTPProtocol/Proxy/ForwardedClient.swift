// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Which field names the client of a request that came through proxies.
public enum ClientAddressField: UInt8, Sendable, BitwiseCopyable {
    /// `X-Forwarded-For`.
    case xForwardedFor
    /// `Forwarded` (RFC 7239).
    case forwarded
}

/// Finds the client behind a chain of proxies: the last address that is none of theirs.
///
/// Each proxy appends whom it was asked by, so the list is true from its end up to the first
/// address that is not a trusted proxy's; what stands before, the client may have written itself.
/// Feed the addresses in order; nothing is allocated, however long the list is.
public struct ForwardedClient: BitwiseCopyable, Sendable {
    /// The client by what was seen so far; nil while nothing can be believed.
    public private(set) var address: IPAddress?

    /// Nothing seen yet.
    public init() {}

    /// Takes the next element; nil for one that is no address.
    ///
    /// A word such as `unknown` hides whatever stands before it: nobody can say who wrote that.
    public mutating func add(_ element: IPAddress?, isTrusted: Bool) {
        guard let element else { return address = nil }
        if !isTrusted || address == nil { address = element }
    }
}

/// Walks over the addresses that a forwarding field lists.
public struct ForwardedReader: BitwiseCopyable, Sendable {
    private var place = 0
    private let field: ClientAddressField
    /// The value ended inside of quotes: what a client wrote there may hide what its proxy added.
    public private(set) var isBroken = false

    /// A walk over the value of one field line.
    public init(_ field: ClientAddressField) { self.field = field }

    /// The next element's address, nil in it for one that has none; nil at the end.
    public mutating func next(_ value: Span<UInt8>) -> IPAddress?? {
        while place < value.count {
            let start = place
            var isQuoted = false
            var parameter = start
            var node: ByteRange?
            // An element ends at a comma, its parameters at semicolons, outside of quotes.
            while place < value.count {
                let byte = value[place]
                if isQuoted {
                    if byte == UInt8(ascii: "\\") { place &+= 1 }
                    if byte == UInt8(ascii: "\"") { isQuoted = false }
                } else if field == .forwarded, byte == UInt8(ascii: "\"") {
                    isQuoted = true
                } else if byte == UInt8(ascii: ",") {
                    break
                } else if field == .forwarded, byte == UInt8(ascii: ";") {
                    node = node ?? ForwardedReader.node(value, from: parameter, to: place)
                    parameter = place &+ 1
                }
                place &+= 1
            }
            if isQuoted { isBroken = true }
            let end = min(place, value.count)
            place = end &+ 1
            let whole = HeadScan.trimmed(value, from: start, to: end)
            guard !whole.isEmpty else { continue }
            if field == .forwarded {
                node = node ?? ForwardedReader.node(value, from: parameter, to: end)
                guard !isQuoted, let node else { return .some(nil) }
                return .some(ForwardedReader.address(value.slice(node)))
            }
            return .some(ForwardedReader.address(value.slice(whole)))
        }
        return nil
    }

    /// The value of a parameter called `for`, without the quotes around it.
    private static func node(_ value: Span<UInt8>, from start: Int, to end: Int) -> ByteRange? {
        let range = HeadScan.trimmed(value, from: start, to: end)
        let text = value.slice(range)
        guard text.count > 4, ASCII.lowercased(text[0]) == UInt8(ascii: "f"),
            ASCII.lowercased(text[1]) == UInt8(ascii: "o"),
            ASCII.lowercased(text[2]) == UInt8(ascii: "r"), text[3] == UInt8(ascii: "=")
        else { return nil }
        var (first, last) = (Int(range.start) &+ 4, range.end)
        if value[first] == UInt8(ascii: "\""), last &- first >= 2,
            value[last &- 1] == UInt8(ascii: "\"")
        {
            (first, last) = (first &+ 1, last &- 1)
        }
        return ByteRange(from: first, to: last)
    }

    /// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
    static func address(_ text: Span<UInt8>) -> IPAddress? {
        guard !text.isEmpty else { return nil }
        if text[0] == UInt8(ascii: "[") {
            var end = 1
            while end < text.count, text[end] != UInt8(ascii: "]") { end &+= 1 }
            guard end < text.count, isPort(text, from: end &+ 1),
                let address = IPAddress(text.extracting(1..<end)), !address.isIPv4
            else { return nil }
            return address.unmapped
        }
        if let address = IPAddress(text) { return address.unmapped }
        var colon = 0
        while colon < text.count, text[colon] != UInt8(ascii: ":") { colon &+= 1 }
        guard colon < text.count, isPort(text, from: colon),
            let address = IPAddress(text.extracting(0..<colon)), address.isIPv4
        else { return nil }
        return address
    }

    /// Nothing, or a colon and up to five digits.
    private static func isPort(_ text: Span<UInt8>, from start: Int) -> Bool {
        guard start < text.count else { return true }
        guard text[start] == UInt8(ascii: ":"), (2...6).contains(text.count &- start) else {
            return false
        }
        for index in (start &+ 1)..<text.count where text[index] < 0x30 || text[index] > 0x39 {
            return false
        }
        return true
    }
}
