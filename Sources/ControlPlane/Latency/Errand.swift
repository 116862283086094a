// SPDX-License-Identifier: Apache-2.0
internal import Runtime
internal import Synchronization

/// Work that would keep the control thread too long, on a thread of its own.
final class Errand<Value: Sendable>: Sendable {
    private let result = Mutex<Value?>(nil)

    /// Begins; nil when there is no thread to be had.
    init?(_ name: String, _ work: @escaping @Sendable () -> Value) {
        let started: Void? = try? WorkerThread.start(name: name) { [self] in
            let value = work()
            result.withLock { $0 = value }
        }
        guard started != nil else { return nil }
    }

    /// What came of it; nil while it goes on.
    func take() -> Value? { result.withLock { $0 } }
}
