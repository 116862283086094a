// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The attempts of one exchange that others have followed, or overtaken.
struct AttemptTrail: BitwiseCopyable {
    struct Step: BitwiseCopyable {
        var slot: Int32 = -1
        var number: UInt16 = 0
        var fault = Fault.internalError
        var status: UInt16 = 0
        var began = Instant.start
        var ended = Instant.start
        /// It was cut, as another one's answer came first.
        var isOvertaken = false
        /// It ran beside the first one.
        var isHedge = false
    }

    private(set) var count = 0
    private var steps = InlineArray<8, Step>(repeating: Step())

    mutating func add(_ step: Step) {
        guard count < steps.count else { return }
        steps[count] = step
        count &+= 1
    }

    subscript(number: Int) -> Step { steps.indices.contains(number) ? steps[number] : Step() }
}

extension RequestRecord.Attempt {
    /// What a record keeps of a step of an exchange that began at an instant.
    init(_ step: AttemptTrail.Step, from start: Instant) {
        self.init(
            slot: Int(step.slot),
            status: step.status,
            fault: step.isOvertaken ? 0 : step.fault.rawValue &+ 1,
            began: max((step.began - start).microseconds, 0),
            ended: max((step.ended - start).microseconds, 0)
        )
        number = Int(step.number)
        isOvertaken = step.isOvertaken
        isHedge = step.isHedge
    }
}
