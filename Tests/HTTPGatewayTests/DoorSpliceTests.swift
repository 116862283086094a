// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@testable import HTTPGateway

/// Contents that go through a pipe.
@Suite struct DoorSpliceTests {
    static let size = 200_000
    static let head = "HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"

    /// Bytes of which no two neighbouring kilobytes are alike.
    static func content(_ count: Int = size) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ $0 / 251) }
    }

    /// Lets the first endpoint's newest connection say this, as the door takes it.
    static func feed(_ stage: inout DoorHarness, _ bytes: [UInt8]) {
        let visitor = stage.visitors.count - 1
        for start in stride(from: 0, to: bytes.count, by: 40_000) {
            stage.say(visitor, Array(bytes[start..<min(start + 40_000, bytes.count)]))
            stage.settle(patience: 1)
        }
    }

    @Test func `a content of some size passes whole and its connection is kept`() throws {
        var stage = try DoorHarness([[.answer(DoorSpliceTests.head)]])
        let guest = stage.visit(get())
        for round in 1...2 {
            stage.turn { $0.origins[0].requests == round }
            DoorSpliceTests.feed(&stage, DoorSpliceTests.content())
            stage.turn { $0.guests[guest].heard.count > round * DoorSpliceTests.size }
            let heard = Array(stage.guests[guest].heard.suffix(DoorSpliceTests.size))
            #expect(heard == DoorSpliceTests.content())
            if round == 1 { stage.send(guest, get()) }
        }
        let (spliced, reused) = (stage.count(.bytesSpliced), stage.count(.originReused))
        #expect(spliced > DoorSpliceTests.size)
        #expect(reused == 1)
        #expect(stage.leftovers() == [])
    }

    @Test func `a client that reads nothing holds one pipe and no more`() throws {
        var stage = try DoorHarness([[.answer(DoorSpliceTests.head)]])
        let guest = stage.connect()
        stage.guests[guest].reads = false
        stage.send(guest, get())
        stage.turn { $0.origins[0].requests == 1 }
        DoorSpliceTests.feed(&stage, DoorSpliceTests.content())
        let pipes = stage.door.pipes.count
        stage.resume(guest)
        stage.turn { $0.guests[guest].heard.count > DoorSpliceTests.size }
        #expect(pipes <= 1)
        #expect(
            Array(stage.guests[guest].heard.suffix(1000))
                == Array(DoorSpliceTests.content().suffix(1000))
        )
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [true, false])
    func `a content that breaks off ends with a reset`(byReset: Bool) throws {
        var stage = try DoorHarness([[.answer(DoorSpliceTests.head)]])
        let guest = stage.visit(get())
        stage.turn { $0.origins[0].requests == 1 }
        DoorSpliceTests.feed(&stage, DoorSpliceTests.content(100_000))
        stage.close(0, reset: byReset)
        stage.hearAll(guest)
        let spliced = stage.count(.bytesSpliced)
        #expect(spliced > 0)
        #expect(stage.guests[guest].wasReset)
        #expect(stage.leftovers() == [])
    }

    @Test func `what lies behind a content is never taken for the next response`() throws {
        var stage = try DoorHarness([[.answer(DoorSpliceTests.head)]])
        let guest = stage.visit(get())
        stage.turn { $0.origins[0].requests == 1 }
        let excess = Array(ok("smuggled").utf8)
        DoorSpliceTests.feed(&stage, DoorSpliceTests.content() + excess)
        stage.turn { $0.guests[guest].heard.count > DoorSpliceTests.size }
        stage.settle(patience: 2)
        stage.send(guest, get())
        stage.turn { $0.origins[0].requests == 2 }
        let (opened, reused) = (stage.count(.originConnections), stage.count(.originReused))
        #expect(opened == 2)
        #expect(reused == 0)
        #expect(!stage.heard(guest).contains("smuggled"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a client that leaves in the middle takes its pipe with it`() throws {
        var stage = try DoorHarness([[.answer(DoorSpliceTests.head)]])
        let guest = stage.connect()
        stage.guests[guest].reads = false
        stage.send(guest, get())
        stage.turn { $0.origins[0].requests == 1 }
        DoorSpliceTests.feed(&stage, DoorSpliceTests.content(120_000))
        stage.leave(guest, reset: true)
        DoorSpliceTests.feed(&stage, DoorSpliceTests.content(40_000))
        stage.turn { $0.door.pipes.count == 0 }
        let pipes = stage.door.pipes.count
        #expect(pipes == 0)
        #expect(stage.leftovers() == [])
    }
}
