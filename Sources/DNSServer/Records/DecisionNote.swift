// SPDX-License-Identifier: Apache-2.0
internal import Steering

/// What a policy decided about one query, for its record: written only when the query is one of
/// those that are kept.
struct DecisionNote: BitwiseCopyable, Sendable {
    static let slotLimit = 16
    static let nodeLimit = 32

    private(set) var slots = InlineArray<16, UInt32>(repeating: 0)
    private(set) var slotCount = 0
    private(set) var nodes = InlineArray<32, UInt32>(repeating: 0)
    private(set) var nodeCount = 0
    /// Nodes beyond the limit.
    private(set) var nodesLeft = 0
    private(set) var outcome = SteerOutcome.none
    private(set) var mode = ChoiceMode.healthy
    private(set) var secondsToChange: UInt16 = 0
    /// Of the picture that the decision was made by.
    private(set) var generation: UInt64 = 0
    /// ``SteerTable/dialChanges`` then.
    private(set) var dialChanges: UInt64 = 0

    /// Adds what one family was answered; services have two of them.
    mutating func add(_ answers: AnswerSet, _ steer: borrowing SteerTable, isFirst: Bool) {
        if isFirst {
            self = DecisionNote()
            secondsToChange = answers.secondsToChange
        }
        if isFirst || answers.outcome == .addresses {
            outcome = answers.outcome
            mode = answers.mode
        }
        secondsToChange = min(secondsToChange, answers.secondsToChange)
        generation = steer.healthGeneration
        dialChanges = steer.dialChanges
        for place in 0..<answers.count where slotCount < DecisionNote.slotLimit {
            slots[slotCount] = UInt32(truncatingIfNeeded: answers.slot(place))
            slotCount &+= 1
        }
        for place in 0..<answers.nodeCount {
            guard nodeCount < DecisionNote.nodeLimit else {
                nodesLeft &+= 1
                continue
            }
            nodes[nodeCount] = answers.node(place)
            nodeCount &+= 1
        }
    }
}
