// SPDX-License-Identifier: Apache-2.0
internal import HTTPGateway

/// Takes what workers have handed over, from each in turn.
///
/// No ring is owed more than another, and what one has not the next may have: a single busy worker
/// gets the whole limit, and many busy ones the same share of it.
struct SpanIntake: Sendable {
    /// Requests that are taken from one ring before it is the next one's turn.
    static let turn = 8

    private var first = 0
    private var refused: UInt64 = 0

    /// Takes up to so many requests; how many there were.
    @discardableResult
    mutating func take(
        _ rings: [SpanRing],
        upTo limit: Int,
        _ use: (SpanRecord) -> Void
    ) -> Int {
        guard !rings.isEmpty else { return 0 }
        var (count, empty, place) = (0, 0, first % rings.count)
        while count < limit, empty < rings.count {
            var taken = 0
            while taken < SpanIntake.turn, count < limit, let record = rings[place].take() {
                use(record)
                taken += 1
                count += 1
            }
            empty = taken < SpanIntake.turn ? empty + 1 : 0
            place = (place + 1) % rings.count
        }
        first = place
        return count
    }

    /// Requests that have found no room in the rings since the last call.
    mutating func takeRefused(_ rings: [SpanRing]) -> UInt64 {
        let sum = rings.reduce(0) { $0 &+ $1.refused }
        defer { refused = sum }
        return sum &- refused
    }
}
