// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime
internal import Synchronization

/// What the threads of a cache's disk and everybody else share.
///
/// One thread writes, a few read; workers hand them objects and go on. An object is written once it is whole,
/// behind what was written before, and is read into memory, whole and compared with its digests, when
/// somebody asks for it and memory has let it go:
///
///     worker ── keep ──▶ writer ──▶ segment, list        orders ──▶ log (mapped)
///     worker ── load ──▶ reader ──▶ memory ──▶ news to who waits
///
/// Where the disk fails, or is slower than what comes, objects are in memory alone: nobody waits for it.
final class DiskTier: Sendable {
    /// Threads that read.
    static let readers = 4
    /// Objects that wait to be written; the octets of them have a bound of their own.
    static let waitingLimit = 8192

    enum Job: Sendable {
        case keep(StoredRef, octets: Int)
        /// What is on the disk alone is meant, too.
        case forget(DiskOrder)
        /// There is no room for orders: all that is there is forgotten.
        case forgetAll
        case leave
    }

    enum Request: Sendable {
        case load(StoredRef)
        case leave
    }

    let plan: DiskPlan
    /// The most octets of one body.
    let objectLimit: Int
    let segmentSize: Int
    let key: SipKey
    let jobs: Mailbox<Job>
    let requests: [Mailbox<Request>]
    let orders: Mutex<DiskOrders>
    let status = Mutex(DiskStatus())
    /// The segments that can be read.
    let segments = Mutex<[UInt32: DiskFile]>([:])
    /// True once nobody works for it any more.
    private let isShut = Mutex(false)
    /// After a failure it is tried again.
    let isTried = Atomic(false)
    private let waiting = Atomic(0)
    private let waitingOctets = Atomic(0)
    private let waitingOctetsLimit: Int

    init(
        _ plan: DiskPlan,
        objectLimit: Int,
        memory: Int,
        key: SipKey
    ) throws(SystemError) {
        self.plan = plan
        self.objectLimit = objectLimit
        self.key = key
        segmentSize = plan.segment(objectLimit: objectLimit)
        // What waits cannot go from memory.
        waitingOctetsLimit = max(memory / 8, objectLimit)
        orders = Mutex(DiskOrders(key: key))
        jobs = try Mailbox()
        var requests: [Mailbox<Request>] = []
        for _ in 0..<DiskTier.readers { requests.append(try Mailbox()) }
        self.requests = requests
    }

    // MARK: For workers

    /// Takes a place among those that wait to be written; false when there are too many.
    func admit(_ octets: Int) -> Bool {
        let state = status.withLock { $0.state }
        guard state != .closed, state != .failing || isTried.load(ordering: .relaxed),
            waiting.load(ordering: .relaxed) < DiskTier.waitingLimit,
            waitingOctets.load(ordering: .relaxed) + octets <= waitingOctetsLimit
        else {
            status.withLock { $0.skips += 1 }
            return false
        }
        waiting.add(1, ordering: .relaxed)
        waitingOctets.add(octets, ordering: .relaxed)
        return true
    }

    /// Gives a place back.
    func dismiss(_ octets: Int) {
        waiting.subtract(1, ordering: .relaxed)
        waitingOctets.subtract(octets, ordering: .relaxed)
    }

    /// Has an object written; it has a place, and is held for the writer.
    ///
    /// False when nobody is there to do it.
    func keep(_ ref: StoredRef, octets: Int) -> Bool {
        isShut.withLock { isShut in
            if !isShut { jobs.post(.keep(ref, octets: octets)) }
            return !isShut
        }
    }

    /// Has what is on the disk of a key brought into memory; its entry is held for the reader.
    ///
    /// False when nobody is there to do it.
    func load(_ ref: StoredRef) -> Bool {
        let number = Int(truncatingIfNeeded: ref.number >> 4) & (DiskTier.readers - 1)
        return isShut.withLock { isShut in
            if !isShut { requests[number].post(.load(ref)) }
            return !isShut
        }
    }

    /// Counts an order, which holds for all that was asked for before; its number.
    func order(_ target: DiskOrder.Target, _ mode: PurgeMode) -> UInt64 {
        let (number, isWhole) = orders.withLock {
            let isWhole = $0.append(target, mode)
            return ($0.number, isWhole)
        }
        if !isWhole { jobs.post(.forgetAll) }
        return number
    }

    /// Ends all threads, once they have done what they were given.
    func close() { jobs.post(.leave) }

    /// Takes no more, and has readers leave; another one may use the folder then.
    func shut(_ store: CacheStore?) {
        status.withLock { $0.state = .closed }
        isShut.withLock { $0 = true }
        orders.withLock { $0.close() }
        store?.forgetDisk()
        segments.withLock { $0 = [:] }
        for mailbox in requests { mailbox.post(.leave) }
    }

    // MARK: For its threads

    func segment(_ number: UInt32) -> DiskFile? { segments.withLock { $0[number] } }

    /// Notes that something failed, and what.
    func note(_ error: SystemError, at what: String) {
        status.withLock {
            $0.error = error
            $0.failedAt = what
            $0.errors += 1
        }
    }

    func path(_ number: UInt32, _ kind: String) -> String { "\(plan.folder)/\(number).\(kind)" }

    /// The lines of a segment's list; nil where it cannot be read.
    func lines(of number: UInt32) -> [UInt8]? {
        try? File.readRegular(path(number, "list"), limit: DiskPlan.largestSegment)
    }

    /// Forgets objects that are on the disk and that some of the orders mean; how many of them are not in
    /// memory, too.
    ///
    /// Reads all lists: nothing for a worker.
    func forget(_ orders: [DiskOrder], _ store: CacheStore) -> Int {
        let table = DiskOrderTable(orders)
        var count = 0
        for number in segments.withLock({ Array($0.keys) }) {
            guard let content = lines(of: number) else {
                // What is in it nobody knows, so nothing of it is given out.
                store.forgetSegment(number)
                continue
            }
            let bytes = content.span
            var place = 0
            while let listing = DiskListing(bytes, at: place, key: key) {
                defer { place += listing.count }
                let (shard, hash) = store.place(bytes.slice(listing.key(at: place)))
                guard let fate = table.fate(listing, bytes, at: place, hash: hash) else { continue }
                let place = DiskPlace(
                    segment: number,
                    offset: listing.offset,
                    octets: listing.octets
                )
                if store.forgetOnDisk(place, hash, shard, fate) { count += 1 }
            }
        }
        return count
    }
}
