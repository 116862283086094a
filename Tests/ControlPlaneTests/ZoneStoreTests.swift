// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Testing

@testable import ControlPlane

@Suite struct ZoneStoreTests {
    static let zone = DomainName("example.com") ?? .root
    static let www = DomainName("www.example.com") ?? .root

    static func soa(_ serial: UInt32) -> RecordSet {
        let start = StartOfAuthority(
            primary: zone,
            mailbox: zone,
            numbers: (serial: serial, refresh: 1, retry: 1, expire: 1, minimum: 1)
        )
        return RecordSet(ttl: 60, data: [RecordValue.soa(start).wire])
    }

    static func change(_ serial: UInt32, octets: Int = 4) -> ZoneDifference {
        let data = [UInt8](repeating: UInt8(truncatingIfNeeded: serial), count: octets)
        let type: RecordType = octets == 4 ? .A : RecordType(65_280)
        func record(_ serial: UInt32) -> DNSMessage.Record {
            DNSMessage.Record(owner: zone, type: .SOA, ttl: 60, data: soa(serial).data[0])
        }
        return ZoneDifference(
            oldSOA: record(serial &- 1),
            deleted: [],
            newSOA: record(serial),
            added: [DNSMessage.Record(owner: www, type: type, ttl: 1, data: data)]
        )
    }

    static func commit(_ serial: UInt32, kind: StoredZone.Kind = .overlay) -> ZoneCommit {
        var commit = ZoneCommit(StoredZone(name: zone, kind: kind, base: 7, facts: [1, 2]))
        commit.sets[RecordSetKey(zone, .SOA)] = soa(serial)
        commit.differences = [change(serial)]
        return commit
    }

    /// Waits for what the store says.
    static func results(_ store: ZoneStore, _ count: Int) throws -> [ZoneStore.Result] {
        var loop = try EventLoop()
        loop.add(store.results.descriptor, token: 0, interest: .read)
        var found: [ZoneStore.Result] = []
        while found.count < count {
            guard loop.wait(timeoutMilliseconds: 20_000) > 0 else { break }
            found += store.results.drain()
        }
        return found
    }

    @Test func `what comes once another process is to read the file is not kept`() throws {
        let folder = try TemporaryFolder()
        var notes: [String] = []
        let store = try ZoneStore(folder: folder.path, notes: &notes)
        store.close()
        // Decided before, and over only then.
        #expect(
            store.perform(number: 1) {
                ZoneStore.Laid(commits: [ZoneStoreTests.commit(8)], table: .empty)
            }
        )
        let refused = try ZoneStoreTests.results(store, 1)
        #expect(refused.map { $0.problem == nil } == [false])
        #expect(try ZoneStore(folder: folder.path, notes: &notes).zones.isEmpty)
        store.reopen()
        #expect(store.commit([ZoneStoreTests.commit(9)], number: 2))
        #expect(try ZoneStoreTests.results(store, 1).map(\.problem) == [nil])
    }

    @Test func `what is committed is there after a start`() throws {
        let folder = try TemporaryFolder()
        var notes: [String] = []
        let store = try ZoneStore(folder: folder.path, notes: &notes)
        #expect(store.isOpen && store.zones.isEmpty)
        var first = ZoneStoreTests.commit(8)
        first.sets[RecordSetKey(ZoneStoreTests.www, .A)] = RecordSet(
            ttl: 5,
            data: [[192, 0, 2, 1], [192, 0, 2, 2]]
        )
        first.sets[RecordSetKey(ZoneStoreTests.www, .MX)] = .some(nil)
        #expect(store.commit([first], number: 1))
        #expect(store.commit([ZoneStoreTests.commit(9)], number: 2))
        let results = try ZoneStoreTests.results(store, 2)
        #expect(results.map(\.number) == [1, 2])
        #expect(results.allSatisfy { $0.problem == nil })
        let again = try ZoneStore(folder: folder.path, notes: &notes)
        let found = try #require(again.zones.first)
        #expect(found.kind == .overlay && found.base == 7 && found.facts == [1, 2])
        #expect(found.serial == 9)
        #expect(found.sets.count == 3)
        #expect(found.sets[RecordSetKey(ZoneStoreTests.www, .MX)] == .some(.none))
        #expect(found.sets[RecordSetKey(ZoneStoreTests.www, .A)]??.data.count == 2)
        let journal = try #require(again.journals(of: [ZoneStoreTests.zone])[ZoneStoreTests.zone])
        #expect(journal == [ZoneStoreTests.change(8), ZoneStoreTests.change(9)])
        #expect(again.journals(of: [ZoneStoreTests.www]) == [ZoneStoreTests.www: []])
        #expect(notes.isEmpty)
    }

    @Test func `names are kept as they are written, and are one in any case`() throws {
        let folder = try TemporaryFolder()
        var notes: [String] = []
        let store = try ZoneStore(folder: folder.path, notes: &notes)
        let spelled = try #require(DomainName("WWW.Example.com"))
        for (number, owner) in [spelled, ZoneStoreTests.www].enumerated() {
            var commit = ZoneStoreTests.commit(8 + UInt32(number))
            commit.sets[RecordSetKey(owner, .A)] = RecordSet(ttl: 5, data: [[192, 0, 2, 1]])
            #expect(store.commit([commit], number: UInt64(number)))
            #expect(try ZoneStoreTests.results(store, 1).map(\.problem) == [nil])
        }
        store.close()
        let zone = try #require(try ZoneStore(folder: folder.path, notes: &notes).zones.first)
        let owners = zone.sets.keys.filter { $0.type == .A }.map { "\($0.owner)" }
        #expect(owners == ["WWW.Example.com."])
    }

    @Test func `whole zones are replaced and removed`() throws {
        let folder = try TemporaryFolder()
        let tables = try ZoneTables("\(folder.path)/zones.db")
        var commit = ZoneStoreTests.commit(1, kind: .transferred)
        commit.sets[RecordSetKey(ZoneStoreTests.www, .A)] = RecordSet(ttl: 5, data: [[1, 2, 3, 4]])
        try tables.write([commit])
        // A set that goes leaves no mark in a zone that is whole.
        commit.sets = [RecordSetKey(ZoneStoreTests.www, .A): nil]
        try tables.write([commit])
        #expect(try tables.zones().first?.sets.count == 1)
        commit.sets = [RecordSetKey(ZoneStoreTests.www, .TXT): RecordSet(ttl: 5, data: [[1, 65]])]
        commit.replacesAll = true
        commit.dropsJournal = true
        commit.differences = []
        try tables.write([commit])
        #expect(try tables.zones().first?.sets.keys.map(\.type) == [.TXT])
        #expect(try tables.journal(of: ZoneStoreTests.zone).isEmpty)
        commit.isRemoval = true
        try tables.write([commit])
        #expect(try tables.zones().isEmpty)
        var rows = 0
        try tables.database.rows("SELECT * FROM sets") { _ in
            rows += 1
            return true
        }
        #expect(rows == 0)
    }

    @Test func `the journal is bounded by versions and by octets`() throws {
        let folder = try TemporaryFolder()
        let tables = try ZoneTables("\(folder.path)/zones.db")
        var commit = ZoneStoreTests.commit(1)
        commit.differences = (1...1500).map { ZoneStoreTests.change(UInt32($0)) }
        try tables.write([commit])
        let kept = try tables.journal(of: ZoneStoreTests.zone)
        #expect(kept.count == ZoneHistory.countLimit && kept.last?.to.rawValue == 1500)
        var versions: Int64 = 0
        try tables.database.rows("SELECT count(*) FROM journal") { row in
            versions = row[0].integer
            return false
        }
        #expect(versions >= 900 && versions <= 1000)
        commit.differences = (1501...2100).map { ZoneStoreTests.change(UInt32($0), octets: 60_000) }
        try tables.write([commit])
        var octets: Int64 = 0
        try tables.database.rows("SELECT sum(octets) FROM journal") { row in
            octets = row[0].integer
            return false
        }
        #expect(octets > 10 << 20 && octets <= ZoneTables.journalLimit.octets)
        // A history holds 4 MiB.
        let last = try tables.journal(of: ZoneStoreTests.zone)
        #expect(last.count == 69 && last.last?.to.rawValue == 2100)
    }

    @Test func `the journal is read back to a gap, or to what is none`() throws {
        let folder = try TemporaryFolder()
        let tables = try ZoneTables("\(folder.path)/zones.db")
        var commit = ZoneStoreTests.commit(1)
        commit.differences = [1, 2, 3, 7, 8, 9].map { ZoneStoreTests.change($0) }
        try tables.write([commit])
        func serials() throws -> [UInt32] {
            try tables.journal(of: ZoneStoreTests.zone).map(\.to.rawValue)
        }
        #expect(try serials() == [7, 8, 9])
        try tables.database.run("UPDATE journal SET added = x'00' WHERE to_serial = 8")
        #expect(try serials() == [9])
        try tables.database.run("UPDATE journal SET deleted = added WHERE to_serial = 9")
        #expect(try serials() == [9], "an SOA is an SOA")
        try tables.database.run("UPDATE journal SET deleted = added || added")
        #expect(try serials().isEmpty, "with two of them it would end where it does not")
    }

    @Test func `a damaged store is set aside and stops nothing`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/zones.db"
        try File.writeAtomically(path, Array(repeating: 0x42, count: 10_000))
        var notes: [String] = []
        let store = try ZoneStore(folder: folder.path, notes: &notes)
        #expect(store.isOpen && store.zones.isEmpty)
        #expect(notes.count == 1 && notes[0].contains("set aside"))
        #expect(File.isRegular("\(path).corrupt") == true)
        // One of a newer version stays as it is.
        let tables = try ZoneTables(path)
        try tables.database.run("PRAGMA user_version=99")
        notes = []
        #expect(try !ZoneStore(folder: folder.path, notes: &notes).isOpen)
        #expect(notes.count == 1 && notes[0].contains("newer version"))
        #expect(File.isRegular(path) == true)
    }

    @Test func `what was set aside before is not overwritten`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/zones.db"
        for end in ["", "-2"] {
            try File.writeAtomically(path, Array(repeating: 0x42, count: 10_000))
            var notes: [String] = []
            _ = try ZoneStore(folder: folder.path, notes: &notes)
            #expect(notes.count == 1)
            #expect(File.isRegular("\(path).corrupt\(end)") == true)
        }
    }

    @Test func `a commit that replaces all leaves nothing of a former life`() throws {
        let folder = try TemporaryFolder()
        var notes: [String] = []
        var updater = ZoneUpdater(store: try ZoneStore(folder: folder.path, notes: &notes))
        var first = ZoneStoreTests.commit(1)
        first.sets[RecordSetKey(ZoneStoreTests.www, .A)] = .some(nil)
        updater.merge([first])
        var second = ZoneStoreTests.commit(2, kind: .made)
        second.replacesAll = true
        updater.merge([second])
        let zone = updater.overlays.zones[ZoneStoreTests.zone]
        #expect(zone?.kind == .made && zone?.sets.count == 1)
        #expect(updater.overlays.more(than: []).map(\.name) == ["example.com."])
    }

    @Test func `what waits is work, and a new version of one zone overtakes a flight`() throws {
        let folder = try TemporaryFolder()
        var notes: [String] = []
        var updater = ZoneUpdater(store: try ZoneStore(folder: folder.path, notes: &notes))
        #expect(!updater.hasWork)
        updater.jobs.append(
            ZoneAPIJob(
                change: .delete(ZoneStoreTests.zone),
                ifMatch: nil,
                ticket: .none,
                client: IPAddress(v4: 0)
            )
        )
        #expect(updater.hasWork)
        updater.flight = ZoneUpdater.Flight(number: 1, commits: [], answers: [])
        updater.live[ZoneStoreTests.zone] = ZoneRecords(apex: ZoneStoreTests.zone)
        updater.live[ZoneStoreTests.www] = ZoneRecords(apex: ZoneStoreTests.www)
        updater.noteReread(ZoneStoreTests.www)
        #expect(updater.flight?.isOvertaken == true)
        #expect(Array(updater.live.keys) == [ZoneStoreTests.zone])
    }

    @Test func `without a folder nothing can be changed`() throws {
        var notes: [String] = []
        let store = try ZoneStore(folder: nil, notes: &notes)
        #expect(!store.isOpen && notes.isEmpty)
        #expect(!store.commit([ZoneStoreTests.commit(1)], number: 1))
    }

    @Test func `what cannot be written is told, and only that`() throws {
        let folder = try TemporaryFolder()
        var notes: [String] = []
        let store = try ZoneStore(folder: folder.path, notes: &notes)
        var bad = ZoneStoreTests.commit(2)
        bad.differences = []
        // The schema wants a number of octets that is not there: the row is refused.
        let tables = try ZoneTables("\(folder.path)/zones.db")
        try tables.database.run(
            "CREATE TRIGGER t BEFORE INSERT ON zones WHEN NEW.base = 99"
                + " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        bad.zone.base = 99
        #expect(store.commit([bad], number: 1))
        #expect(store.commit([ZoneStoreTests.commit(3)], number: 2))
        let results = try ZoneStoreTests.results(store, 2)
        #expect(results.map(\.number) == [1, 2])
        #expect(results.first?.problem != nil && results.last?.problem == nil)
    }
}
