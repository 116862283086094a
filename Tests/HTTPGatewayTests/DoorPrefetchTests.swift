// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// Bytes that are taken in before their turn: nothing that comes between may lose or leak them.
@Suite struct DoorPrefetchTests {
    /// One exchange is over; what the endpoint says to the next is taken in early.
    private static func second(_ first: String) throws -> DoorHarness {
        var stage = try DoorHarness([[.answer(first), .silence]])
        let guest = stage.visit(get())
        stage.turn { $0.heard(guest).hasSuffix(first.suffix(5)) }
        stage.settle()
        stage.send(guest, get())
        stage.turn { $0.told(0).components("GET /") == 2 }
        return stage
    }

    @Test func `an answer that was taken in goes with its connection`() throws {
        var stage = try Self.second(ok())
        var wasTaken = false
        stage.betweenReceiptAndHandling = { stage in
            guard !stage.door.upstreams[0].input.isEmpty, !wasTaken else { return }
            wasTaken = true
            stage.door.closeConnections(toSlot: 0, .all, loop: &stage.loop, now: stage.now)
        }
        stage.say(0, Array(ok("later").utf8))
        stage.turn { $0.heard(0).components("HTTP/1.1") == 2 }
        #expect(wasTaken)
        #expect(!stage.heard(0).contains("later"))
        #expect(stage.leftovers() == [])
    }

    @Test func `a request that was taken in is answered although the door shuts down`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit(get())
        stage.hear(guest, until: "hello")
        stage.settle()
        var wasTaken = false
        stage.betweenReceiptAndHandling = { stage in
            guard stage.door.clients[0].phase == .header, !wasTaken else { return }
            wasTaken = true
            let farewell = Farewell(quiet: .zero)
            stage.door.beginShutdown(farewell, loop: &stage.loop, now: stage.now)
        }
        stage.send(guest, get())
        #expect(stage.hearAll(guest).components("hello") == 2)
        #expect(wasTaken)
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [8_192, 8_193])
    func `only short answers are expected to be short`(size: Int) throws {
        let long = ok(String(repeating: "x", count: size))
        var stage = try Self.second(long)
        var wasTaken = false
        stage.betweenReceiptAndHandling = { stage in
            if !stage.door.upstreams[0].input.isEmpty { wasTaken = true }
        }
        stage.say(0, Array(ok("later").utf8))
        stage.hear(0, until: "later")
        #expect(wasTaken == (size <= 8_192))
        #expect(stage.leftovers() == [])
    }
}
