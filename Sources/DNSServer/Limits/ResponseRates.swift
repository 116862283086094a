// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// How often the clients of a network get responses that are alike, over UDP.
///
/// Response rate limiting as BIND, Knot and NSD have it: a spoofed flood makes the server send a
/// victim the same few responses over and over, which no resolver asks for.
public struct ResponseRates: BitwiseCopyable, Sendable {
    /// Kinds of responses, each with a rate of its own.
    public enum Kind: Int, CaseIterable, Sendable, BitwiseCopyable {
        /// Records of one type of one name; of a wildcard, for all names it covers.
        case answer
        /// Names of a zone that exist without the type (NODATA).
        case noData
        /// Names of a zone that do not exist (NXDOMAIN).
        case nameError
        /// One delegation.
        case referral
        /// Everything else: REFUSED, FORMERR, SERVFAIL and so on.
        case error
    }

    /// What becomes of a response.
    public enum Verdict: Sendable, BitwiseCopyable {
        /// It is sent.
        case send
        /// The client is told to ask again in a way that a victim would not.
        case putOff
        /// Nothing is sent.
        case drop
    }

    // Microseconds from one response to the next; 0 for no limit.
    private var spacings = InlineArray<5, UInt32>(repeating: 0)
    /// True when any kind has a limit.
    public private(set) var isOn = false
    /// How long a network that asked for too much stays without after its last query, at most.
    public var window = Interval.seconds(15)
    /// One of so many responses that are too many is put off in place of being dropped; 0 for none.
    public var slip: UInt32 = 2
    /// Leading bits of IPv4 addresses that make a network.
    public var ipv4Length: UInt8 = 24
    /// Leading bits of IPv6 addresses that make a network, at most 64.
    public var ipv6Length: UInt8 = 56
    /// True when all is counted and nothing is withheld.
    public var isTrial = false

    /// No limits.
    public init() {}

    /// So many responses of a kind in a time.
    public mutating func limit(_ kind: Kind, to count: Int, per period: Interval) {
        guard count > 0 else { return }
        let spacing = period.nanoseconds / 1000 / Int64(count)
        spacings[kind.rawValue] = UInt32(clamping: max(spacing, 1))
        isOn = true
    }

    func spacing(_ kind: Kind) -> UInt64 { UInt64(spacings[kind.rawValue]) }

    /// The network that an address is in, as a number.
    func network(_ address: IPAddress) -> UInt64 {
        if address.isIPv4 {
            let bits = UInt64(truncatingIfNeeded: address.bits)
            return bits >> UInt64(32 &- min(ipv4Length, 32)) | 4 << 40
        }
        let high = UInt64(truncatingIfNeeded: address.bits >> 64)
        return Hash.mix(high >> UInt64(64 &- min(ipv6Length, 64))) ^ 6
    }
}
