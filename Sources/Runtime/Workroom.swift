// SPDX-License-Identifier: Apache-2.0

/// A thread that does pieces of work for others, who wait for each.
///
/// Each thread takes memory from a part of the heap that is its own while it lives. What is made in
/// a workroom lies together, away from all that stays: once it is given up, and the room with it,
/// its part of the heap is empty, and can be given back whole.
public final class Workroom: Sendable {
    private enum Job: Sendable {
        case work(@Sendable () -> Void)
        case leave
    }

    private let jobs: Mailbox<Job>
    private let done: Mailbox<Void>

    /// Begins to wait for work; `name` (15 bytes) shows in `ps -L`.
    ///
    /// - Throws: ``SystemError`` when there is no thread, or no descriptor, to be had.
    public init(name: String) throws(SystemError) {
        let (jobs, done) = (try Mailbox<Job>(), try Mailbox<Void>())
        self.jobs = jobs
        self.done = done
        let failure = Handed<SystemError>()
        try WorkerThread.start(name: name) { Workroom.work(jobs, done, failure) }
        try wait()
        if let failure = failure.take() { throw failure }
    }

    deinit { jobs.post(.leave) }

    /// Has a piece of work done, and waits for its end.
    public func perform<Value: Sendable>(_ work: @escaping @Sendable () -> Value) -> Value {
        let result = Handed<Value>()
        jobs.post(.work { result.give(work()) })
        while true {
            // Without a loop to wait in, looking again is all there is.
            try? wait()
            if let value = result.take() { return value }
        }
    }

    private func wait() throws(SystemError) {
        var pause = try EventLoop()
        pause.add(done.descriptor, token: 0, interest: .read)
        _ = pause.wait(timeoutMilliseconds: -1)
        _ = done.drain()
    }

    private static func work(
        _ jobs: Mailbox<Job>,
        _ done: Mailbox<Void>,
        _ failure: Handed<SystemError>
    ) {
        do throws(SystemError) {
            var loop = try EventLoop()
            loop.add(jobs.descriptor, token: 0, interest: .read)
            done.post(())
            while true {
                _ = loop.wait(timeoutMilliseconds: -1)
                for job in jobs.drain() {
                    guard case .work(let body) = job else { return }
                    body()
                    done.post(())
                }
            }
        } catch {
            failure.give(error)
            done.post(())
        }
    }
}
