// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials
public import Runtime

/// The keys of all signed zones of a snapshot, laid out for answering: immutable, and flat.
///
///     places   number of a zone -> its place in `zones`, or absent; empty when none is signed
///     zones    what holds for a signed zone
///     signers  its keys that sign, next to each other
///     bytes    its name, and its DNSKEY, CDS, CDNSKEY and NSEC3PARAM as ``CompiledSet`` has them
///
/// It stands beside the ``ZoneTable``, and is made anew whenever keys change: that a key comes or goes
/// moves no record of a zone.
public struct SigningTable: Sendable {
    let places: [UInt32]
    let changedPlaces: [UInt32]
    let zones: [SignedZone]
    let signers: [Signer]
    let keys: [SigningKey]
    let bytes: [UInt8]
    /// What the worker that answers has signed: one cache.
    ///
    /// In an array, since a view holds the span of one without counting a reference.
    var caches: [SignatureCache]

    /// No zone is signed.
    public static let none = SigningTable([:], zones: .empty, changed: .empty)

    /// The keys of zones, by the names of their apexes, for the zones of two tables.
    ///
    /// Names that are no zone there, or one that cannot be served, are left out. `cache` is for
    /// the thread that answers; a door brings its own.
    public init(
        _ all: [DomainName: ZoneKeys],
        zones table: ZoneTable,
        changed: ZoneTable,
        cache: SignatureCache? = nil
    ) {
        var layout = SigningTableLayout()
        var (places, changedPlaces): ([UInt32], [UInt32]) = ([], [])
        for (apex, keys) in all where !keys.keys.isEmpty {
            let found = table.usableZone(apex)
            let foundChanged = changed.usableZone(apex)
            guard found != nil || foundChanged != nil,
                let place = layout.add(
                    apex.lowercased,
                    keys,
                    beside: foundChanged.map { OtherSigners(keys, ofZone: $0, in: changed) }
                        ?? OtherSigners(keys, ofZone: found ?? 0, in: table)
                )
            else { continue }
            SigningTable.set(place, at: found, in: &places, count: table.zoneCount)
            SigningTable.set(place, at: foundChanged, in: &changedPlaces, count: changed.zoneCount)
        }
        self.places = places
        self.changedPlaces = changedPlaces
        zones = layout.zones
        signers = layout.signers
        keys = layout.keys
        bytes = layout.bytes
        caches = layout.zones.isEmpty ? [] : [cache ?? SignatureCache(capacity: 64)]
    }

    private static func set(_ place: UInt32, at zone: Int?, in places: inout [UInt32], count: Int) {
        guard let zone else { return }
        if places.isEmpty { places = [UInt32](repeating: absent, count: count) }
        if places.indices.contains(zone) { places[zone] = place }
    }

    /// True when a zone is signed.
    public var isOn: Bool { !zones.isEmpty }

    /// The same with another cache, which one thread alone uses.
    func using(_ cache: SignatureCache) -> SigningTable {
        var other = self
        if isOn { other.caches = [cache] }
        return other
    }
}

/// What holds for one signed zone.
struct SignedZone: BitwiseCopyable, Sendable {
    var firstSigner: UInt32
    var signerCount: UInt32
    /// Where the apex lies in `bytes`, in lower case.
    var nameOffset: UInt32
    var nameLength: UInt8
    var denial: DenialMethod
    var lifetime: UInt32
    var refresh: UInt32
    var dnskey: CompiledSet
    var cds: CompiledSet
    var cdnskey: CompiledSet
    var nsec3param: CompiledSet
}

/// One key that signs.
struct Signer: BitwiseCopyable, Sendable {
    /// Tells keys apart that have one tag.
    var identity: UInt64
    var tag: UInt16
    var algorithm: UInt8
    var signsKeys: Bool
    var signsZone: Bool
}

/// The arrays of a ``SigningTable`` while they grow.
struct SigningTableLayout {
    var zones: [SignedZone] = []
    var signers: [Signer] = []
    var keys: [SigningKey] = []
    var bytes: [UInt8] = []
    private var compiler = RecordSetCompiler()

    /// Adds a zone; its place, or nil when its records fit no message.
    mutating func add(
        _ apex: DomainName,
        _ zone: ZoneKeys,
        beside others: OtherSigners = OtherSigners()
    ) -> UInt32? {
        let first = signers.count
        for key in zone.keys where key.signsKeys || key.signsZone {
            signers.append(
                Signer(
                    identity: Hash.bytes(key.data.span),
                    tag: key.tag,
                    algorithm: key.key.algorithm.rawValue,
                    signsKeys: key.signsKeys,
                    signsZone: key.signsZone
                )
            )
            keys.append(key.key)
        }
        let name = UInt32(truncatingIfNeeded: bytes.count)
        bytes += apex.wire
        let pointed = zone.keys.filter(\.isInCDS)
        let ends = zone.endsDelegation
        let denial: [[UInt8]] = zone.denial == .narrowNSEC3 ? [[1, 0, 0, 0, 0]] : []
        guard
            let dnskey = compile(
                apex,
                .DNSKEY,
                zone,
                others.joining(.DNSKEY, zone.keys.filter(\.isPublished).map(\.data))
            ),
            let cds = compile(
                apex,
                .CDS,
                zone,
                ends
                    ? [[0, 0, 0, 0, 0]] : others.joining(.CDS, pointed.map { $0.delegation(apex) })
            ),
            let cdnskey = compile(
                apex,
                .CDNSKEY,
                zone,
                ends ? [[0, 0, 3, 0, 0]] : others.joining(.CDNSKEY, pointed.map(\.data))
            ),
            let nsec3param = compile(apex, .NSEC3PARAM, zone, denial)
        else { return nil }
        zones.append(
            SignedZone(
                firstSigner: UInt32(truncatingIfNeeded: first),
                signerCount: UInt32(truncatingIfNeeded: signers.count - first),
                nameOffset: name,
                nameLength: UInt8(truncatingIfNeeded: apex.wire.count),
                denial: zone.denial,
                lifetime: zone.lifetime,
                refresh: zone.refresh,
                dnskey: dnskey,
                cds: cds,
                cdnskey: cdnskey,
                nsec3param: nsec3param
            )
        )
        return UInt32(truncatingIfNeeded: zones.count - 1)
    }

    private mutating func compile(
        _ apex: DomainName,
        _ type: RecordType,
        _ zone: ZoneKeys,
        _ data: [[UInt8]]
    ) -> CompiledSet? {
        compiler.begin(
            owner: apex.wire,
            apexLength: apex.wire.count,
            type: type,
            ttl: zone.keyTTL
        )
        for item in data {
            guard compiler.append(item.span) else { return nil }
        }
        guard let length = UInt16(exactly: compiler.wire.count) else { return nil }
        let offset = UInt32(truncatingIfNeeded: bytes.count)
        bytes += compiler.wire
        return CompiledSet(
            offset: offset,
            length: length,
            count: UInt16(truncatingIfNeeded: compiler.count),
            referenceCount: 0
        )
    }
}
