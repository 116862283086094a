// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Names in an answer that were made from wildcards, whose proofs stand behind all answers.
///
/// An answer with more of them than there is room for leads through as many wildcards as nobody
/// has one behind the other.
struct Expansions: BitwiseCopyable {
    private var places = InlineArray<4, UInt16>(repeating: 0)
    private var nodes = InlineArray<4, UInt32>(repeating: 0)
    private var count = 0
    private var isChanged = false

    var isEmpty: Bool { count == 0 }

    /// Notes the name at `place` of the message, made from a node of one of the two tables.
    mutating func add(_ place: Int, _ node: Int, isChanged: Bool) {
        guard count < places.count, count == 0 || isChanged == self.isChanged else { return }
        self.isChanged = isChanged
        places[count] = UInt16(truncatingIfNeeded: place)
        nodes[count] = UInt32(truncatingIfNeeded: node)
        count &+= 1
    }

    /// Forgets the latest: its proof is part of another one.
    mutating func removeLast() { count = max(count &- 1, 0) }

    /// The names that are made from nodes of this table.
    func count(in view: borrowing ZoneView) -> Int { view.isChanged == isChanged ? count : 0 }

    subscript(_ index: Int) -> (place: Int, node: Int) {
        (Int(places[index]), Int(nodes[index]))
    }
}

extension AnswerRun {
    /// Adds the proofs that the names made from wildcards are not there themselves.
    @inline(never) @_lifetime(output: copy output)
    mutating func proveExpansions(_ view: ZoneView, into output: inout OutputSpan<UInt8>) {
        for index in 0..<expansions.count(in: view) {
            let (place, node) = expansions[index]
            proveExpansion(at: place, of: node, view, into: &output)
        }
    }

    /// Denies a name that is there only to hold the hash of another one (RFC 5155 §7.2.8).
    @inline(never) @_lifetime(output: copy output)
    mutating func denyHash(
        _ match: ZoneMatch,
        _ view: ZoneView,
        into output: inout OutputSpan<UInt8>
    ) -> ResponseCode {
        let apex = Int(view.zones[match.zone].apex)
        let missing = ZoneMatch(kind: .missing, node: apex, zone: match.zone)
        deny(missing, view, into: &output)
        return .nameError
    }
}
