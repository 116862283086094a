// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Why a frame is dropped instead of being answered.
public enum FrameFault: Int, CaseIterable, Sendable, Error {
    /// Lengths that do not fit each other, or something that is not a UDP datagram in one piece.
    case malformed
    /// A checksum of IPv4 or UDP that is wrong, or missing over IPv6 (RFC 8200 §8.1).
    case checksum
    /// An address or port that nobody else can be answered at.
    case source
}

/// A UDP datagram in an Ethernet frame: where its parts are, and where it came from.
///
/// ```text
/// 0        6        12     14                34 or 54      42 or 62
/// | to     | from   | type | IPv4 or IPv6    | UDP         | data ...
/// ```
public struct Frame: BitwiseCopyable, Sendable {
    /// Octets of Ethernet (IEEE 802.3), IPv4 without options (RFC 791), IPv6 without extension
    /// headers (RFC 8200), UDP (RFC 768).
    static let ethernet = 14
    static let headerIPv4 = 20
    static let headerIPv6 = 40
    static let headerUDP = 8
    /// The longest head of a frame that is taken or made.
    static let headLimit = ethernet + headerIPv6 + headerUDP

    /// True for IPv4.
    public let isIPv4: Bool
    /// Octets of data.
    public let dataCount: Int
    /// Who sent it.
    public let source: SocketAddress
    /// Whom it is for.
    public let destination: SocketAddress

    /// Octets before the data.
    public var headCount: Int { Frame.headCount(isIPv4: isIPv4) }

    static func headCount(isIPv4: Bool) -> Int {
        ethernet &+ (isIPv4 ? headerIPv4 : headerIPv6) &+ headerUDP
    }

    /// Reads a frame; every octet of it is from a peer.
    public static func read(_ bytes: Span<UInt8>) -> Result<Frame, FrameFault> {
        guard bytes.count >= headCount(isIPv4: true) else { return .failure(.malformed) }
        switch number(bytes, 12) {
        case 0x0800: return readIPv4(bytes)
        case 0x86dd: return readIPv6(bytes)
        default: return .failure(.malformed)
        }
    }

    private static func readIPv4(_ bytes: Span<UInt8>) -> Result<Frame, FrameFault> {
        let start = ethernet
        let total = Int(number(bytes, start &+ 2))
        // Version 4 and five words of head; no fragment; UDP. Short frames are padded to 60 octets.
        guard bytes[start] == 0x45, number(bytes, start &+ 6) & 0xbfff == 0,
            bytes[start &+ 9] == 17, total >= headerIPv4 &+ headerUDP,
            total <= bytes.count &- start
        else { return .failure(.malformed) }
        var head = InternetChecksum()
        head.add(bytes, from: start, count: headerIPv4)
        guard head.folded == 0xffff else { return .failure(.checksum) }
        let length = Int(number(bytes, start &+ headerIPv4 &+ 4))
        guard length >= headerUDP, length <= total &- headerIPv4 else {
            return .failure(.malformed)
        }
        var sum = InternetChecksum()
        sum.add(bytes, from: start &+ 12, count: 8)
        return finish(
            bytes,
            sum,
            udp: start &+ headerIPv4,
            length: length,
            source: IPAddress(v4: word(bytes, start &+ 12)),
            destination: IPAddress(v4: word(bytes, start &+ 16))
        )
    }

    private static func readIPv6(_ bytes: Span<UInt8>) -> Result<Frame, FrameFault> {
        let start = ethernet
        guard bytes.count >= headLimit, bytes[start] & 0xf0 == 0x60, bytes[start &+ 6] == 17 else {
            return .failure(.malformed)
        }
        let payload = Int(number(bytes, start &+ 4))
        let length = Int(number(bytes, start &+ headerIPv6 &+ 4))
        guard payload >= headerUDP, payload <= bytes.count &- start &- headerIPv6,
            length >= headerUDP, length <= payload
        else { return .failure(.malformed) }
        var sum = InternetChecksum()
        sum.add(bytes, from: start &+ 8, count: 32)
        return finish(
            bytes,
            sum,
            udp: start &+ headerIPv6,
            length: length,
            source: address(bytes, start &+ 8),
            destination: address(bytes, start &+ 24)
        )
    }

    /// Checks what both have in common; `sum` holds the addresses already.
    private static func finish(
        _ bytes: Span<UInt8>,
        _ addresses: InternetChecksum,
        udp: Int,
        length: Int,
        source: IPAddress,
        destination: IPAddress
    ) -> Result<Frame, FrameFault> {
        var sum = addresses
        sum.add(17)
        sum.add(UInt16(truncatingIfNeeded: length))
        let field = number(bytes, udp &+ 6)
        if field == 0 {
            // RFC 768: no checksum was made; RFC 8200 §8.1: IPv6 must have one.
            guard source.isIPv4 else { return .failure(.checksum) }
        } else if field != sum.folded {
            // Else a sender on this machine has left the sum of the pseudo header there, for a card
            // that never came (CHECKSUM_PARTIAL of veth and virtio): nothing was on a wire.
            sum.add(bytes, from: udp, count: length)
            guard sum.folded == 0xffff else { return .failure(.checksum) }
        }
        let port = number(bytes, udp)
        guard port != 0, bytes[6] & 1 == 0, isAnswerable(source), source != destination else {
            return .failure(.source)
        }
        return .success(
            Frame(
                isIPv4: source.isIPv4,
                dataCount: length &- headerUDP,
                source: SocketAddress(source, port: port),
                destination: SocketAddress(destination, port: number(bytes, udp &+ 2))
            )
        )
    }

    /// False for addresses that no host sends from: this network, loopback, multicast and above
    /// (RFC 1122 §3.2.1.3), the unspecified, loopback and multicast ones of IPv6 (RFC 4291 §2).
    private static func isAnswerable(_ source: IPAddress) -> Bool {
        let first = source.byte(0)
        if source.isIPv4 { return first != 0 && first != 127 && first < 224 }
        return first != 0xff && source.bits > 1
    }

    @inline(__always)
    private static func number(_ bytes: Span<UInt8>, _ place: Int) -> UInt16 {
        UInt16(bytes[place]) << 8 | UInt16(bytes[place &+ 1])
    }

    @inline(__always)
    private static func word(_ bytes: Span<UInt8>, _ place: Int) -> UInt32 {
        UInt32(number(bytes, place)) << 16 | UInt32(number(bytes, place &+ 2))
    }

    private static func address(_ bytes: Span<UInt8>, _ place: Int) -> IPAddress {
        let high = bytes.word(at: place)?.byteSwapped ?? 0
        let low = bytes.word(at: place &+ 8)?.byteSwapped ?? 0
        return IPAddress(v6: UInt128(high) << 64 | UInt128(low))
    }
}
