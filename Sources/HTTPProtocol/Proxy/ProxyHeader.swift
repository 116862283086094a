// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The version of a PROXY header.
public enum ProxyVersion: UInt8, Sendable, BitwiseCopyable {
    /// A line of text.
    case v1 = 1
    /// Binary.
    case v2 = 2
}

/// What a proxy says in front of a connection about whom it carries.
///
/// `doc/proxy-protocol.txt` of HAProxy, versions 1 and 2. The header stands before everything else,
/// TLS included, and everything behind it belongs to the client.
public struct ProxyHeader: Equatable, Sendable, BitwiseCopyable {
    /// Bytes of the whole header.
    public var length: Int
    /// Who connected to the proxy; nil when the proxy speaks for itself or does not say.
    public var source: SocketAddress?
    /// Where the client connected to; nil with ``source``.
    public var destination: SocketAddress?
    /// The proxy itself is the client (LOCAL of version 2), as for its health checks.
    public var isLocal = false

    /// The longest header that is read: addresses, and what proxies are known to add to them.
    ///
    /// The format allows 64 KiB; receivers need not take more than 536 octets (§2.2). The longest
    /// additions seen are facts of a client's certificate.
    public static let limit = 4096
    /// The longest line of version 1, with its end (§2.1).
    static let lineLimit = 107
    /// What version 2 begins with: no text and no TLS record can.
    static let signature: InlineArray<12, UInt8> = [
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    ]
    /// What version 1 begins with: `PROXY `.
    static let word: InlineArray<6, UInt8> = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20]
    private static let unknown: InlineArray<7, UInt8> = [
        0x55, 0x4e, 0x4b, 0x4e, 0x4f, 0x57, 0x4e,
    ]
    private static let tcp4: InlineArray<4, UInt8> = [0x54, 0x43, 0x50, 0x34]
    private static let tcp6: InlineArray<4, UInt8> = [0x54, 0x43, 0x50, 0x36]
}

/// What the first bytes of a connection are.
public enum ProxyHeaderResult: Equatable, Sendable, BitwiseCopyable {
    /// Nothing against a header so far, and no end of one.
    case needMore
    /// Something else than a header.
    case absent
    /// A whole header.
    case complete(ProxyHeader)
    /// The beginning of a header, and then something that breaks its rules.
    case malformed
}

extension ProxyHeader {
    /// Reads the header that a connection begins with, from all bytes that have come.
    public static func read(_ bytes: Span<UInt8>) -> ProxyHeaderResult {
        guard !bytes.isEmpty else { return .needMore }
        let (signature, word) = (signature, word)
        if bytes[0] == signature[0] {
            guard begins(bytes, signature.span) else { return .absent }
            return bytes.count < signature.count ? .needMore : readBinary(bytes)
        }
        guard begins(bytes, word.span) else { return .absent }
        return bytes.count < word.count ? .needMore : readLine(bytes)
    }

    /// True when the bytes are the beginning of the mark, or the mark the beginning of the bytes.
    private static func begins(_ bytes: Span<UInt8>, _ mark: Span<UInt8>) -> Bool {
        let count = min(bytes.count, mark.count)
        for index in 0..<count where bytes[index] != mark[index] { return false }
        return true
    }

    // MARK: Version 1

    /// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` and its end, with single blanks (§2.1).
    private static func readLine(_ bytes: Span<UInt8>) -> ProxyHeaderResult {
        let limit = min(bytes.count, lineLimit)
        var end = word.count
        while end < limit, bytes[end] != 0x0d {
            // An end without its CR, or a text that ends before it does.
            guard bytes[end] != 0x0a, bytes[end] != 0 else { return .malformed }
            end &+= 1
        }
        // The LF must lie inside the limit too.
        guard end &+ 1 < limit else { return limit == lineLimit ? .malformed : .needMore }
        guard bytes[end &+ 1] == 0x0a else { return .malformed }
        let length = end &+ 2
        var reader = ProxyLineReader(place: word.count, end: end)
        let family = bytes.slice(reader.next(bytes))
        // Whatever else the line says is to be ignored.
        let (unknown, tcp4, tcp6) = (unknown, tcp4, tcp6)
        if equals(family, unknown.span) { return .complete(ProxyHeader(length: length)) }
        let isIPv4 = equals(family, tcp4.span)
        guard isIPv4 || equals(family, tcp6.span),
            let source = IPAddress(bytes.slice(reader.next(bytes))),
            let destination = IPAddress(bytes.slice(reader.next(bytes))),
            source.isIPv4 == isIPv4, destination.isIPv4 == isIPv4,
            let sourcePort = port(bytes.slice(reader.next(bytes))),
            let destinationPort = port(bytes.slice(reader.next(bytes))),
            reader.isDone
        else { return .malformed }
        return .complete(
            ProxyHeader(
                length: length,
                source: SocketAddress(source.unmapped, port: sourcePort),
                destination: SocketAddress(destination.unmapped, port: destinationPort)
            )
        )
    }

    private static func equals(_ bytes: Span<UInt8>, _ word: Span<UInt8>) -> Bool {
        bytes.count == word.count && begins(bytes, word)
    }

    /// A decimal number without leading zeros.
    private static func port(_ text: Span<UInt8>) -> UInt16? {
        guard (1...5).contains(text.count), text.count == 1 || text[0] != 0x30 else { return nil }
        var value: UInt32 = 0
        for index in text.indices {
            guard text[index] >= 0x30, text[index] <= 0x39 else { return nil }
            value = value &* 10 &+ UInt32(text[index] &- 0x30)
        }
        return UInt16(exactly: value)
    }
}

/// Cuts a line at single blanks.
struct ProxyLineReader: BitwiseCopyable {
    var place: Int
    let end: Int
    /// True when the last word ended where the line does.
    private(set) var isDone = false

    init(place: Int, end: Int) {
        self.place = place
        self.end = end
    }

    /// The next word; empty where a blank follows a blank, or nothing is left.
    mutating func next(_ bytes: Span<UInt8>) -> ByteRange {
        let start = place
        while place < end, bytes[place] != 0x20 { place &+= 1 }
        let word = ByteRange(from: min(start, end), to: min(place, end))
        isDone = place >= end
        place &+= 1
        return word
    }
}
