// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@testable import EdgeCache

/// Clients, a cache and an origin, that do at random what doors do; all that clients get is judged by
/// ``ProgramRecord``.
final class CacheProgram {
    /// One request to the origin on behalf of the store.
    final class Fetch {
        let fill: StoredRef
        let base: StoredRef
        let baseRecord: ProgramRecord?
        let resource: Int
        let request: ProgramRequest
        let asked: Int64
        var record: ProgramRecord?
        var written = 0
        var isGone = false

        init(
            _ fill: StoredRef,
            _ base: StoredRef,
            _ record: ProgramRecord?,
            _ resource: Int,
            _ request: ProgramRequest,
            asked: Int64
        ) {
            self.fill = fill
            self.base = base
            baseRecord = record
            self.resource = resource
            self.request = request
            self.asked = asked
        }
    }

    /// Somebody who waits for what another one fetches.
    struct Waiter {
        var fill: StoredRef
        var base: StoredRef
        var request: ProgramRequest
    }

    /// Something that is read, and whose content must stay as it is.
    struct Reader {
        var ref: StoredRef
        var record: ProgramRecord
    }

    var random: SeededRandom
    var origin = ProgramOrigin()
    var store: CacheStore
    var rules: CacheRules
    var now: Int64 = 0
    var records: [Int: ProgramRecord] = [:]
    var fetches: [Fetch] = []
    var waiters: [Waiter] = []
    var readers: [Reader] = []
    var counts: [String: Int] = [:]
    var failures: [String] = []
    var empty = 0
    /// Where things are kept over restarts, for a program with a disk.
    let folder: DiskFolder?
    var disk: DiskDesk?
    private var heads: [ProgramRequest: ReadHead] = [:]
    let keys: [[UInt8]]

    var reuse: ReuseRule { ReuseRule(rules) }
    var storage: StorageRule { StorageRule(rules) }
    var isHeeded: Bool { rules.heedsClients }

    init(seed: UInt64, hasDisk: Bool = false) throws {
        random = SeededRandom(seed: seed)
        rules = CacheRules()
        folder = hasDisk ? DiskFolder() : nil
        store = try Self.store(folder)
        if hasDisk { disk = try DiskDesk(store) }
        if hasDisk { rules.heedsClients = seed % 2 == 0 }
        empty = store.statistics().octets
        keys = (0..<ProgramOrigin.count).map { Self.key($0) }
    }

    private static func store(_ folder: DiskFolder?) throws -> CacheStore {
        let disk = folder.map { DiskPlan(folder: $0.path, size: 16 << 20) }
        let plan = CacheStorePlan(memory: 1 << 20, objectLimit: 100_000, disk: disk)
        return try CacheStore(plan, key: SipKey(3, 4))
    }

    /// Resources differ in host, path and query.
    private static func key(_ resource: Int) -> [UInt8] {
        let head = ReadHead([])
        let bytes = head.bytes
        let (host, path) = (Array("h\(resource % 2)".utf8), Array("/\(resource % 4)".utf8))
        let query = Array("\(resource / 2)".utf8)
        return [UInt8](capacity: 200) { output in
            _ = CacheKeyRule().write(
                isSecure: resource % 3 == 0,
                host: host.span,
                path: path.span,
                query: resource % 5 == 0 ? nil : query.span,
                head.fields,
                bytes.span,
                into: &output
            )
        }
    }

    func pick(_ bound: Int) -> Int { Int(random.next(below: UInt32(bound))) }

    func tally(_ word: String) { counts[word, default: 0] += 1 }

    func check(_ isRight: Bool, _ what: @autoclosure () -> String) {
        if !isRight { failures.append("at \(now): " + what()) }
    }

    func head(_ request: ProgramRequest) -> ReadHead {
        if let known = heads[request] { return known }
        let head = ReadHead(request.lines)
        heads[request] = head
        return head
    }

    func anyRequest() -> ProgramRequest {
        ProgramRequest(
            color: pick(3),
            size: pick(2),
            number: pick(ProgramRequest.wishes.count),
            hasAuthorization: pick(12) == 0
        )
    }

    // MARK: What is found

    /// What is stored under a reference, known by the number in its head.
    func record(_ ref: StoredRef) -> ProgramRecord? {
        let head = [UInt8](capacity: 2048) { _ = store.writeHead(ref, into: &$0) }
        var number = 0
        for octet in head.dropFirst(14) {
            guard case 0x30...0x39 = octet else { break }
            number = number * 10 + Int(octet - 0x30)
        }
        return records[number]
    }

    /// The content that is there.
    func content(_ ref: StoredRef) -> ([UInt8], PieceState) {
        var octets: [UInt8] = []
        while true {
            let piece = store.piece(ref, at: UInt64(octets.count), watcher: 1)
            guard piece.state == .bytes else { return (octets, piece.state) }
            octets += [UInt8](capacity: piece.bytes.count) { _ = $0.write(piece.bytes) }
        }
    }

    /// All of it is the record's, and nothing of any other.
    func compare(_ ref: StoredRef, _ record: ProgramRecord) {
        let (octets, state) = content(ref)
        let body = record.answer.body
        if state == .end {
            check(
                octets == body,
                "\(octets.count) octets of \(body.count) of \(record.answer.number)"
            )
        } else {
            check(octets == Array(body.prefix(octets.count)), "mixed \(record.answer.number)")
        }
    }

    /// What a whole object has to be, whatever it is used for.
    func object(
        _ ref: StoredRef,
        _ resource: Int,
        _ request: ProgramRequest
    ) -> ProgramRecord? {
        guard let record = record(ref) else {
            check(false, "what is found has never come")
            return nil
        }
        let number = record.answer.number
        check(record.resource == resource, "\(number) is of another resource")
        check(record.isFor(request), "\(number) is another variant")
        check(record.isStorable(isHeeded: isHeeded), "\(number) may not be kept")
        check(!record.isGone, "\(number) was taken out, or never whole")
        check(record.isComplete, "\(number) is not whole")
        return record
    }

    func read(_ ref: StoredRef, _ record: ProgramRecord) {
        compare(ref, record)
        readers.append(Reader(ref: ref, record: record))
    }

    // MARK: Orders

    func purge() {
        let resource = pick(ProgramOrigin.count)
        let mode: PurgeMode = pick(2) == 0 ? .hard : .soft
        if pick(4) > 0 {
            let key = keys[resource]
            _ = store.purge(key: key.span, mode)
            for record in records.values where record.resource == resource { forget(record, mode) }
            for fetch in fetches where fetch.resource == resource { fetch.isGone = true }
            return tally("purge \(mode)")
        }
        guard disk == nil else { return purgeMany(mode) }
        _ = store.purge(mode) { key, head in
            var number = 0
            for index in 14..<head.count {
                guard case 0x30...0x39 = head[index] else { break }
                number = number * 10 + Int(head[index] - 0x30)
            }
            return number % 3 == 0
        }
        for record in records.values where record.answer.number % 3 == 0 { forget(record, mode) }
        for fetch in fetches where fetch.record.map({ $0.answer.number % 3 == 0 }) ?? true {
            fetch.isGone = true
        }
        tally("purge where")
    }

    /// Takes out what a selection means, in memory and on the disk.
    private func purgeMany(_ mode: PurgeMode) {
        let key = keys[pick(ProgramOrigin.count)]
        let selections: [StoredSelection] = [
            .beginning(Array(key.dropLast(pick(4)))), .host(Array("h\(pick(2))".utf8)), .all,
        ]
        let selection = selections[pick(10) == 0 ? 2 : pick(2)]
        _ = store.purge(selection, mode)
        let nothing: [UInt8] = []
        let meant = Set(
            keys.indices.filter { place in
                let key = keys[place]
                return selection.isMeant(key.span, nothing.span)
            }
        )
        for record in records.values where meant.contains(record.resource) { forget(record, mode) }
        for fetch in fetches where fetch.record == nil || meant.contains(fetch.resource) {
            fetch.isGone = true
        }
        tally("purge where")
    }

    private func forget(_ record: ProgramRecord, _ mode: PurgeMode) {
        if mode == .soft, record.isComplete { record.isSoft = true } else { record.isGone = true }
    }

    /// Everything ends, and a store begins that knows nothing.
    func restart() throws {
        for fetch in fetches {
            store.fail(fetch.fill)
            store.release(fetch.fill)
            store.release(fetch.base)
        }
        for waiter in waiters {
            store.release(waiter.fill)
            store.release(waiter.base)
        }
        for reader in readers {
            compare(reader.ref, reader.record)
            store.release(reader.ref)
        }
        if pick(2) == 0 { disk?.write() }
        disk?.kill()
        let before = store.statistics()
        counts["evictions", default: 0] += before.evictions
        _ = store.purge(.hard) { _, _ in true }
        let after = store.statistics()
        check(after.octets == empty, "\(after.octets - empty) octets are lost")
        check(after.fills == 0 && after.objects == 0, "\(after)")
        fetches = []
        waiters = []
        readers = []
        if disk == nil {
            records = [:]
            now = 0
        }
        store = try Self.store(folder)
        if disk != nil { disk = try DiskDesk(store) }
        // What was kept by one rule another may not keep.
        if disk == nil { rules.heedsClients = pick(2) == 0 }
        rules.refreshAheadPercent = Int64(pick(2) * 50)
        tally("restart")
    }
}
