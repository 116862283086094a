// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import HTTPGateway

/// Clients that ask by HTTP/2 and keep their windows shut.
@Suite struct DoorHTTP2WindowTests {
    typealias Frames = DoorHTTP2AttackTests

    /// A client that lets streams begin with `window` octets, and asks `count` times.
    static func ask(_ count: UInt32, window: UInt8) -> [UInt8] {
        var bytes = Frames.preface + Frames.frame(4, 0, stream: 0, [0, 4, 0, 0, 0, window])
        for number in 0..<count {
            bytes += Frames.frame(1, 5, stream: 2 * number + 1, Frames.request)
        }
        return bytes
    }

    @Test(arguments: [0, 1] as [UInt8])
    func `few requests go to work while their windows are shut`(window: UInt8) throws {
        var stage = try DoorHarness([[.silence]])
        let guest = stage.connect()
        stage.send(guest, Self.ask(12, window: window))
        stage.turn { $0.count(.http2Streams) == 12 }
        stage.settle()
        let counts = [DoorCounter.http2Held, .originConnections].map { stage.count($0) }
        #expect(counts == [4, 8])
        // The last window opens: its request need not wait for the others.
        stage.send(guest, Frames.frame(8, 0, stream: 23, [0, 0, 4, 0]))
        stage.turn { $0.count(.originConnections) == 9 }
        // One of the eight is given up: the oldest that waits takes its place, and no other.
        stage.send(guest, Frames.frame(3, 0, stream: 1, [0, 0, 0, 8]))
        stage.turn { $0.count(.originConnections) == 10 }
        stage.settle()
        let most = stage.count(.originConnections)
        #expect(most == 10)
        // SETTINGS open all of them.
        stage.send(guest, Frames.frame(4, 0, stream: 0, [0, 4, 0, 0, 0xff, 0xff]))
        stage.turn { $0.count(.originConnections) == 12 }
        stage.leave(guest, reset: true)
        stage.turn { $0.door.openConnections == 0 }
        #expect(stage.leftovers() == [])
    }

    @Test func `answers without content need no window, and none is left waiting`() throws {
        let empty = ok("", fields: "")
        var stage = try DoorHarness([[Part](repeating: .answer(empty), count: 30)])
        let guest = stage.connect()
        stage.send(guest, Self.ask(30, window: 0))
        stage.turn { $0.count(.status2xx) == 30 }
        let (held, answered) = (stage.count(.http2Held), stage.count(.status2xx))
        #expect(held == 22 && answered == 30)
        stage.leave(guest)
        stage.turn { $0.door.openConnections == 0 }
        #expect(stage.leftovers() == [])
    }

    @Test func `requests that wait for their windows count as answers that do`() throws {
        var stage = try DoorHarness([[.silence]])
        let guest = stage.connect()
        stage.send(guest, Self.ask(40, window: 0))
        stage.turn { $0.count(.http2Streams) == 40 }
        for _ in 0..<8 {
            stage.advance(.milliseconds(150))
            stage.settle()
        }
        let (cut, asked) = (stage.count(.http2Cut), stage.count(.originConnections))
        #expect(cut == 1 && asked == 8)
        stage.turn { $0.door.openConnections == 0 }
        #expect(stage.leftovers() == [])
    }

    @Test func `who gives up while waiting leaves nothing behind`() throws {
        var stage = try DoorHarness([[.silence]])
        let guest = stage.connect()
        var bytes = Self.ask(12, window: 0)
        for stream in [17, 19, 23] as [UInt32] {
            bytes += Frames.frame(3, 0, stream: stream, [0, 0, 0, 8])
        }
        stage.send(guest, bytes)
        stage.turn { $0.count(.http2Streams) == 12 }
        stage.settle()
        let streams = stage.door.streams.count
        #expect(streams == 9)
        stage.send(guest, Frames.frame(3, 0, stream: 1, [0, 0, 0, 8]))
        stage.turn { $0.count(.originConnections) == 9 }
        stage.leave(guest, reset: true)
        stage.turn { $0.door.openConnections == 0 }
        #expect(stage.leftovers() == [])
    }
}
