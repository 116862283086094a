// SPDX-License-Identifier: Apache-2.0
public import Configuration
internal import Essentials
public import Runtime
internal import Synchronization

/// Takes events from any thread: keeps the latest for the API, and hands lines to the log thread.
public final class EventLog: Sendable {
    /// How many events the API can look back on.
    public static let capacity = 1000

    private struct State {
        var level: LogLevel
        var next: UInt64 = 1
        var events: [LogEvent] = []
        var counts: [EventKind: UInt64] = [:]

        mutating func keep(_ event: LogEvent) {
            events.append(event)
            // In bulk, so that keeping the latest costs nothing per event.
            if events.count >= EventLog.capacity * 2 {
                events.removeFirst(events.count - EventLog.capacity)
            }
        }
    }

    /// What the log thread writes out.
    public let ring = ByteRing(capacity: 256 << 10)
    private let state: Mutex<State>
    private let wake: @Sendable () -> Void

    /// A log that writes lines of `level` and worse; `wake` tells the log thread about each.
    public init(level: LogLevel, wake: @escaping @Sendable () -> Void = {}) {
        state = Mutex(State(level: level))
        self.wake = wake
    }

    /// Changes which lines are written; the API shows all events but the debugging ones anyway.
    public func setLevel(_ level: LogLevel) { state.withLock { $0.level = level } }

    /// Takes an event.
    public func record(_ event: LogEvent) {
        // The lock also makes the ring's writer one at a time.
        let isWritten = state.withLock { state in
            var event = event
            event.sequence = state.next
            state.next += 1
            state.counts[event.kind, default: 0] += 1
            if event.level != .debug || state.level == .debug { state.keep(event) }
            guard event.level.isAtLeast(state.level) else { return false }
            return ring.write(Array((event.line + "\n").utf8).span)
        }
        if isWritten { wake() }
    }

    /// The events after a sequence number, oldest first.
    public func events(after sequence: UInt64) -> [LogEvent] {
        state.withLock { state in
            let start = state.events.firstIndex { $0.sequence > sequence }
            return start.map { Array(state.events[$0...]) } ?? []
        }
    }

    /// Events so far by kind, in the order of the kinds.
    public var counts: [(kind: EventKind, count: UInt64)] {
        state.withLock { state in EventKind.allCases.map { ($0, state.counts[$0] ?? 0) } }
    }

    /// The sequence number of the latest event.
    public var latest: UInt64 { state.withLock { $0.next - 1 } }
}

extension LogLevel {
    /// True when this is as severe as `other`, or worse.
    public func isAtLeast(_ other: LogLevel) -> Bool {
        let order = LogLevel.allCases
        return order.firstIndex(of: self) ?? 0 <= order.firstIndex(of: other) ?? 0
    }
}
