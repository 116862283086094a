// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// Whose answer it is, to those who serve a name outside: the network that a resolver is asked for.
///
/// A client whose IPv6 address carries an IPv4 address is where that is, as in policies.
struct AliasAsker: BitwiseCopyable, Sendable, Equatable {
    /// The leading bits of the client's address.
    var address: IPAddress
    /// How many of them are known, and told to others at most.
    var length: UInt8
    /// How many bits of the address that was asked with stand before these.
    var offset: UInt8
    /// The length of the range without places that the client is in; 0 for none.
    ///
    /// Such as a private one: nobody outside knows where such a network is.
    var rangeLength: UInt8

    /// The client with so many known bits, cut to what others are told of it.
    init(_ client: IPAddress, source: UInt8, _ limits: AliasNetworkLimits) {
        address = client
        length = source
        offset = 0
        if !client.isIPv4, let inner = EmbeddedIPv4(client.bits), source > inner.offset {
            address = IPAddress(v4: inner.address)
            offset = inner.offset
            length = min(source &- offset, 32)
        }
        let range = AliasAsker.rangeLength(address)
        rangeLength = range > length ? 0 : range
        length = min(length, address.isIPv4 ? limits.ipv4Prefix : limits.ipv6Prefix)
    }

    /// The leading bits of the address, the others zero.
    func bits(_ length: UInt8) -> UInt128 {
        let width: UInt8 = address.isIPv4 ? 32 : 128
        guard length < width else { return address.bits }
        let cut = UInt128(width &- length)
        return (address.bits >> cut) << cut
    }

    // Ranges in which clients have no place that anybody outside could know (RFC 6890).
    private static func rangeLength(_ address: IPAddress) -> UInt8 {
        if address.isIPv4 {
            let bits = UInt32(truncatingIfNeeded: address.bits)
            switch bits >> 24 {
            case 0, 10, 127: return 8
            default: break
            }
            if bits >> 20 == 0xac1 { return 12 }  // 172.16.0.0/12
            if bits >> 22 == 0x191 { return 10 }  // 100.64.0.0/10
            if bits >> 16 == 0xc0a8 || bits >> 16 == 0xa9fe { return 16 }  // 192.168, 169.254
            return 0
        }
        let top = UInt16(truncatingIfNeeded: address.bits >> 112)
        if top >> 9 == 0xfc >> 1 { return 7 }  // fc00::/7
        if top >> 6 == 0xfe80 >> 6 { return 10 }  // fe80::/10
        return address.bits >> 64 == 0 ? 64 : 0  // ::1 and the like
    }
}

/// How far names outside are asked by the networks of clients.
public struct AliasNetworkLimits: Sendable, Equatable, BitwiseCopyable {
    /// Networks kept at a time, over all names; 0 asks nobody.
    public var networks: Int
    /// The most bits of an IPv4 address that are told to resolvers.
    public var ipv4Prefix: UInt8
    /// The most bits of an IPv6 address that are told to resolvers.
    public var ipv6Prefix: UInt8
    /// Where networks lie in the table follows from this secret.
    public var key: UInt64

    /// Nobody is asked, unless said otherwise; lengths are as RFC 7871 §11.1 has them.
    public init(
        networks: Int = 0,
        ipv4Prefix: UInt8 = 24,
        ipv6Prefix: UInt8 = 56,
        key: UInt64 = 0
    ) {
        self.networks = min(max(networks, 0), AliasNetworks.networkLimit)
        self.ipv4Prefix = min(max(ipv4Prefix, 1), 32)
        self.ipv6Prefix = min(max(ipv6Prefix, 1), 64)
        self.key = key
    }
}
