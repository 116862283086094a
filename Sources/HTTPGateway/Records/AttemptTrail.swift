// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The attempts of one exchange that others have followed; only those who fail have one.
struct AttemptTrail: BitwiseCopyable {
    struct Step: BitwiseCopyable {
        var slot: Int32 = -1
        var fault = Fault.internalError
        var status: UInt16 = 0
        var began = Instant.start
        var ended = Instant.start
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
