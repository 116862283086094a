// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Runtime

/// A target with its schedule, as the driver keeps it.
struct ProbedTarget {
    enum Activity: Equatable {
        /// The place is free.
        case absent
        /// Its next probe hangs in the timer wheel.
        case idle
        /// Due, and standing in line because too many probes run.
        case waiting
        /// Being asked, over the flight at this place.
        case running(Handle)
        /// Its command runs under this number.
        case commanding(UInt64)
        /// The verdict is told or of no use any more, and the command has not ended.
        case lingering(UInt64)
    }

    /// True when the verdict of the latest probe is known and the next one has not begun.
    var isBetweenProbes: Bool {
        switch activity {
        case .idle, .lingering: true
        case .absent, .waiting, .running, .commanding: false
        }
    }

    var target: ProbeTarget
    var request: [UInt8]
    var schedule: ProbeSchedule
    var activity = Activity.idle

    init(_ target: ProbeTarget, schedule: ProbeSchedule) {
        self.target = target
        request = ProbeRequest.bytes(target.question, to: target.address)
        self.schedule = schedule
    }
}

/// The connection of one running probe.
struct ProbeFlight: BitwiseCopyable {
    let place: Int32
    let fd: FileDescriptor
    let started: Instant
    /// True once it was given more time, for the time in which nobody looked after it.
    var isExtended = false
    /// Bytes of the request that the socket has taken.
    var sent: Int32 = 0
    /// Answer bytes in hand, at the front of the block.
    var length: Int32 = 0
    var block = Block.none
    /// The TLS session; none for plain TCP.
    var tls = Handle.none
}

/// Places of targets in the order of their coming, without moving what waits.
struct WaitingLine {
    private var places: [Int32] = []
    private var head = 0

    var isEmpty: Bool { head == places.count }

    mutating func append(_ place: Int) { places.append(Int32(truncatingIfNeeded: place)) }

    mutating func popFirst() -> Int? {
        guard head < places.count else { return nil }
        let place = Int(places[head])
        head += 1
        if head == places.count {
            places.removeAll(keepingCapacity: true)
            head = 0
        }
        return place
    }
}
