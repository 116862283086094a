// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials

/// Which names a rule of updates is about.
public enum UpdateNames: Sendable, Equatable {
    /// Every name of the zone.
    case zone
    /// This name alone.
    case exactly(DomainName)
    /// This name and all below.
    case subtree(DomainName)
    /// All names below this one, as a wildcard has it.
    case below(DomainName)
    /// The name that the key has.
    case own
    /// The name that the key has, and all below.
    case ownSubtree

    func covers(_ owner: DomainName, key: DomainName?) -> Bool {
        switch self {
        case .zone: true
        case .exactly(let name): owner == name
        case .subtree(let name): owner.isWithin(name)
        case .below(let name): owner != name && owner.isWithin(name)
        case .own: key == owner
        case .ownSubtree: key.map(owner.isWithin) ?? false
        }
    }
}

/// Who may change what of a zone.
public struct UpdateRule: Sendable, Equatable {
    /// The key that must have signed; nil for updates without a signature, too.
    public var key: DomainName?
    /// Where the update must come from; empty for anywhere.
    public var networks: [Prefix]
    /// The names.
    public var names: [UpdateNames]
    /// The types; nil for all that are no matter of the zone as a whole.
    public var types: Set<RecordType>?

    /// Joins the parts.
    public init(
        key: DomainName?,
        networks: [Prefix] = [],
        names: [UpdateNames] = [.zone],
        types: Set<RecordType>? = nil
    ) {
        self.key = key
        self.networks = networks
        self.names = names
        self.types = types
    }

    /// True when the rule is about updates by this key from here.
    func isFor(_ asker: UpdateAsker) -> Bool {
        // A rule without either would be open to everybody.
        guard key != nil || !networks.isEmpty else { return false }
        if let key, asker.key != key { return false }
        return networks.isEmpty || networks.contains { $0.contains(asker.client) }
    }

    func allows(_ owner: DomainName, _ type: RecordType, _ asker: UpdateAsker) -> Bool {
        guard isFor(asker), names.contains(where: { $0.covers(owner, key: asker.key) }) else {
            return false
        }
        guard let types else { return !UpdateRule.guarded.contains(type) }
        return types.contains(type) || types.contains(.ANY)
    }

    /// Types that a rule must name to allow them, as in BIND.
    static let guarded: Set<RecordType> = [.SOA, .NS, .RRSIG, .NSEC, .NSEC3]
}

/// Who asks for an update.
public struct UpdateAsker: Sendable, Equatable {
    /// The key of a signature that is good; nil without one.
    public var key: DomainName?
    /// Where it comes from.
    public var client: IPAddress

    /// Joins the two.
    public init(key: DomainName?, client: IPAddress) {
        self.key = key
        self.client = client
    }
}

/// How the serial of a zone rises with a change.
public enum SerialRule: Sendable, Equatable {
    /// By one.
    case increment
    /// To the seconds since 1970, or by one where it is there already.
    case time

    /// The serial behind a former one.
    public func next(_ serial: UInt32, seconds: UInt32) -> UInt32 {
        switch self {
        case .time where seconds.isLater(thanSerial: serial): seconds
        case .time, .increment: serial.nextSerial
        }
    }
}
