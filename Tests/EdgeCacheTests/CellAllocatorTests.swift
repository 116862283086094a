// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import EdgeCache

@Suite struct CellAllocatorTests {
    static let block = 1 << CellAllocator.topOrder

    @Test func `an object takes whole cells and no more`() {
        var cells = CellAllocator(cells: 64)
        #expect(CellAllocator.cells(0) == 0)
        #expect(CellAllocator.cells(1) == 1)
        #expect(CellAllocator.cells(512) == 1)
        #expect(CellAllocator.cells(513) == 2)
        let five = cells.run(5)
        #expect(five == CellRun(start: 0, count: 5))
        #expect(cells.inUse == 5)
        #expect(cells.run(1) == CellRun(start: 5, count: 1), "the rest of the block is free")
        #expect(cells.run(2) == CellRun(start: 6, count: 2))
        #expect(cells.run(65) == nil)
        #expect(cells.run(0) == nil)
    }

    @Test func `halves join when both are free`() {
        var cells = CellAllocator(cells: 2 * Self.block)
        var runs: [CellRun] = []
        while let run = cells.run(3) { runs.append(run) }
        #expect(cells.run(Self.block) == nil)
        for run in runs { cells.give(run) }
        #expect(cells.inUse == 0)
        let one = cells.run(Self.block)
        let other = cells.run(Self.block)
        #expect(one?.start == 0 && other?.start == UInt32(Self.block))
        #expect(cells.run(1) == nil)
    }

    @Test func `what fits in no block lies in several`() {
        var cells = CellAllocator(cells: 16)
        let runs = (0..<16).map { _ in cells.run(1) }
        // Every other pair is free.
        for place in [0, 1, 4, 5, 8, 9] { runs[place].map { cells.give($0) } }
        var body = Extents()
        #expect(cells.grow(&body, by: 5) == true)
        #expect(body.runs == 3)
        #expect(body.cells == 5)
        #expect(body[0] == CellRun(start: 0, count: 2))
        #expect(body[2] == CellRun(start: 8, count: 1))
        #expect(body.place(at: 1023).place == 1023)
        #expect(body.place(at: 1024) == (4 * 512, 1024))
        #expect(body.place(at: 2048) == (8 * 512, 512))
        #expect(body.place(at: 2560) == (0, 0), "behind the end")
        #expect(cells.grow(&body, by: 2) == false, "one cell is left")
        #expect(body.cells == 5)
        cells.trim(&body, to: 3)
        #expect(body.runs == 2)
        #expect(cells.inUse == 10 + 3)
    }

    @Test func `an object has at most so many pieces, and nothing is lost by trying`() {
        var cells = CellAllocator(cells: 64)
        let runs = (0..<64).map { _ in cells.run(1) }
        for place in stride(from: 0, to: 64, by: 2) { runs[place].map { cells.give($0) } }
        var body = Extents()
        #expect(cells.grow(&body, by: Extents.limit) == true)
        #expect(Int(body.runs) == Extents.limit)
        let before = cells.inUse
        #expect(cells.grow(&body, by: 1) == false)
        #expect(cells.inUse == before)
        #expect(Int(body.cells) == Extents.limit)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `no cell is given twice and all of them come back`(seed: UInt64) {
        let count = 3 * Self.block + 777
        var cells = CellAllocator(cells: count)
        var random = SeededRandom(seed: seed)
        var owned = [Bool](repeating: false, count: count)
        var held: [Extents] = []
        var sum = 0
        func mark(_ body: Extents, _ isOwned: Bool) -> Bool {
            var isRight = true
            for index in 0..<Int(body.runs) {
                for cell in Int(body[index].start)..<body[index].end {
                    if owned[cell] == isOwned { isRight = false }
                    owned[cell] = isOwned
                }
            }
            return isRight
        }
        var isRight = true
        for _ in 0..<4000 {
            let choice = random.next(below: 10)
            if choice < 6 {
                let wanted = Int(random.next(below: 1 << (random.next(below: 12) + 1)))
                var body = Extents()
                if cells.grow(&body, by: wanted) {
                    if body.cells != wanted || !mark(body, true) { isRight = false }
                    held.append(body)
                    sum += wanted
                } else if body.cells != 0 {
                    isRight = false
                }
            } else if !held.isEmpty {
                let place = Int(random.next(below: UInt32(held.count)))
                let least = choice < 8 ? 0 : Int(held[place].cells) / 2
                _ = mark(held[place], false)
                sum -= Int(held[place].cells) - least
                cells.trim(&held[place], to: least)
                if !mark(held[place], true) { isRight = false }
                if least == 0 { held.remove(at: place) }
            }
            if cells.inUse != sum { isRight = false }
        }
        #expect(isRight)
        for index in held.indices { cells.trim(&held[index], to: 0) }
        #expect(cells.inUse == 0)
        for number in 0..<3 {
            #expect(cells.run(Self.block)?.start == UInt32(number * Self.block))
        }
    }
}

@Suite struct BitTreeTests {
    @Test(arguments: [1, 64, 65, 4096, 5000, 300_000])
    func `the least member is known after each change`(count: Int) {
        var tree = BitTree(count: count)
        var random = SeededRandom(seed: UInt64(count))
        var members: Set<Int> = []
        #expect(tree.first == nil)
        for _ in 0..<2000 {
            let number = Int(random.next(below: UInt32(count)))
            if random.next(below: 2) == 0 {
                tree.insert(number)
                members.insert(number)
            } else {
                let gone = members.min().map { random.next(below: 2) == 0 ? $0 : number } ?? number
                tree.remove(gone)
                members.remove(gone)
            }
            guard tree.first == members.min(), tree.contains(number) == members.contains(number)
            else {
                Issue.record("\(number)")
                return
            }
        }
        tree.insert(count)
        #expect(!tree.contains(count) && !tree.contains(-1))
    }
}

@Suite struct StoreIndexTests {
    @Test func `numbers are found by hashes that collide`() {
        var index = StoreIndex()
        var random = SeededRandom(seed: 7)
        var known: [Int: UInt64] = [:]
        for step in 0..<20_000 {
            let number = Int(random.next(below: 2000))
            if let hash = known[number] {
                index.remove(hash, number)
                known[number] = nil
            } else {
                // Few upper halves, so that places are fought for, also round the end.
                let hash =
                    UInt64(random.next(below: 64)) &* 0x03ff_ffff_0000_0000 &+ random.next() >> 32
                index.insert(hash, number)
                known[number] = hash
            }
            guard step % 97 == 0 else { continue }
            for number in 0..<2000 {
                let hash = known[number]
                let found = index.find(hash ?? 0) { $0 == number }
                guard found == (hash == nil ? nil : number) else {
                    Issue.record("\(number) at \(step)")
                    return
                }
            }
        }
        let (number, hash) = known.first ?? (0, 0)
        index.replace(hash, number, by: 5000)
        #expect(index.find(hash) { $0 == number } == nil)
        #expect(index.find(hash) { $0 == 5000 } == 5000)
    }
}
