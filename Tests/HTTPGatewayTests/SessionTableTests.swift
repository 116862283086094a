// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import HTTPGateway

@Suite struct SessionTableTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func key(_ name: String, in table: SessionTable, pool: Int = 1) -> UInt64 {
        table.key(Array(name.utf8).span, pool: pool)
    }

    @Test func `what was learnt is found, in its own pool`() {
        let table = SessionTable(capacity: 64, secret: 7)
        #expect(table.learn(key("abc", in: table), 5, now: start) == .entered)
        #expect(table.find(key("abc", in: table), idle: .seconds(10), now: start) == 5)
        #expect(table.find(key("abc", in: table, pool: 2), idle: .seconds(10), now: start) == 0)
        #expect(table.find(key("abd", in: table), idle: .seconds(10), now: start) == 0)
        #expect(table.learn(key("abc", in: table), 6, now: start) == .known)
        #expect(table.find(key("abc", in: table), idle: .seconds(10), now: start) == 6)
    }

    @Test func `a session that nobody uses is forgotten, and use keeps it`() {
        let table = SessionTable(capacity: 64, secret: 7)
        let name = key("abc", in: table)
        _ = table.learn(name, 5, now: start)
        let idle = Interval.seconds(10)
        #expect(table.find(name, idle: idle, now: start + .seconds(9)) == 5)
        #expect(table.find(name, idle: idle, now: start + .seconds(18)) == 5)
        #expect(table.find(name, idle: idle, now: start + .seconds(27), touching: false) == 5)
        #expect(table.find(name, idle: idle, now: start + .seconds(29)) == 0)
    }

    @Test func `in a full set the one used longest ago gives way`() {
        let table = SessionTable(capacity: 8, secret: 7)
        #expect(table.capacity == 8)
        for number in 0..<8 {
            let now = start + .seconds(Int64(number))
            #expect(table.learn(key("s\(number)", in: table), 1, now: now) == .entered)
        }
        let later = start + .seconds(20)
        #expect(table.find(key("s0", in: table), idle: .seconds(60), now: later) == 1)
        #expect(table.learn(key("new", in: table), 2, now: later) == .displaced)
        let kept = (0..<8).filter {
            table.find(key("s\($0)", in: table), idle: .seconds(60), now: later) == 1
        }
        #expect(kept == [0, 2, 3, 4, 5, 6, 7])
        #expect(table.find(key("new", in: table), idle: .seconds(60), now: later) == 2)
    }

    @Test func `workers that learn at once never give one session's endpoint to another`() async {
        let table = SessionTable(capacity: 8, secret: 7)
        let keys = (1...40).map { key("s\($0)", in: table) }
        let now = start
        await withTaskGroup(of: Int.self) { group in
            for seed in 0..<4 {
                group.addTask {
                    var wrong = 0
                    for round in 0..<5_000 {
                        let place = (round &* 7 &+ seed) % keys.count
                        _ = table.learn(keys[place], UInt64(place + 1), now: now)
                        let other = (round &* 3 &+ seed) % keys.count
                        let found = table.find(keys[other], idle: .seconds(9), now: now)
                        if found != 0, found != UInt64(other + 1) { wrong += 1 }
                    }
                    return wrong
                }
            }
            for await wrong in group { #expect(wrong == 0) }
        }
    }
}
