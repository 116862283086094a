// SPDX-License-Identifier: Apache-2.0

/// An IP address with a port.
public struct SocketAddress: Hashable, Sendable, BitwiseCopyable {
    /// The address part.
    public let ip: IPAddress
    /// The port, 0 to 65535.
    public let port: UInt16

    /// Joins an address and a port.
    @inlinable public init(_ ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `192.0.2.1:80` or `[2001:db8::1]:80`.
    public var description: String { ip.isIPv4 ? "\(ip):\(port)" : "[\(ip)]:\(port)" }

    /// Reads `192.0.2.1:80` or `[2001:db8::1]:80`; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        var host = text[..<colon]
        let bracketed = host.first == "[" && host.last == "]"
        if bracketed { host = host.dropFirst().dropLast() }
        guard let ip = IPAddress(String(host)), ip.isIPv4 != bracketed else { return nil }
        self.init(ip, port: port)
    }
}

/// A network prefix in CIDR form (RFC 4632, RFC 4291 §2.3).
public struct Prefix: Hashable, Sendable, BitwiseCopyable {
    /// The network address; bits past ``length`` are zero.
    public let address: IPAddress
    /// Number of leading bits that count.
    public let length: Int

    /// The prefix of `length` bits that holds `address`; nil when the length does not fit.
    public init?(_ address: IPAddress, length: Int) {
        guard (0...address.bitWidth).contains(length) else { return nil }
        let keep = Prefix.mask(width: address.bitWidth, length: length)
        let bits = address.bits & keep
        self.address =
            address.isIPv4
            ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits)
        self.length = length
    }

    /// True when the address is of the same family and inside the prefix.
    public func contains(_ other: IPAddress) -> Bool {
        guard other.isIPv4 == address.isIPv4 else { return false }
        return other.bits & Prefix.mask(width: address.bitWidth, length: length) == address.bits
    }

    private static func mask(width: Int, length: Int) -> UInt128 {
        guard length > 0 else { return 0 }
        let ones: UInt128 = width == 128 ? .max : (1 << UInt128(width)) - 1
        return ones & ~((1 << UInt128(width - length)) - 1)
    }
}

extension Prefix: CustomStringConvertible {
    /// `192.0.2.0/24`.
    public var description: String { "\(address)/\(length)" }

    /// Reads `192.0.2.0/24`, or a lone address as its full-length prefix; nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, let ip = IPAddress(first) else {
            return nil
        }
        guard parts.count == 2 else {
            self.init(ip, length: ip.bitWidth)
            return
        }
        guard let length = Int(parts[1]), parts[1].allSatisfy(\.isNumber) else { return nil }
        self.init(ip, length: length)
    }
}
