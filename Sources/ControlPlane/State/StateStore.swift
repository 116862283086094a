// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime
internal import Synchronization

/// The state files: read at the start, written when something changes.
///
/// A thread of its own writes, since a disk may take long and the control thread runs the probes.
/// Who has asked for a change hears of it once that is on the disk: by ``results``.
final class StateStore: Sendable {
    /// Names of the files in the folder.
    enum Name: String, Sendable {
        case health = "health.json"
        case overlay = "overlay.json"
        case steering = "steering.json"
        case configuration = "last-good.yaml"
        case sessionKey = "sticky.key"
        case roundTrips = "round-trips.json"
        case secondaries = "secondaries.json"
        case catalogs = "catalogs.json"
    }

    static let limits = JSONLimits(bytes: 64 << 20, depth: 8, values: 8_000_000)

    private struct Job: Sendable {
        var name: Name
        var bytes: [UInt8]
        // Of all that is written, in the order in which it was asked for.
        var number: UInt64
        // By which whoever waits for the end knows it; nil when nobody does.
        var ticket: UInt64?
    }

    /// How a write has ended that somebody waits for.
    struct Result: Sendable {
        /// What it was given.
        var ticket: UInt64
        /// Why the file is as it was; nil when it is written.
        var problem: SystemError?
    }

    // The number of what a file holds, by the file. Held while a file is written, since two threads
    // that write one would write into each other's text, and the older could come last.
    private final class Order: Sendable {
        let last = Atomic<UInt64>(0)
        let written = Mutex<[Name: UInt64]>([:])

        func next() -> UInt64 { last.add(1, ordering: .relaxed).newValue }

        // Older text than what the file holds is not written.
        func write(_ job: Job, to path: String) throws(SystemError) {
            try written.withLock { written throws(SystemError) in
                guard written[job.name, default: 0] < job.number else { return }
                try File.writeAtomically(path, job.bytes)
                written[job.name] = job.number
            }
        }
    }

    /// The folder; nil when nothing is kept.
    let folder: String?
    /// What was committed, in order; wakes whoever has it in its loop.
    let results: Mailbox<Result>
    private let jobs: Mailbox<Job>
    private let order = Order()

    /// Begins to write into the folder, which exists.
    init(folder: String?) throws(SystemError) {
        self.folder = folder
        let jobs = try Mailbox<Job>()
        self.jobs = jobs
        let results = try Mailbox<Result>()
        self.results = results
        guard let folder else { return }
        let order = order
        try WorkerThread.startLoop(name: "state") { loop in
            StateStore.write(jobs, results, to: folder, order, &loop)
        }
    }

    /// Reads a file as JSON; nil when there is none or it is no use.
    ///
    /// A file that cannot be understood is set aside under another name, with a word about it,
    /// and never stops a start.
    func read<Value>(
        _ name: Name,
        notes: inout [String],
        _ decode: (JSONValue) -> Value?
    ) -> Value? {
        guard let path = path(name) else { return nil }
        do throws(SystemError) {
            let bytes = try File.read(path, limit: StateStore.limits.bytes)
            if let json = try? JSONReader.read(bytes, limits: StateStore.limits),
                let value = decode(json)
            {
                return value
            }
            try? File.move(path, to: "\(path).corrupt")
            notes.append("the state file \(path) is damaged; it is set aside as \(path).corrupt")
        } catch {
            guard error != .noSuchFile else { return nil }
            notes.append("the state file \(path) cannot be read: \(error)")
        }
        return nil
    }

    /// Reads a file as it is; nil when there is none.
    func readBytes(_ name: Name) -> [UInt8]? {
        path(name).flatMap { try? File.read($0, limit: 4096) }
    }

    /// Writes a file before it returns.
    func writeNow(_ name: Name, _ bytes: [UInt8]) throws(SystemError) {
        guard let path = path(name) else { return }
        try order.write(Job(name: name, bytes: bytes, number: order.next()), to: path)
    }

    /// Has a file written soon; of several contents that wait, only the latest is.
    func writeSoon(_ name: Name, _ bytes: [UInt8]) {
        guard folder != nil else { return }
        jobs.post(Job(name: name, bytes: bytes, number: order.next()))
    }

    /// Has a file written, and its end told by ``results``; false when nothing is kept.
    ///
    /// Nothing else is to be committed to this file until then.
    func commit(_ name: Name, _ bytes: [UInt8], ticket: UInt64) -> Bool {
        guard folder != nil else { return false }
        jobs.post(Job(name: name, bytes: bytes, number: order.next(), ticket: ticket))
        return true
    }

    private func path(_ name: Name) -> String? { folder.map { "\($0)/\(name.rawValue)" } }

    private static func write(
        _ jobs: Mailbox<Job>,
        _ results: Mailbox<Result>,
        to folder: String,
        _ order: Order,
        _ loop: inout EventLoop
    ) {
        loop.add(jobs.descriptor, token: 0, interest: .read)
        var failed: Set<Name> = []
        while true {
            _ = loop.wait(timeoutMilliseconds: -1)
            var latest: [Name: Job] = [:]
            for job in jobs.drain() { latest[job.name] = job }
            for (name, job) in latest {
                let path = "\(folder)/\(name.rawValue)"
                do throws(SystemError) {
                    try order.write(job, to: path)
                    failed.remove(name)
                    if let ticket = job.ticket { results.post(Result(ticket: ticket)) }
                } catch {
                    if let ticket = job.ticket {
                        results.post(Result(ticket: ticket, problem: error))
                        continue
                    }
                    // Said once for each failing spell: a full disk must not fill the log too.
                    guard failed.insert(name).inserted else { continue }
                    ProcessControl.printError("martlet: \(path): \(error)")
                }
            }
        }
    }
}
