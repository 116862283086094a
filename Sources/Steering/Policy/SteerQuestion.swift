// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Which addresses are wanted.
public struct SteerFamilies: OptionSet, Sendable, BitwiseCopyable {
    /// One bit per family.
    public let rawValue: UInt8
    /// A set from its bits.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// IPv4 addresses.
    @inlinable public static var ipv4: SteerFamilies { SteerFamilies(rawValue: 1) }
    /// IPv6 addresses.
    @inlinable public static var ipv6: SteerFamilies { SteerFamilies(rawValue: 2) }
    /// Names, of policies that answer with those: none has addresses as well.
    @inlinable public static var names: SteerFamilies { SteerFamilies(rawValue: 4) }
    /// Both, from one decision: what HTTPS records hint at (RFC 9460 §7.3).
    @inlinable public static var both: SteerFamilies { [.ipv4, .ipv6] }

    @inlinable init(of address: IPAddress) { self = address.isIPv4 ? .ipv4 : .ipv6 }
}

/// What a policy is asked.
public struct SteerQuestion: Sendable, BitwiseCopyable {
    /// The time.
    public var now: Instant
    /// Whose answer it is to be: the client's network if its resolver tells it, else the resolver.
    public var client: IPAddress
    /// Which addresses are wanted.
    public var families: SteerFamilies
    /// A hash of the name asked for, in lower case.
    public var nameHash: UInt64

    var filter = MemberFilter.healthy
    // What holds when a node without a word of its own is not live.
    var allDown = PolicyNode.AllDown.all
    var fallback: UInt32 = .max
    // Nothing is to be answered but what words below say.
    var isListening = false

    /// Joins the parts.
    public init(
        now: Instant,
        client: IPAddress = IPAddress(v4: 0),
        families: SteerFamilies,
        nameHash: UInt64 = 0
    ) {
        self.now = now
        self.client = client
        self.families = families
        self.nameHash = nameHash
    }

    // The network that a sticky draw knows the client by, and how many bits of its address that are.
    // An address that carries one of IPv4 is where that is, as for policies by place.
    var stickyKey: (key: UInt64, length: UInt8) {
        if client.isIPv4 {
            let network = UInt32(truncatingIfNeeded: client.bits) >> 8
            return (Hash.address(IPAddress(v4: network)), 24)
        }
        if let inner = EmbeddedIPv4(client.bits) {
            return (Hash.address(IPAddress(v4: inner.address >> 8)), inner.offset &+ 24)
        }
        return (Hash.address(IPAddress(v6: client.bits >> 72)), 56)
    }
}

/// Which members a pass over a policy takes.
struct MemberFilter: BitwiseCopyable {
    var mask: UInt64
    var want: UInt64
    // Only members that changed since; the least value for all.
    var earliestChange = Int64.min
    // Only members that have not returned since; the greatest value for all.
    var latestReturn = Int64.max
    // When those are taken all the same; the least value for as long after their return as
    // `latestReturn` lies behind the question.
    var returnsAt = Int64.min

    static var healthy: MemberFilter { MemberFilter(mask: 0b1_1111, want: 0b0_0001) }
    // Whatever the operator has left in.
    static var ready: MemberFilter { MemberFilter(mask: 0b1100, want: 0) }
    // What works, drained or not.
    static var working: MemberFilter { MemberFilter(mask: 0b1_1011, want: 0b0_0001) }

    var isHealthy: Bool { mask == 0b1_1111 }
}
