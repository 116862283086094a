// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import ControlPlane

@Suite struct RepeatedLinesTests {
    func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: (1000 + seconds) * 1_000_000_000) }

    @Test func `so many are told in a minute, and then how many were not`() {
        var lines = RepeatedLines()
        let told = (0..<1000).filter { _ in lines.lets(.refusedChange, at: at(0)) }
        #expect(told.count == RepeatedLines.limit)
        let isOtherTold = lines.lets(.lostChange, at: at(0))
        #expect(isOtherTold, "another cause has its own")
        #expect(lines.deadline == at(60))
        let early = lines.takeLeftOut(at: at(59))
        #expect(early.isEmpty)
        let left = lines.takeLeftOut(at: at(60))
        #expect(left.map(\.cause) == [.refusedChange])
        #expect(left.map(\.count) == [990])
        #expect(lines.deadline == .never)
        let isTold = lines.lets(.refusedChange, at: at(60))
        #expect(isTold, "the next minute")
    }

    @Test func `what comes before the number is told counts to it`() {
        var lines = RepeatedLines()
        for _ in 0..<11 { _ = lines.lets(.refusedChange, at: at(0)) }
        let isTold = lines.lets(.refusedChange, at: at(70))
        #expect(!isTold)
        let left = lines.takeLeftOut(at: at(70))
        #expect(left.map(\.count) == [2])
    }

    @Test func `few lines are all told, and no timer runs for them`() {
        var lines = RepeatedLines()
        let told = (0..<100).filter { lines.lets(.refusedChange, at: at($0 * 10)) }
        #expect(told.count == 100)
        #expect(lines.deadline == .never)
    }
}
