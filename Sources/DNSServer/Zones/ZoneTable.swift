// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials

/// All zones of a snapshot, laid out for lookup: immutable, and flat.
///
///     slots   hash of the name -> node            one word each, open addressing
///     nodes   one per name, empty non-terminals and wildcards included
///     sets    the record sets of a node, next to each other
///     bytes   per node: its name in lower case, then its sets as ``CompiledSet`` has them
///
/// The name and the data of a node lie side by side, so an answer touches few cache lines: slot,
/// node, set, bytes. A million names of one address take about 90 octets each. There is no
/// reference in any element: looking up touches no reference count, and a copy of the table is
/// a handful of retained references, made once per worker when it adopts a snapshot.
public struct ZoneTable: Sendable {
    let slots: [UInt64]
    let nodes: [ZoneNode]
    let sets: [ZoneSet]
    let zones: [ZoneEntry]
    var steered: [SteeredSet]
    let referrals: [Referral]
    let glue: [Glue]
    let aliases: [AliasEntry]
    let bytes: [UInt8]
    /// How names with capitals are written.
    let spellings: NameSpellings
    /// The names of chains of zones that are signed in their files.
    let chains: [UInt32]
    /// Labels of the deepest name: suffixes that have more need not be looked up.
    let deepest: Int
    /// When the first signature of each zone ends that is signed in its file, in seconds since 1970
    /// modulo 2^32, by the zone's number.
    let signatureEnds: [Int: UInt32]
    /// The names outside of the zones that aliases lead to, in lower case, by their numbers.
    public let outsideTargets: [DomainName]
    /// The zones that the ways of aliases begin in or lead through, by their numbers.
    let aliasedZones: Set<Int>
    /// Who stands below whom; only of tables that have been patched, and for that alone.
    var kinship: ZoneKinship?
    // One: a view holds the span of an array without counting a reference.
    let boards: [AliasBoard]

    /// What is known of the names outside.
    public var board: AliasBoard { boards[0] }
    /// Number of zones.
    public var zoneCount: Int { zones.count }
    /// Number of names, empty non-terminals included.
    public var nameCount: Int { nodes.count }
    /// Number of record sets.
    public var setCount: Int { sets.count }
    /// Octets of memory that the table takes.
    public var byteCount: Int {
        slots.count * 8 + nodes.count * MemoryLayout<ZoneNode>.stride
            + sets.count * MemoryLayout<ZoneSet>.stride + bytes.count + spellings.byteCount
    }

    /// A table without zones: every question is refused.
    public static let empty = ZoneTable(
        slots: [0],
        nodes: [],
        sets: [],
        zones: [],
        steered: [],
        referrals: [],
        glue: [],
        aliases: [],
        bytes: [],
        spellings: NameSpellings(),
        chains: [],
        deepest: 0,
        signatureEnds: [:],
        outsideTargets: [],
        aliasedZones: [],
        boards: [AliasBoard(count: 0)]
    )

    /// The name of a zone's apex; nil when there is no such zone.
    public func zoneName(_ zone: Int) -> DomainName? {
        guard zones.indices.contains(zone) else { return nil }
        return name(ofNode: Int(zones[zone].apex))
    }

    func name(ofNode index: Int) -> DomainName? {
        guard nodes.indices.contains(index) else { return nil }
        let start = Int(nodes[index].nameOffset)
        return DomainName(wire: Array(bytes[start..<start + Int(nodes[index].nameLength)]))
    }

    func name(at start: Int) -> DomainName? {
        guard let length = WireName.length(in: bytes.span, at: start) else { return nil }
        return DomainName(wire: Array(bytes[start..<start + length]))
    }

    /// Spans over everything, for the length of a batch.
    var view: ZoneView {
        @_lifetime(borrow self) borrowing get {
            ZoneView(self)
        }
    }
}

/// Marks the absence of a node, zone or referral.
let absent = UInt32.max

/// One name.
struct ZoneNode: BitwiseCopyable, Sendable {
    /// Where its name lies, in lower case.
    var nameOffset: UInt32
    /// Its sets, in ascending order of type.
    var firstSet: UInt32
    /// The zone that is authoritative here.
    var zone: UInt32
    /// The delegation at or above this name inside the zone, absent where the zone itself answers.
    var cut: UInt32
    /// At a delegation the place of its referral; elsewhere that of the node `*.NAME`, of the node
    /// itself when it has a DNAME, since there is no name below one then, or absent.
    var link: UInt32
    var nameLength: UInt8
    var setCount: UInt8
    var flags: Flags

    struct Flags: OptionSet, BitwiseCopyable, Sendable {
        let rawValue: UInt8
        /// The top of a zone.
        static let apex = Flags(rawValue: 1)
        /// Holds a CNAME.
        static let cname = Flags(rawValue: 2)
        /// Is there only to hold the hash of another name (RFC 5155 §7.2.8).
        static let hash = Flags(rawValue: 4)
        /// Lies at or below the apex of a zone inside its own, which is served here too: no lookup
        /// finds it.
        static let hidden = Flags(rawValue: 8)
    }
}

/// One record set of a node.
struct ZoneSet: BitwiseCopyable, Sendable {
    /// Of the records in `bytes`; of a steered set: its place in `steered`.
    var offset: UInt32
    var length: UInt16
    var count: UInt16
    var type: RecordType
    var referenceCount: UInt8
    var isSteered: Bool

    /// A set of records as they were compiled.
    init(_ compiled: CompiledSet, type: RecordType) {
        self.init(
            offset: compiled.offset,
            length: compiled.length,
            count: compiled.count,
            type: type,
            referenceCount: compiled.referenceCount,
            isSteered: false
        )
    }

    init(
        offset: UInt32,
        length: UInt16,
        count: UInt16,
        type: RecordType,
        referenceCount: UInt8,
        isSteered: Bool
    ) {
        self.offset = offset
        self.length = length
        self.count = count
        self.type = type
        self.referenceCount = referenceCount
        self.isSteered = isSteered
    }

    var compiled: CompiledSet {
        CompiledSet(offset: offset, length: length, count: count, referenceCount: referenceCount)
    }

    /// True when its records name hosts whose addresses the asker will want next.
    var namesHosts: Bool { !isSteered && ZoneSet.namesHosts(type) }

    // RFC 1035 §3.3.3 to §3.3.5, §3.3.9 and §3.3.11, RFC 2782, RFC 9460 §4.1.
    static func namesHosts(_ type: RecordType) -> Bool {
        type == .NS || type == .MX || type == .SRV || type.isService
            // MD, MF and MB.
            || type.rawValue == 3 || type.rawValue == 4 || type.rawValue == 7
    }

    /// Octets of the data in front of the host's name.
    static func octets(aheadOfHost type: RecordType) -> Int {
        type == .SRV ? 6 : type == .MX || type.isService ? 2 : 0
    }
}

/// One zone.
struct ZoneEntry: BitwiseCopyable, Sendable {
    var apex: UInt32
    /// The zone around this one, when that is served too: it answers for DS.
    var parent: UInt32
    /// The node of that zone which delegates this one, a hidden one, or a name above it; absent when
    /// there is none.
    var delegation = absent
    /// The SOA with the TTL of negative answers (RFC 2308 §3).
    var negative: CompiledSet
    var apexLength: UInt8
    /// Why all of it is answered SERVFAIL; nil for a zone that is served.
    var absence: ZoneAbsence?
    /// What its file says of what is not there.
    var chain = ZoneChainPlace()
    /// What stands for its name where queries are counted.
    var identity: UInt64 = 0
    /// Names that lookups find in it, empty non-terminals included.
    var names: UInt32 = 0
}

extension ZoneEntry {
    /// True for a zone that is there to be answered SERVFAIL.
    var isUnusable: Bool { absence != nil }
}

/// A set whose records a policy chooses, or an alias takes from elsewhere.
struct SteeredSet: BitwiseCopyable, Sendable {
    /// Absent for an alias of a name that is not steered; of services: for IPv4.
    var policy: UInt32
    var ttl: UInt32
    /// The place in `aliases`; absent for a name that is steered itself.
    var alias = absent
    /// Of services: where their ``ServiceTemplate``s lie in `bytes`.
    var templates: UInt32 = 0
    /// Of services: the policy for IPv6, which may be another one; absent for none.
    var policyIPv6 = absent

    /// True when no policy is asked: of an alias of a name that is not steered.
    var isPlain: Bool { policy == absent && policyIPv6 == absent }
}

/// What goes along with a delegation, or with a set of NS, MX, SRV, SVCB or HTTPS.
struct Referral: BitwiseCopyable, Sendable {
    /// The set that names the hosts, a place in `sets`.
    var servers: UInt32
    var firstGlue: UInt32
    var glueCount: UInt32
}

/// Addresses of one host that a set names.
struct Glue: BitwiseCopyable, Sendable {
    /// Place in `sets`.
    var set: UInt32
    /// Where the host's name stands, counted from the start of that set; 0 for the owner.
    var nameOffset: UInt16
    /// The server's name lies inside the delegation: without the address it cannot be found.
    var isRequired: Bool
}
