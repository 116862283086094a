// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime
internal import Synchronization

/// The zones that change while they serve, in `zones.db` of the state folder.
///
/// A thread of its own writes: a disk may take long. Whoever commits hears of it by ``results``,
/// and tells nobody before that. What waits together is written together, by one sync.
final class ZoneStore: Sendable {
    static let fileName = "zones.db"
    /// Commits that may wait.
    static let queueLimit = 1000

    /// What became of commits.
    struct Result: Sendable {
        /// The number that the commits were given.
        var number: UInt64
        /// Why nothing of them is kept; nil when all is.
        var problem: String?
        /// The tables that they make, when that was asked for.
        var table: ZoneTable?
        /// What is wrong with the zones that they would make: nothing of them is kept.
        var faults: [ZoneDiagnostic] = []
    }

    /// Decides what is kept and lays it out before it is: what cannot be served is not kept either.
    typealias Trial = @Sendable () -> Laid

    /// What a trial has come to.
    struct Laid: Sendable {
        /// What is to be kept; empty when nothing changes.
        var commits: [ZoneCommit] = []
        /// The tables that it makes; nil when they cannot be served.
        var table: ZoneTable?
        var faults: [ZoneDiagnostic] = []
    }

    private struct Job: Sendable {
        var number: UInt64
        var commits: [ZoneCommit] = []
        // Given away before anybody hears of the end: what it holds is changed in place then.
        var trial: Handed<Trial>?
    }

    /// What was done, in order; wakes whoever has it in its loop.
    let results: Mailbox<Result>
    /// False when nothing can be kept: then nothing may be changed.
    let isOpen: Bool
    /// True when there is a store that cannot be read at all: what was changed is not served.
    let isLost: Bool
    /// What was found at the start.
    let zones: [StoredZone]
    private let path: String?
    private let jobs: Mailbox<Job>
    private let waiting = Waiting()
    private let gate = Gate()

    /// Reads what is there, and begins to write; `notes` gets a word about what cannot be used.
    init(folder: String?, notes: inout [String]) throws(SystemError) {
        results = try Mailbox()
        jobs = try Mailbox()
        let path = folder.map { "\($0)/\(ZoneStore.fileName)" }
        let found = path.flatMap { ZoneStore.open($0, notes: &notes) }
        zones = found?.zones ?? []
        isOpen = found?.isWritable == true
        isLost = found == nil && path.map { File.isRegular($0) == true } == true
        self.path = isOpen ? path : nil
        guard isOpen, let path else { return }
        let (jobs, results, waiting, gate) = (jobs, results, waiting, gate)
        try WorkerThread.startLoop(name: "zones", isPatient: true) { loop in
            ZoneStore.write(jobs, results, to: path, waiting, gate, &loop)
        }
    }

    // A damaged file is set aside, with all that belongs to it, and never stops a start.
    private static func open(
        _ path: String,
        notes: inout [String]
    ) -> (zones: [StoredZone], isWritable: Bool)? {
        for attempt in 0..<2 {
            do throws(Database.Fault) {
                return (try ZoneTables(path).zones(), true)
            } catch {
                guard error.isDamage, attempt == 0 else { return read(path, error, &notes) }
                let aside = ZoneStore.freeName(path)
                for end in ["", "-wal", "-shm"] {
                    try? File.move(path + end, to: "\(path)\(end)\(aside)")
                }
                notes.append(
                    "the store of zones \(path) is damaged (\(error)); it is set aside as "
                        + "\(path)\(aside), and zones are served as the configuration has them"
                )
            }
        }
        return nil
    }

    // What was set aside before may be all that is left of somebody's changes.
    private static func freeName(_ path: String) -> String {
        let names = [".corrupt"] + (2...99).map { ".corrupt-\($0)" }
        return names.first { File.isRegular(path + $0) == nil } ?? ".corrupt"
    }

    // A full disk keeps nobody from reading: what was changed before is served on.
    private static func read(
        _ path: String,
        _ fault: Database.Fault,
        _ notes: inout [String]
    ) -> (zones: [StoredZone], isWritable: Bool)? {
        let remedy = "see that the folder has room and may be written, then restart"
        guard File.isRegular(path) == true else {
            notes.append("zones cannot be changed: \(path): \(fault); \(remedy)")
            return nil
        }
        do throws(Database.Fault) {
            let zones = try ZoneTables(reading: path).zones()
            notes.append(
                "zones cannot be changed: \(path): \(fault). What was changed before is served; "
                    + remedy
            )
            return (zones, false)
        } catch {
            notes.append(
                "zones cannot be changed: \(path): \(fault). What was changed before is not served "
                    + "either, and zones made by the API are missing; \(remedy)"
            )
            return nil
        }
    }

    /// Has a thread of its own do something, at whose end a result with this number comes; without a
    /// thread to be had it is done here.
    func perform(_ name: String, number: UInt64, _ body: @escaping @Sendable () -> Void) {
        let work = Handed(body)
        let results = results
        let whole: @Sendable () -> Void = {
            // Nothing of what it took is held when the control thread goes on.
            work.take()?()
            results.post(Result(number: number))
        }
        do throws(SystemError) {
            try WorkerThread.start(name: name, isPatient: true, body: whole)
        } catch {
            whole()
        }
    }

    /// Has changes kept; false when too many wait, and nothing will come of it.
    func commit(_ commits: [ZoneCommit], number: UInt64) -> Bool {
        take(Job(number: number, commits: commits))
    }

    /// The same for changes that a trial brings: they are only kept if it makes tables, which come
    /// back with the result.
    func perform(number: UInt64, _ trial: @escaping Trial) -> Bool {
        take(Job(number: number, trial: Handed(trial)))
    }

    private func take(_ job: Job) -> Bool {
        guard isOpen else { return false }
        let isTaken = waiting.take()
        if isTaken { jobs.post(job) }
        return isTaken
    }

    /// The latest versions of some zones, oldest first; none of those that are not known.
    ///
    /// Reads the disk: for the start, and never for a worker.
    func journals(of zones: [DomainName]) -> [DomainName: [ZoneDifference]] {
        guard !zones.isEmpty, let path, let tables = try? ZoneTables(path) else { return [:] }
        var found: [DomainName: [ZoneDifference]] = [:]
        for zone in zones { found[zone] = try? tables.journal(of: zone) }
        return found
    }

    private static func write(
        _ jobs: Mailbox<Job>,
        _ results: Mailbox<Result>,
        to path: String,
        _ waiting: Waiting,
        _ gate: Gate,
        _ loop: inout EventLoop
    ) {
        loop.add(jobs.descriptor, token: 0, interest: .read)
        var tables: ZoneTables?
        while true {
            _ = loop.wait(timeoutMilliseconds: -1)
            let taken = jobs.drain()
            var found: [UInt64: ZoneTable] = [:]
            var passed: [Job] = []
            for job in taken {
                guard let laid = job.trial?.take()?() else {
                    passed.append(job)
                    continue
                }
                var result = Result(number: job.number, faults: laid.faults)
                if let table = laid.table, !laid.commits.isEmpty {
                    found[job.number] = table
                    passed.append(Job(number: job.number, commits: laid.commits))
                } else {
                    if !laid.commits.isEmpty { result.problem = "the zone could not be served" }
                    results.post(result)
                }
            }
            let kept = gate.pass { isOpen in
                isOpen
                    ? write(passed, to: path, &tables)
                    : passed.map {
                        Result(number: $0.number, problem: "another process takes over; ask again")
                    }
            }
            for var result in kept {
                result.table = found[result.number]
                results.post(result)
            }
            waiting.give(taken.count)
        }
    }

    private static func write(
        _ jobs: [Job],
        to path: String,
        _ tables: inout ZoneTables?
    ) -> [Result] {
        do throws(Database.Fault) {
            if tables == nil { tables = try ZoneTables(path) }
            try tables?.write(jobs.flatMap(\.commits))
            return jobs.map { Result(number: $0.number) }
        } catch {
            // One that cannot be kept must not spoil the others; a file that went is opened again.
            guard jobs.count > 1 else {
                tables = nil
                return jobs.map { Result(number: $0.number, problem: "\(error)") }
            }
            return jobs.flatMap { write([$0], to: path, &tables) }
        }
    }

    /// Keeps nothing from now on: another process is about to read the file.
    ///
    /// What is being written is waited for, and what is only being decided will not be kept.
    func close() { gate.set(false) }

    /// Keeps changes again.
    func reopen() { gate.set(true) }

    // Held from the look at it to the end of what is written.
    private final class Gate: Sendable {
        private let isOpen = Mutex<Bool>(true)

        func set(_ open: Bool) { isOpen.withLock { $0 = open } }

        func pass<Value: Sendable>(_ body: (_ isOpen: Bool) -> Value) -> Value {
            isOpen.withLock { body($0) }
        }
    }

    private final class Waiting: Sendable {
        private let count = Mutex<Int>(0)

        func take() -> Bool {
            count.withLock { count in
                guard count < ZoneStore.queueLimit else { return false }
                count += 1
                return true
            }
        }

        func give(_ done: Int) { count.withLock { $0 -= done } }
    }
}
