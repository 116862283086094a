// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Taking an answer apart for a record, and putting it together again.
extension AnswerSet {
    /// Number of the nodes that chose, as far as they are noted.
    public var nodeCount: Int { pathCount }

    /// The node that chose at `index`, in the order in which they were asked; 0 when out of range.
    public func node(_ index: Int) -> UInt32 {
        index >= 0 && index < pathCount ? path[index] : 0
    }

    /// An answer that was given, without its addresses and nodes.
    public init(
        outcome: SteerOutcome,
        mode: ChoiceMode,
        scope: UInt8,
        secondsToChange: UInt16
    ) {
        self.init()
        self.outcome = outcome
        self.mode = mode
        self.scope = scope
        self.secondsToChange = secondsToChange
    }

    /// Adds a node that chose.
    public mutating func recall(node: UInt32) { note(Int(node)) }

    /// Adds an address that was answered.
    public mutating func recall(_ address: IPAddress, slot: UInt32) { append(address, slot) }
}
