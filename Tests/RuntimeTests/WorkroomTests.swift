// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing

@testable import Runtime

@Suite("Workrooms")
struct WorkroomTests {
    @Test("each piece of work is done before the one who asks goes on, on one other thread")
    func ordered() throws {
        let room = try Workroom(name: "test")
        let threads = (0..<50).map { number in
            room.perform { (number, pthread_self()) }
        }
        #expect(threads.map(\.0) == Array(0..<50))
        #expect(Set(threads.map(\.1)).count == 1)
        #expect(threads[0].1 != pthread_self())
    }

    @Test("what was made in a room outlives it")
    func outlives() throws {
        let made = try Workroom(name: "test").perform { (0..<1000).map { "text number \($0)" } }
        #expect(made.last == "text number 999")
    }

    @Test("a thread that is waited for has done its work")
    func run() {
        let sum = Mutex(0)
        WorkerThread.run(name: "test") { sum.withLock { $0 = 42 } }
        #expect(sum.withLock { $0 } == 42)
    }

    @Test("something handed over is there once")
    func handed() {
        let handed = Handed("value")
        #expect(handed.take() == "value")
        #expect(handed.take() == nil)
    }
}
