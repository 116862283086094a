// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// Whole requests and responses, changed at random, through a whole door.
@Suite struct DoorMutationTests {
    private static let requests = [
        get("/a/b?c=d", fields: "Cookie: a=b\r\nUser-Agent: x\r\nExpect: 100-continue\r\n"),
        post("hello world"),
        "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
        "GET http://a:80/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\ndata",
        "HEAD / HTTP/1.1\r\nHost: [::1]\r\nX-Forwarded-For: 1.2.3.4\r\nVia: 1.0 x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close\r\n\r\n",
    ]
    private static let responses = [
        ok(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nETag: x\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok(fields: "Connection: close\r\n"),
        "HTTP/1.0 404 Not Found\r\n\r\nnobody",
        "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nx",
    ]

    private static func mutated(_ text: String, _ random: inout SeededRandom) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<random.next(below: 4) where !bytes.isEmpty {
            let place = Int(random.next(below: UInt32(bytes.count)))
            switch random.next(below: 6) {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes.remove(at: place)
            case 2: bytes.insert([0x0d, 0x0a, 0x20, 0x3a, 0][place % 5], at: place)
            case 3: bytes.removeSubrange(place...)
            case 4: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
            default: bytes += bytes[..<place]
            }
        }
        return bytes
    }

    /// Seeds of 480 requests each: more when `MARTLET_MUTANTS` asks for more of them.
    static var seeds: Range<Int> {
        let wanted = ProcessControl.environment("MARTLET_MUTANTS").flatMap { Int($0) } ?? 0
        return 0..<max(8, wanted / 480)
    }

    @Test(arguments: DoorMutationTests.seeds)
    func `no bytes from either side trap, leak or hang the door`(_ seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let parts = (0..<200).map { number -> Part in
            let text = DoorMutationTests.responses[number % DoorMutationTests.responses.count]
            let bytes = DoorMutationTests.mutated(text, &random)
            let said = String(decoding: bytes.map { $0 & 0x7f }, as: UTF8.self)
            switch random.next(below: 8) {
            case 0: return .answerAndClose(said)
            case 1: return .reset(said)
            case 2: return .silence
            case 3: return .interrupt(said)
            case 4: return .echo
            default: return .answer(said)
            }
        }
        var stage = try DoorHarness([parts, Array(parts.reversed()), []]) { plan in
            plan.accessLog = seed % 2 == 0 ? .json : .combined
            for index in plan.pools[0].endpoints.indices {
                plan.pools[0].endpoints[index].connectionLimit = seed % 3 == 0 ? 3 : 0
            }
            plan.poolPlans[0].queueLimit = 8
        }
        for round in 0..<40 {
            let guests = (0..<12).map { _ in stage.connect() }
            for guest in guests {
                let all = DoorMutationTests.requests
                let text = all[Int(random.next(below: UInt32(all.count)))]
                let bytes = DoorMutationTests.mutated(text, &random)
                let cut = Int(random.next(below: UInt32(bytes.count + 1)))
                stage.send(guest, Array(bytes[..<cut]))
                stage.turnOnce(wait: 0)
                stage.send(guest, Array(bytes[cut...]))
            }
            stage.settle()
            let pause = Interval.milliseconds(Int64(random.next(below: 40_000)))
            if round % 4 == 1 { stage.advance(pause) }
            if round % 8 == 3 { stage.adopt() }
            if round % 8 == 5 {
                let slot = Int(random.next(below: 2))
                stage.door.closeConnections(
                    toSlot: slot,
                    round % 16 == 5 ? .all : .drained(by: stage.now + .seconds(1)),
                    loop: &stage.loop,
                    now: stage.now
                )
            }
            for guest in guests where round % 3 != 0 {
                stage.leave(guest, reset: random.next() & 1 == 0)
            }
            for origin in 0..<2 { stage.origins[origin].requests %= 200 }
            _ = stage.shared.accessLog[0].discard()
        }
        #expect(stage.leftovers() == [])
        #expect(stage.count(.requests) > 200)
    }
}
