// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

/// Several versions in one difference (RFC 1995 §4), and what is kept of them for a restart.
@Suite struct CondensedTests {
    static func soa(_ serial: UInt32) -> DNSMessage.Record {
        let data = RecordValue.soa(
            StartOfAuthority(
                primary: DomainName("ns.a.test") ?? .root,
                mailbox: DomainName("host.a.test") ?? .root,
                numbers: (serial: serial, refresh: 1, retry: 1, expire: 1, minimum: 1)
            )
        ).wire
        return DNSMessage.Record(
            owner: DomainName("a.test") ?? .root,
            type: .SOA,
            ttl: 60,
            data: data
        )
    }

    /// Records of few names, so that what goes often comes back; names in any case.
    static func record(_ random: inout SeededRandom) -> DNSMessage.Record {
        let name = ["a", "B", "b", "deep.a", "*"][Int(random.next(below: 5))] + ".a.test"
        let ttl = 60 + random.next(below: 2) * 60
        let owner = DomainName(name) ?? .root
        guard random.next(below: 3) > 0 else {
            let target = ["Mail", "mail", "www"][Int(random.next(below: 3))] + ".a.test"
            let data = [0, UInt8(random.next(below: 3))] + (DomainName(target) ?? .root).wire
            return DNSMessage.Record(owner: owner, type: .MX, ttl: ttl, data: data)
        }
        let data = [192, 0, 2, UInt8(random.next(below: 6))]
        return DNSMessage.Record(owner: owner, type: .A, ttl: ttl, data: data)
    }

    /// Versions of one zone, each from the one before.
    static func versions(_ count: Int, _ random: inout SeededRandom) -> [[DNSMessage.Record]] {
        var serial = random.next(below: 2) == 0 ? 1 : UInt32.max - 2
        var present: [DNSMessage.Record] = []
        var found: [[DNSMessage.Record]] = []
        for _ in 0..<count {
            for _ in 0..<random.next(below: 8) {
                let fresh = record(&random)
                let isKnown = present.contains { ZoneDigest([$0]) == ZoneDigest([fresh]) }
                if !isKnown { present.append(fresh) }
            }
            for _ in 0..<random.next(below: 6) where !present.isEmpty {
                present.remove(at: Int(random.next(below: UInt32(present.count))))
            }
            found.append([soa(serial)] + present)
            serial &+= 1 + random.next(below: 3)
        }
        return found
    }

    static func chain(_ versions: [[DNSMessage.Record]]) throws -> [ZoneDifference] {
        try zip(versions, versions.dropFirst()).map {
            try #require(ZoneDifference(from: $0, to: $1))
        }
    }

    /// The version after a difference: everything that goes must be there, and nothing that comes.
    static func applied(
        _ difference: ZoneDifference,
        to old: [DNSMessage.Record]
    ) throws -> [DNSMessage.Record] {
        let transfer = try transfer([difference])
        return try #require(transfer.applied(to: old), "\(difference.from) to \(difference.to)")
    }

    static func transfer(_ chain: [ZoneDifference]) throws -> IncomingTransfer {
        let first = try #require(chain.first)
        let last = try #require(chain.last?.added.first)
        let records = [last] + chain.flatMap { $0.deleted + $0.added } + [last]
        var bytes: [UInt8] = [0, 1, 0x84, 0, 0, 0]
        bytes += [UInt8(records.count >> 8), UInt8(records.count & 255), 0, 0, 0, 0]
        bytes += records.flatMap(\.wire)
        let apex = try #require(DomainName("a.test"))
        var transfer = IncomingTransfer(apex, id: 1, known: first.from, limit: 1 << 20)
        try transfer.take(try #require(DNSMessage(bytes)), octets: bytes.count)
        return transfer
    }

    @Test func `a condensed difference leads from the old version to exactly the new one`() throws {
        var random = SeededRandom(seed: 1995)
        var shorter = 0
        for _ in 0..<400 {
            let versions = Self.versions(Int(2 + random.next(below: 12)), &random)
            let chain = try Self.chain(versions)
            let one = try #require(ZoneDifference.condensed(chain))
            #expect(one.from == chain.first?.from && one.to == chain.last?.to)
            let (old, new) = (try #require(versions.first), try #require(versions.last))
            let found = try Self.applied(one, to: old)
            #expect(ZoneDigest(found) == ZoneDigest(new))
            #expect(found.count == new.count && found.first == new.first)
            // It says nothing that need not be said.
            let direct = try #require(ZoneDifference(from: old, to: new))
            #expect(one.count == direct.count)
            let length = chain.reduce(0) { $0 + $1.wire.count }
            #expect(one.wire.count <= length)
            if one.wire.count < length { shorter += 1 }
        }
        #expect(shorter > 300)
    }

    @Test func `a chain with a gap is not condensed`() throws {
        var random = SeededRandom(seed: 4)
        var chain = try Self.chain(Self.versions(5, &random))
        #expect(ZoneDifference.condensed(chain) != nil)
        chain.remove(at: 1)
        #expect(ZoneDifference.condensed(chain) == nil)
        #expect(ZoneDifference.condensed([]) == nil)
        #expect(ZoneHistory(chain, to: try #require(chain.last?.to)).differences.count == 2)
        #expect(ZoneHistory(chain, to: SerialNumber(77)).differences.isEmpty)
    }

    @Test func `the digest goes with the records, in any order and case`() throws {
        var random = SeededRandom(seed: 5)
        let apex = try #require(DomainName("a.test"))
        var zone = ZoneRecords(apex: apex)
        zone.add(Self.soa(1))
        for step in 0..<2_000 {
            let record = Self.record(&random)
            switch random.next(below: 4) {
            case 0: zone[record.owner, record.type] = nil
            case 1: zone.setSerial(random.next(below: 100))
            case 2 where step % 50 == 0:
                zone.begin()
                zone.add(record)
                zone.rollBack()
            default: zone.add(record)
            }
            #expect(zone.digest == ZoneDigest(zone.records.reversed()), "step \(step)")
        }
        #expect(ZoneDigest(zone.digest.bytes) == zone.digest && zone.digest != ZoneDigest())
        #expect(ZoneDigest([1, 2]) == nil)
    }

    @Test func `a history outlives a restart as far as it leads to what is served`() throws {
        var random = SeededRandom(seed: 6)
        let versions = Self.versions(12, &random)
        let chain = try Self.chain(versions)
        var image = HistoryImage()
        for (difference, version) in zip(chain, versions.dropFirst()) {
            image.append(HistoryImage.Version(difference, ZoneDigest(version)))
        }
        let bytes = image.bytes
        #expect(HistoryImage(bytes) == image)
        for (place, version) in versions.enumerated().dropFirst() {
            let serial = try #require(version.first?.serial)
            let digest = ZoneDigest(version)
            let found = HistoryImage(bytes).leading(to: serial, digest)
            #expect(found.versions.count == place && found.history.differences.last?.to == serial)
            // Other records under this serial: nothing leads there.
            #expect(image.leading(to: serial, ZoneDigest(version + version)).versions.isEmpty)
            #expect(image.leading(to: SerialNumber(99), digest).versions.isEmpty)
        }
        // Whatever is cut off, or changed: what is left is no other difference than one of these.
        for length in stride(from: 0, to: bytes.count, by: 13) {
            let found = HistoryImage(Array(bytes[..<length])).versions
            #expect(found == Array(image.versions.prefix(found.count)))
        }
        for _ in 0..<500 {
            var mutant = bytes
            mutant[Int(random.next(below: UInt32(bytes.count)))] ^= UInt8(
                1 + random.next(below: 255)
            )
            _ = HistoryImage(mutant).history
        }
    }
}
