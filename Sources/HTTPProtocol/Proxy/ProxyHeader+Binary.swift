// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Version 2 (§2.2).
///
///     0      12      13       14       16
///     | mark | 2 cmd | family | length | addresses | TLV TLV ... |
///                                      |<-------- length ------->|
extension ProxyHeader {
    /// Mark, command, family and length.
    static let prefixSize = 16

    static func readBinary(_ bytes: Span<UInt8>) -> ProxyHeaderResult {
        guard bytes.count >= prefixSize else {
            // Said as soon as it is known: a wrong version never gets better.
            let isKnown = bytes.count < 13 || bytes[12] >> 4 == 2
            return isKnown ? .needMore : .malformed
        }
        let command = bytes[12]
        guard command == 0x20 || command == 0x21 else { return .malformed }
        let length = prefixSize &+ (Int(bytes[14]) << 8 | Int(bytes[15]))
        guard length <= limit else { return .malformed }
        guard bytes.count >= length else { return .needMore }
        let header = bytes.extracting(0..<length)
        // LOCAL: the proxy itself is the client, and the rest is to be passed over.
        guard command == 0x21 else {
            return .complete(ProxyHeader(length: length, isLocal: true))
        }
        guard let size = addressSize(header[13]), length >= prefixSize &+ size,
            hasWholeParts(header, from: prefixSize &+ size)
        else { return .malformed }
        var result = ProxyHeader(length: length)
        switch header[13] {
        case 0x11:
            result.source = address(v4: header, at: 16, port: 24)
            result.destination = address(v4: header, at: 20, port: 26)
        case 0x21:
            result.source = address(v6: header, at: 16, port: 48)
            result.destination = address(v6: header, at: 32, port: 50)
        default: break
        }
        return .complete(result)
    }

    /// Bytes of the two addresses; nil for what cannot be carried by TCP.
    private static func addressSize(_ family: UInt8) -> Int? {
        switch family {
        case 0x00: 0
        case 0x11: 12
        case 0x21: 36
        case 0x31: 216  // a Unix socket: whose it is, nobody can say
        default: nil
        }
    }

    /// True when the parts behind the addresses end where the header does, and a checksum is right.
    private static func hasWholeParts(_ header: Span<UInt8>, from start: Int) -> Bool {
        var place = start
        while place < header.count {
            guard place &+ 3 <= header.count else { return false }
            let size = Int(header[place &+ 1]) << 8 | Int(header[place &+ 2])
            guard place &+ 3 &+ size <= header.count else { return false }
            if header[place] == 0x03 {
                guard size == 4, checksum(header, without: place &+ 3) == word32(header, place &+ 3)
                else { return false }
            }
            place &+= 3 &+ size
        }
        return true
    }

    /// CRC-32C of the header with zeros in place of the checksum (§2.2.3).
    static func checksum(_ header: Span<UInt8>, without hole: Int) -> UInt32 {
        var value = UInt32.max
        for index in header.indices {
            let isHole = index >= hole && index < hole &+ 4
            value ^= isHole ? 0 : UInt32(header[index])
            for _ in 0..<8 { value = value >> 1 ^ (value & 1 == 1 ? 0x82f6_3b78 : 0) }
        }
        return ~value
    }

    private static func word32(_ bytes: Span<UInt8>, _ place: Int) -> UInt32 {
        guard place &+ 4 <= bytes.count else { return 0 }
        var value: UInt32 = 0
        for index in place..<place &+ 4 { value = value << 8 | UInt32(bytes[index]) }
        return value
    }

    private static func word16(_ bytes: Span<UInt8>, _ place: Int) -> UInt16 {
        guard place &+ 2 <= bytes.count else { return 0 }
        return UInt16(bytes[place]) << 8 | UInt16(bytes[place &+ 1])
    }

    private static func address(v4 bytes: Span<UInt8>, at place: Int, port: Int) -> SocketAddress {
        SocketAddress(IPAddress(v4: word32(bytes, place)), port: word16(bytes, port))
    }

    private static func address(v6 bytes: Span<UInt8>, at place: Int, port: Int) -> SocketAddress {
        var bits: UInt128 = 0
        for part in 0..<4 { bits = bits << 32 | UInt128(word32(bytes, place &+ part &* 4)) }
        return SocketAddress(IPAddress(v6: bits).unmapped, port: word16(bytes, port))
    }
}
