// SPDX-License-Identifier: Apache-2.0

/// Names of targets by small numbers; a name that no row has gives its number to another.
struct RTTTargetNames: Sendable {
    private var names: [String] = []
    private var uses: [Int] = []
    private var free: [UInt16] = []
    private var numbers: [String: UInt16] = [:]

    /// The number of a name; nil when there is no room for another.
    ///
    /// It is the name's until the next call unless ``retain(_:)`` follows.
    mutating func number(of name: String) -> UInt16? {
        if let known = numbers[name] { return known }
        if let number = free.popLast() {
            numbers[names[Int(number)]] = nil
            names[Int(number)] = name
            numbers[name] = number
            free.append(number)
            return number
        }
        guard names.count < RTTTable.targetLimit, let number = UInt16(exactly: names.count) else {
            return nil
        }
        names.append(name)
        uses.append(0)
        numbers[name] = number
        free.append(number)
        return number
    }

    func name(_ number: UInt16) -> String {
        names.indices.contains(Int(number)) ? names[Int(number)] : ""
    }

    /// One more row has the name.
    mutating func retain(_ number: UInt16) {
        guard uses.indices.contains(Int(number)) else { return }
        if uses[Int(number)] == 0 { free.removeAll { $0 == number } }
        uses[Int(number)] += 1
    }

    /// One row less has it.
    mutating func release(_ number: UInt16) {
        guard uses.indices.contains(Int(number)), uses[Int(number)] > 0 else { return }
        uses[Int(number)] -= 1
        if uses[Int(number)] == 0 { free.append(number) }
    }
}
