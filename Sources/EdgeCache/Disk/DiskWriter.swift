// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime
internal import Synchronization

/// The thread that writes what a cache keeps on its disk.
///
/// It opens the folder, looks through what is there, and from then on writes behind it: first objects, then the
/// lines of the list that name them, so that no line names what is not there. When all segments are full the
/// oldest goes; what was asked for of it is written anew.
struct DiskWriter {
    /// After an error nothing is written for so long.
    static let pause = Interval.seconds(30)
    /// What has been written goes to the medium itself in such steps.
    static let syncEvery = Interval.seconds(1)
    /// While another process has the folder, it is tried again so often.
    static let lockEvery = Interval.milliseconds(100)
    private static let bufferCount = 1 << 20

    /// A segment that is full, or was found.
    struct Sealed {
        var number: UInt32
        /// Octets of both files.
        var octets: Int
        /// The least of the epochs of its objects.
        var epoch: UInt64
    }

    /// An object that is in the buffer, and not yet in the file.
    struct Written {
        var ref: StoredRef
        var place: DiskPlace
        var vary: UInt64
    }

    let tier: DiskTier
    weak var store: CacheStore?
    var sealed: [Sealed] = []
    var number: UInt32 = 0
    var data: DiskFile?
    var list: DiskFile?
    /// Octets that are in the files of the present segment.
    var dataCount = 0
    var listCount = 0
    var epoch = UInt64.max
    /// How many orders there had been before it was opened.
    var firstEpoch: UInt64 = 0
    /// What was asked for before so many orders may miss some of them in the log.
    var leastEpoch: UInt64 = 0
    var orders: DiskFile?

    let buffer: CacheMemory
    var buffered = 0
    let lines: CacheMemory
    var linesBuffered = 0
    var written: [Written] = []
    var isDirty = false
    var pausedUntil = Instant.start
    var syncedAt = Instant.start

    init(_ tier: DiskTier, _ store: CacheStore) throws(SystemError) {
        self.tier = tier
        self.store = store
        buffer = try CacheMemory(count: DiskWriter.bufferCount)
        lines = try CacheMemory(count: DiskWriter.bufferCount)
    }

    // MARK: The thread

    /// Works until it is told to leave, or the store is gone.
    mutating func run(_ loop: inout EventLoop) {
        loop.add(tier.jobs.descriptor, token: 0, interest: .read)
        guard let lock = waitForFolder(&loop) else { return end() }
        defer { lock.close() }
        while store != nil {
            let start = Clock.monotonic()
            do throws(SystemError) {
                try open()
                let time = Clock.monotonic() - start
                tier.status.withLock {
                    $0.state = .serving
                    $0.opening = time.nanoseconds
                }
                break
            } catch {
                guard wait(DiskWriter.pause, &loop) else { return end() }
            }
        }
        while work(&loop) {}
        end()
    }

    /// Does what has come; false at the end.
    private mutating func work(_ loop: inout EventLoop) -> Bool {
        let isPaused = tier.status.withLock { $0.state == .failing }
        _ = loop.wait(timeoutMilliseconds: isDirty || isPaused ? 1000 : -1)
        return perform(tier.jobs.drain(), Clock.monotonic())
    }

    /// Lets some time pass, in which nothing is written; false when the thread shall leave.
    private mutating func wait(_ time: Interval, _ loop: inout EventLoop) -> Bool {
        _ = loop.wait(timeoutMilliseconds: Int(clamping: time.nanoseconds / 1_000_000))
        var isLeaving = false
        for job in tier.jobs.drain() {
            switch job {
            case .keep(let ref, let octets): drop(ref, octets)
            // What is there is compared with all orders when it is opened.
            case .forget, .forgetAll: continue
            case .leave: isLeaving = true
            }
        }
        return !isLeaving
    }

    /// Does some jobs, and what time demands; false at the end.
    mutating func perform(_ jobs: [DiskTier.Job], _ now: Instant) -> Bool {
        var isLeaving = false
        var meant: [DiskOrder] = []
        tier.isTried.store(now >= pausedUntil, ordering: .relaxed)
        for job in jobs {
            guard let store else { return false }
            switch job {
            case .keep(let ref, let octets): keep(ref, octets, store, now)
            case .forget(let order): meant.append(order)
            case .forgetAll: forgetAll(store)
            case .leave: isLeaving = true
            }
        }
        guard let store else { return false }
        // One walk for all of them.
        if !meant.isEmpty { _ = tier.forget(meant, store) }
        attempt(now) { writer throws(SystemError) in try writer.flush(store) }
        if isDirty, isLeaving || now - syncedAt >= DiskWriter.syncEvery {
            syncedAt = now
            attempt(now) { writer throws(SystemError) in try writer.sync() }
        }
        if tier.orders.withLock({ $0.isHalfFull }) {
            attempt(now) { writer throws(SystemError) in try writer.compactOrders() }
        }
        return !isLeaving
    }

    /// Takes the folder, once nobody else has it; nil when the thread shall leave before.
    private mutating func waitForFolder(_ loop: inout EventLoop) -> FileDescriptor? {
        while store != nil {
            do throws(SystemError) {
                try File.makeFolder(tier.plan.folder, mode: 0o700)
                return try File.lock("\(tier.plan.folder)/lock")
            } catch {
                if error == .wouldBlock {
                    tier.status.withLock { $0.state = .waiting }
                } else {
                    fail(error, at: "opening \(tier.plan.folder)")
                }
            }
            let isBusy = tier.status.withLock { $0.state == .waiting }
            guard wait(isBusy ? DiskWriter.lockEvery : DiskWriter.pause, &loop) else { return nil }
        }
        return nil
    }

    /// Gives up what waits; what is on the disk is read no more.
    mutating func end() {
        abandon()
        tier.shut(store)
        for job in tier.jobs.drain() {
            if case .keep(let ref, let octets) = job { drop(ref, octets) }
        }
        buffer.discard(at: 0, count: buffer.count)
        lines.discard(at: 0, count: lines.count)
    }

    // MARK: Failing

    mutating func attempt(
        _ now: Instant,
        _ body: (inout DiskWriter) throws(SystemError) -> Void
    ) {
        do {
            try body(&self)
        } catch {
            abandon()
            pausedUntil = now + DiskWriter.pause
        }
    }

    /// Notes what has failed; what was on its way is in memory alone.
    mutating func fail(_ error: SystemError, at what: String) {
        tier.note(error, at: what)
        tier.status.withLock { $0.state = .failing }
    }

    /// What is in the buffers does not come into the files.
    mutating func abandon() {
        // A part of their lines may have come into the file.
        for object in written { store?.dropFromDisk(object.ref, mayBeThere: true) }
        tier.status.withLock { [count = written.count] in $0.skips += count }
        written = []
        (buffered, linesBuffered) = (0, 0)
    }

    /// An object is not written.
    mutating func drop(_ ref: StoredRef, _ octets: Int) {
        tier.dismiss(octets)
        tier.status.withLock { $0.skips += 1 }
        store?.dropFromDisk(ref)
    }
}
