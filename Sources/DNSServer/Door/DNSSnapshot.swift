// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
public import Essentials
public import Runtime
public import Steering

/// What the DNS door answers from: immutable, adopted by workers between batches.
public struct DNSSnapshot: Sendable {
    /// All zones.
    public let zones: ZoneTable
    /// Zones that have changed since ``zones`` was made: what stands here counts for them.
    public let changed: ZoneTable
    /// The policies that steered names ask, by number.
    public let steer: SteerTable
    /// The listeners by number; a number keeps its meaning as long as its sockets are open.
    public let listeners: [DNSDoorSettings]
    /// Lists of networks whose client subnets are heard, by ``SubnetTrust/listed(_:)``.
    public let subnetSources: [[Prefix]]
    /// Rises with every snapshot.
    public let generation: UInt64
    /// How the door behaves towards askers.
    public var conduct = DNSConduct()
    /// Other name servers.
    public var peers = DNSPeers()
    /// How often networks get responses that are alike.
    public var rates = ResponseRates()
    /// Networks for which that does not matter.
    public var rateExempt: [Prefix] = []
    /// A record is kept of one query in so many; 0 keeps none.
    public var sampleInterval: UInt32 = 0
    /// One query in so many goes to the log; 0 for none.
    public var logInterval: UInt32 = 0
    /// True when a zone may be changed by messages.
    public var takesUpdates = false
    /// Networks from which some zone is changed without a key.
    public var updateNetworks: [Prefix] = []
    /// How TLS is spoken at the listeners that do, by number.
    public var security: [DNSListenerSecurity?] = []
    /// Which zones are signed as they are answered for, and with what.
    public var signing = SigningTable.none
    /// Slots that had another endpoint before, and the snapshot that gave them away.
    public var slotsGiven: [Int: UInt64] = [:]

    /// Puts a snapshot together.
    public init(
        zones: ZoneTable,
        changed: ZoneTable = .empty,
        steer: SteerTable,
        listeners: [DNSDoorSettings] = [],
        subnetSources: [[Prefix]] = [],
        generation: UInt64
    ) {
        self.subnetSources = subnetSources
        self.zones = zones
        self.changed = changed
        self.steer = steer
        self.listeners = listeners
        self.generation = generation
    }
}

extension DNSSnapshot {
    /// The same with other policies in the place of its own: for what would be if.
    public func steered(by steer: SteerTable) -> DNSSnapshot {
        var other = DNSSnapshot(
            zones: zones,
            changed: changed,
            steer: steer,
            listeners: listeners,
            subnetSources: subnetSources,
            generation: generation
        )
        other.security = security
        other.signing = signing
        return other
    }

    /// Spans over everything, for the length of a batch.
    var views: ZoneViews {
        @_lifetime(borrow self) borrowing get {
            ZoneViews(
                all: ZoneView(zones, SigningView(signing, isChanged: false), isChanged: false),
                changed: ZoneView(changed, SigningView(signing, isChanged: true), isChanged: true)
            )
        }
    }

    /// The table that answers for a name, and what it knows of it.
    func find(_ name: DomainName, _ type: RecordType) -> (table: ZoneTable, match: ZoneMatch)? {
        let wire = name.lowercased.wire
        guard let scanned = WireName.scan(wire.span, at: 0) else { return nil }
        let found = views.find(wire.span, at: 0, scanned, type: type)
        return (found.isChanged ? changed : zones, found.match)
    }

    /// The serial of a zone that is served.
    public func serial(of apex: DomainName) -> UInt32? {
        for table in [changed, zones] {
            if let zone = table.usableZone(apex) { return table.serial(ofZone: zone) }
        }
        return nil
    }

    /// How many names a zone has that is served.
    public func nameCount(of apex: DomainName) -> Int? {
        for table in [changed, zones] {
            if let zone = table.usableZone(apex) { return table.nameCount(ofZone: zone) }
        }
        return nil
    }

    /// True for the apex of a zone, be it answered SERVFAIL.
    public func hasZone(_ apex: DomainName) -> Bool {
        guard let (table, match) = find(apex, .SOA), match.kind != .outside,
            table.zones.indices.contains(match.zone)
        else { return false }
        return table.zones[match.zone].identity == CountedZones.identity(apex)
    }

    /// True when the client subnet that `client` states is heard.
    func trusts(_ client: IPAddress, _ trust: SubnetTrust) -> Bool {
        switch trust {
        case .any: return true
        case .none: return false
        case .listed(let number):
            guard number >= 0, number < subnetSources.count else { return false }
            for prefix in subnetSources[number] where prefix.contains(client) { return true }
            return false
        }
    }
}

/// Whose client subnets (RFC 7871) a listener hears; those of others are as if not stated.
public enum SubnetTrust: Sendable, Equatable, BitwiseCopyable {
    /// Everybody's.
    case any
    /// Nobody's.
    case none
    /// Those from the networks of this list of ``DNSSnapshot/subnetSources``.
    case listed(Int)
}

/// How a listener of the DNS door speaks TLS.
public struct DNSListenerSecurity: Sendable {
    /// The certificates, and how they are shown.
    public let context: TLSServerContext
    /// Full handshakes that each client may make; nil for any number.
    public let handshakes: RateMachine?

    /// Joins the parts.
    public init(_ context: TLSServerContext, handshakes: RateMachine? = nil) {
        self.context = context
        self.handshakes = handshakes
    }
}

/// What one listener of the DNS door is held to.
public struct DNSDoorSettings: Sendable, Equatable, BitwiseCopyable {
    /// The largest UDP answer, also announced by EDNS; 512 to 4096.
    public var ednsSize: UInt16
    /// How long a TCP peer may take for its next query, or to take its answers (RFC 7766 §6.2.3);
    /// its first query is counted from the connection, so that a handshake is held to it as well.
    public var idleTimeout: Interval
    /// TCP connections at a time, over all workers.
    public var connectionLimit: Int
    /// Whose client subnets are heard.
    public var subnets = SubnetTrust.any
    /// Where it listens, for the log; nil for every address.
    public var ip: IPAddress?
    /// The port of that; 0 when it is not known.
    public var port: UInt16 = 0

    /// The shipped defaults, unless said otherwise.
    public init(
        ednsSize: UInt16 = AnswerContext.defaultEDNSSize,
        idleTimeout: Interval = .seconds(10),
        connectionLimit: Int = 1000
    ) {
        self.ednsSize = min(max(ednsSize, 512), 4096)
        self.idleTimeout = idleTimeout
        self.connectionLimit = connectionLimit
    }
}

/// What the doors of all workers share: counters, each of one worker, and connection counts.
public final class DNSShared: Sendable {
    /// Listeners that can be told apart.
    public static let listenerLimit = 256

    /// One table per worker; places as in ``DNSCounter``.
    public let metrics: [SharedWords]
    /// The same for packets; places as in ``PacketCounter``.
    public let packets: [SharedWords]
    /// What is written down of answers; one book per worker.
    public let books: [AnswerBook]
    /// What has been signed; one cache per worker.
    public let signatures: [SignatureCache]
    /// What networks have had of responses.
    public let accounts: ResponseAccounts
    /// Open TCP connections by listener number.
    public let connections = SharedWords(count: DNSShared.listenerLimit, stride: 8)
    /// The budgets of full TLS handshakes by client network.
    let handshakes = RateTable(sets: 4096, cells: 16_384)
    /// Zones that are being taken, by all workers together.
    let transfers = SharedWords(count: 1)
    /// What workers tell the control thread; nil where nobody listens.
    public let notices: DNSNotices?
    /// Where dynamic updates are handed in; nil where nobody takes them.
    public let updates: UpdateDesk?
    /// Where slow signatures are made; nil where each worker makes its own.
    let signer: TLSSigner?

    /// Tables for so many workers, endpoints, records of queries by each worker, and accounts of
    /// networks.
    ///
    /// `key` is a secret that places of networks follow from.
    public init(
        workers: Int,
        endpoints: Int = 0,
        keptQueries: Int = 0,
        accounts: Int = 65_536,
        signatures: Int = SignatureCache.defaultCapacity,
        key: UInt64 = 0,
        signer: TLSSigner? = nil,
        notices: DNSNotices? = nil,
        updates: UpdateDesk? = nil,
        countedZones: Int = 0
    ) {
        self.signatures = (0..<max(workers, 1)).map { _ in SignatureCache(capacity: signatures) }
        self.signer = signer
        self.notices = notices
        self.updates = updates
        self.accounts = ResponseAccounts(count: accounts, secret: Hash.mix(~key))
        let zones = CountedZones(limit: countedZones)
        books = (0..<max(workers, 1)).map { _ in
            AnswerBook(
                endpoints: endpoints,
                kept: keptQueries,
                key: key,
                notices: notices,
                zones: zones
            )
        }
        packets = (0..<max(workers, 1)).map { _ in
            SharedWords(count: PacketCounter.allCases.count)
        }
        metrics = (0..<max(workers, 1)).map { _ in
            SharedWords(count: DNSCounter.allCases.count + TLSFailure.allCases.count)
        }
    }

    func signatures(of worker: Int) -> SignatureCache {
        signatures[worker % signatures.count]
    }

    /// How often TLS handshakes failed, by the word that says why.
    public var handshakeFailures: [(word: String, count: UInt64)] {
        TLSFailure.allCases.map { failure in
            let place = DNSShared.place(of: failure)
            return ("\(failure.word)", metrics.reduce(0) { $0 &+ $1.load(place) })
        }
    }

    static func place(of failure: TLSFailure) -> Int {
        DNSCounter.allCases.count &+ Int(failure.rawValue)
    }

    /// Zones that are being taken now.
    public var runningTransfers: UInt64 { transfers.load(0) }

    /// A counter, summed over all workers.
    public func total(_ counter: DNSCounter) -> UInt64 {
        metrics.reduce(0) { $0 &+ $1.load(counter.rawValue) }
    }
}
