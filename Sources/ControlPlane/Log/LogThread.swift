// SPDX-License-Identifier: Apache-2.0
public import Configuration
internal import Essentials
public import Runtime
internal import Synchronization

/// One log: where it goes, and the rings that its writers fill.
public struct LogStream: Sendable {
    /// The name in metrics and messages: `access`, `events` or `queries`.
    public var name: String
    /// Where lines go.
    public var output: LogOutput
    /// One ring per writing thread.
    public var rings: [ByteRing]
    /// What puts lines into the ring when the log thread has time; nil where writers do.
    var source: QueryLog?

    /// Lines that were lost.
    var dropped: UInt64 { source?.dropped ?? rings.reduce(0) { $0 &+ $1.dropped } }

    /// A log from its parts.
    public init(name: String, output: LogOutput, rings: [ByteRing]) {
        self.name = name
        self.output = output
        self.rings = rings
    }
}

/// Moves log lines from the rings of the workers to files, on a thread of its own.
///
/// A full disk or a stuck pipe stops this thread and nothing else: the rings fill up, further
/// lines are dropped and counted, and once lines flow again the log says how many were lost.
public final class LogThread: Sendable {
    private enum Message: Sendable {
        case streams([LogStream])
        case reopen
        case wake
        case stop
    }

    /// How often rings are looked at; a ring of 1 MiB holds some seconds of a busy worker.
    static let period = 50

    private let mailbox: Mailbox<Message>
    private let ended: Mailbox<Bool>
    private let streams = Mutex<[LogStream]>([])

    /// A thread that is not running yet.
    public init() throws(SystemError) {
        mailbox = try Mailbox()
        ended = try Mailbox()
    }

    /// Sets the logs; files that stay the same stay open.
    public func setStreams(_ streams: [LogStream]) {
        self.streams.withLock { $0 = streams }
        mailbox.post(.streams(streams))
    }

    /// Opens all files anew, after something has moved them away.
    public func reopen() { mailbox.post(.reopen) }

    /// Says that a line is waiting which should not wait for the next look.
    public func wake() { mailbox.post(.wake) }

    /// Lines dropped so far, by log.
    public var droppedLines: [(log: String, count: UInt64)] {
        streams.withLock { streams in
            streams.map { ($0.name, $0.dropped) }
        }
    }

    /// Begins; `report` takes events about the logs themselves, such as dropped lines.
    public func start(report: @escaping @Sendable (LogEvent) -> Void) throws(SystemError) {
        try WorkerThread.startLoop(name: "martlet-log") { [mailbox, ended] loop in
            loop.add(mailbox.descriptor, token: 0, interest: .read)
            var files = LogFiles(report: report)
            var isRunning = true
            while isRunning {
                _ = loop.wait(timeoutMilliseconds: LogThread.period)
                for message in mailbox.drain() {
                    switch message {
                    case .streams(let streams): files.setStreams(streams)
                    case .reopen: files.reopen()
                    case .wake: break
                    case .stop: isRunning = false
                    }
                }
                files.drain()
            }
            files.close()
            ended.post(true)
        }
    }

    /// Writes out what waits and ends the thread, or gives up after `limit` milliseconds.
    public func stop(limitMilliseconds limit: Int = 1000) {
        mailbox.post(.stop)
        guard var loop = try? EventLoop() else { return }
        loop.add(ended.descriptor, token: 0, interest: .read)
        _ = loop.wait(timeoutMilliseconds: limit)
    }
}
