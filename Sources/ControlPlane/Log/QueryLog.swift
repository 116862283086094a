// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime
internal import Synchronization

/// The log of sampled queries: what workers have put into their rings becomes lines, on the log thread.
///
/// Workers write plain words and never wait. When the log thread falls behind, as on a full disk, the
/// newest records take the place of the oldest, and those that are gone count as dropped lines.
final class QueryLog: Sendable {
    /// Lines on their way to the file.
    let ring = ByteRing(capacity: 1 << 20)
    private let books: [AnswerBook]
    private let snapshot = Mutex<ServingSnapshot?>(nil)
    // How many records of each book have been taken; the log thread's.
    private let positions: Mutex<[UInt64]>

    /// A log of what these tables hold.
    init(_ shared: DNSShared) {
        books = shared.books
        positions = Mutex(books.map { _ in 0 })
    }

    /// What numbers in records stand for from now on.
    func setSnapshot(_ snapshot: ServingSnapshot) {
        self.snapshot.withLock { $0 = snapshot }
    }

    /// Lines that were lost, those that the log thread has not missed yet included.
    var dropped: UInt64 {
        positions.withLock { positions in
            zip(books, positions).reduce(ring.dropped) { sum, pair in
                let (written, capacity) = (pair.0.logged.written, UInt64(pair.0.logged.capacity))
                return sum &+ (written > pair.1 &+ capacity ? written - pair.1 - capacity : 0)
            }
        }
    }

    /// Turns records into lines as far as there is room; called by the log thread alone.
    ///
    /// True when there may be more.
    func fill() -> Bool {
        // Not under the lock: the control thread never waits for lines.
        guard let snapshot = snapshot.withLock({ $0 }) else { return false }
        return positions.withLock { positions in
            let moment = Moment(now: Clock.monotonic(), realtime: Clock.realtime())
            for (place, book) in books.enumerated() {
                var lost: UInt64 = 0
                defer { ring.countDropped(lost) }
                while ring.capacity - ring.waiting >= QueryLogLine.lengthLimit {
                    guard let record = book.logged.next(&positions[place], lost: &lost)
                    else { break }
                    ring.write(QueryLogLine(record, snapshot, at: moment).bytes.span)
                }
            }
            return ring.capacity - ring.waiting < QueryLogLine.lengthLimit
        }
    }
}
