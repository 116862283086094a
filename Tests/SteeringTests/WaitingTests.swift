// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import Testing

@Suite struct WaitingLineTests {
    private func items(_ line: WaitingLine, _ pool: Int) -> [[UInt64]] {
        Priority.allCases.map { priority in
            var found: [UInt64] = []
            var place = line.first(pool: pool, priority)
            while let entry = line[place] {
                found.append(entry.item)
                place = line.next(place)
            }
            return found
        }
    }

    @Test func `each priority has a line of its own, in order of arrival`() {
        var line = WaitingLine(pools: 2)
        for (item, priority) in [(1, Priority.low), (2, .high), (3, .normal), (4, .high)] {
            _ = line.enter(UInt64(item), pool: 1, priority)
        }
        _ = line.enter(9, pool: 0, .normal)
        #expect(items(line, 1) == [[2, 4], [3], [1]])
        #expect(items(line, 0) == [[], [9], []])
        #expect(line[line.last(pool: 1, .high)]?.item == 4)
        #expect((line.count, line.count(pool: 1), line.count(pool: 7)) == (5, 4, 0))
        #expect(line.enter(5, pool: 2, .high) == -1)
    }

    @Test func `whoever leaves in the middle leaves nothing behind`() {
        // Each of the orders in which four can leave.
        for order in permutations([0, 1, 2, 3]) {
            var line = WaitingLine(pools: 1)
            let places = (0..<4).map { line.enter(UInt64($0), pool: 0, .normal) }
            var left = [0, 1, 2, 3]
            for one in order {
                #expect(line.leave(places[one])?.item == UInt64(one))
                #expect(line.leave(places[one]) == nil)
                left.removeAll { $0 == one }
                #expect(items(line, 0)[1] == left.map(UInt64.init))
                #expect(line[line.last(pool: 0, .normal)]?.item == left.last.map(UInt64.init))
            }
            #expect(line.count == 0)
        }
    }

    @Test func `places are used again, numbers are not`() {
        var line = WaitingLine(pools: 1)
        let first = line.enter(1, pool: 0, .low)
        let number = line[first]?.number
        line.leave(first)
        let second = line.enter(2, pool: 0, .low)
        #expect(first == second)
        #expect(line[second]?.number != number)
    }

    @Test func `only those who would take any endpoint are ahead of others`() {
        var line = WaitingLine(pools: 1)
        _ = line.enter(1, pool: 0, .high, isOpen: false)
        #expect(!line.isAhead(pool: 0, of: .low))
        let place = line.enter(2, pool: 0, .normal)
        #expect(Priority.allCases.map { line.isAhead(pool: 0, of: $0) } == [false, true, true])
        line.leave(place)
        #expect(!line.isAhead(pool: 0, of: .low))
    }

    @Test func `a reload gives pools other numbers, and nobody loses a place`() {
        var line = WaitingLine(pools: 3)
        for item in 0..<9 {
            _ = line.enter(UInt64(item), pool: item % 3, item < 5 ? .low : .high)
        }
        let orphans = line.renumber([1, nil, 0], pools: 2)
        #expect(Set(orphans.map(\.item)) == [1, 4, 7])
        #expect(items(line, 0) == [[5, 8], [], [2]])
        #expect(items(line, 1) == [[6], [], [0, 3]])
        #expect((line.count, line.poolCount) == (6, 2))
        #expect(line.isAhead(pool: 0, of: .high))
        let place = line.first(pool: 1, .low)
        line.leave(place)
        #expect(items(line, 1) == [[6], [], [3]])
    }

    private func permutations(_ values: [Int]) -> [[Int]] {
        guard values.count > 1 else { return [values] }
        return values.flatMap { one in
            permutations(values.filter { $0 != one }).map { [one] + $0 }
        }
    }
}

@Suite struct WaitingBoardTests {
    @Test func `the bound holds for all priorities together`() {
        let board = WaitingBoard(pools: 2)
        #expect((0..<3).map { _ in board.tryEnter(0, .normal, limit: 2) } == [true, true, false])
        #expect(board.tryEnter(1, .low, limit: 1))
        board.leave(0, .normal)
        #expect((board.count(0), board.count(0, .normal), board.count(0, .low)) == (1, 1, 0))
        #expect(board.tryEnter(0, .low, limit: 2))
        #expect(!board.tryEnter(1, .high, limit: 0) || board.count(1, .low) > 0)
    }

    @Test func `one of the lowest is turned away for one who goes first`() {
        let board = WaitingBoard(pools: 1)
        for priority in [Priority.low, .normal, .low] {
            #expect(board.tryEnter(0, priority, limit: 3))
        }
        #expect(!board.tryTurnAway(0, .low, limit: 3), "nobody is too many")
        #expect(!board.tryEnter(0, .low, limit: 3))
        #expect(board.tryEnter(0, .high, limit: 3))
        #expect(!board.tryTurnAway(0, .normal, limit: 3), "a lower one waits")
        #expect(board.tryTurnAway(0, .low, limit: 3))
        #expect(!board.tryTurnAway(0, .low, limit: 3))
        #expect(board.tryEnter(0, .high, limit: 3) && board.tryEnter(0, .high, limit: 3))
        #expect(!board.tryEnter(0, .high, limit: 3), "all lower ones have been counted on")
        #expect(!board.tryEnter(0, .normal, limit: 3))
        #expect(board.tryTurnAway(0, .low, limit: 3) && board.tryTurnAway(0, .normal, limit: 3))
        #expect((board.count(0), board.count(0, .high)) == (3, 3))
    }

    @Test func `who waits for any endpoint is seen by all workers`() {
        let board = WaitingBoard(pools: 2)
        board.enterOpen(0, .normal)
        #expect(Priority.allCases.map { board.isPreceded(0, $0) } == [false, false, true])
        #expect(!board.isPreceded(1, .low))
        board.enterOpen(0, .high)
        #expect(Priority.allCases.map { board.isPreceded(0, $0) } == [false, true, true])
        board.leaveOpen(0, .high)
        board.leaveOpen(0, .normal)
        #expect(!board.isPreceded(0, .low))
    }
}
