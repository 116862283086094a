// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// A zone that the DNS door answers for.
///
/// Names are in lower case and end in a dot.
public struct ZoneSettings: Sendable, Equatable {
    /// The apex, as `example.com.`.
    public var name: String
    /// An RFC 1035 zone file to read; ``records`` are added to it.
    public var file: String?
    /// The start of authority; nil only with ``file``, which holds it then.
    public var soa: SOASettings?
    /// The TTL of records without their own.
    public var ttl: Interval
    /// Record sets in file order.
    public var records: [RecordSettings]
    /// How the zone is signed as it is answered for; nil for a zone that is as its file is.
    public var dnssec: SigningSettings?
    /// Those that may take the zone.
    public var transferTo: [TakerSettings] = []
    /// Those that are told of changes.
    public var notify: [NoticeSettings] = []
    /// Those that the zone is taken from, in place of ``file`` and ``soa``.
    public var transferFrom: [PrimarySettings] = []
    /// Updates of it go to where it comes from.
    public var forwardUpdates = false
    /// True for a zone that is a list of zones (RFC 9432).
    public var catalog = false
    /// How its members are taken by their groups.
    public var groups: [CatalogGroupSettings] = []
    /// The zones of a catalog that is made here; nil for any other zone.
    public var members: [CatalogMemberSettings]?
    /// The catalog that names the zone; nil for one that the file has.
    public var memberOf: String?
    /// Who may change it by messages.
    public var updates: [UpdateSettings] = []
    /// How its serial rises then.
    public var serialRule = SerialSettings.increment

    /// Joins the parts of a zone.
    public init(
        name: String,
        file: String? = nil,
        soa: SOASettings? = nil,
        ttl: Interval,
        records: [RecordSettings] = []
    ) {
        self.name = name
        self.file = file
        self.soa = soa
        self.ttl = ttl
        self.records = records
    }
}

/// A start of authority (RFC 1035 §3.3.13).
public struct SOASettings: Sendable, Equatable {
    /// The primary name server.
    public var primary: String
    /// The mailbox as a name, an `@` turned into a dot.
    public var mailbox: String
    /// The serial number.
    public var serial: UInt32
    /// Secondaries: how often to look.
    public var refresh: Interval
    /// Secondaries: how soon to look again.
    public var retry: Interval
    /// Secondaries: when to stop answering.
    public var expire: Interval
    /// How long a negative answer may be kept (RFC 2308).
    public var negativeTTL: Interval
    /// Where it stands, for findings.
    public var place = SourcePlace()
}

/// What one owner name holds.
public struct RecordSettings: Sendable, Equatable {
    /// The owner, absolute: `www.example.com.` or `*.example.com.`.
    public var owner: String
    /// The TTL; nil means the zone's, for a steered name the policy's.
    public var ttl: Interval?
    /// The policy that chooses the addresses; nil means none.
    public var steer: String?
    /// Plain records in file order.
    public var data: [RecordData]
    /// Where the owner stands, for findings.
    public var place: SourcePlace
}

/// Where something stands in its file: no part of its value, so any two are equal.
public struct SourcePlace: Sendable, Equatable {
    /// The line and column; nil for what was added without being written.
    public var position: SourcePosition?

    /// A place in a file, or none.
    public init(_ position: SourcePosition? = nil) { self.position = position }

    /// Always true: a record that has only moved in its file is the same record.
    public static func == (left: SourcePlace, right: SourcePlace) -> Bool { true }
}

/// The data of one record.
public enum RecordData: Sendable, Hashable {
    /// An IPv4 address.
    case a(IPAddress)
    /// An IPv6 address.
    case aaaa(IPAddress)
    /// An alias.
    case cname(String)
    /// A name whose addresses the owner has.
    case alias(String)
    /// A name server.
    case ns(String)
    /// A mail exchange.
    case mx(preference: UInt16, exchange: String)
    /// Character strings of at most 255 octets each.
    case txt([String])
    /// A service (RFC 2782).
    case srv(priority: UInt16, weight: UInt16, port: UInt16, target: String)
    /// A pointer.
    case ptr(String)
    /// A certification authority authorisation (RFC 8659).
    case caa(flags: UInt8, tag: String, value: String)
    /// A service of HTTP (RFC 9460 §9).
    case https(ServiceSettings)
    /// A service (RFC 9460).
    case svcb(ServiceSettings)

    /// What a service record says; nil for other types.
    var service: ServiceSettings? {
        switch self {
        case .https(let service), .svcb(let service): service
        default: nil
        }
    }
}

/// The data of an HTTPS or SVCB record.
public struct ServiceSettings: Sendable, Hashable {
    /// 0 for an alias; among services the lowest comes first.
    public var priority: UInt16
    /// Who serves; `.` stands for the owner, and in an alias for nobody.
    public var target: String
    /// As in zone files: `alpn=h2,h3 port=8443`.
    public var parameters: String
}
