// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// Attacks: each ends its connection with ENHANCE_YOUR_CALM and leaves nothing behind.
@Suite struct DoorHTTP2AttackTests {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let request: [UInt8] = [0x82, 0x86, 0x84, 0x01, 0x01, 0x61]

    static func frame(
        _ type: UInt8,
        _ flags: UInt8 = 0,
        stream: UInt32 = 0,
        _ payload: [UInt8] = []
    ) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff)]
            + [type, flags] + (0..<4).map { UInt8(stream >> (24 - 8 * $0) & 0xff) } + payload
    }

    /// The code of the GOAWAY in what was heard, if there is one.
    static func farewell(_ heard: [UInt8]) -> UInt32? {
        var rest = heard[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            let payload = Array(rest.dropFirst(9).prefix(length))
            if head[3] == 7, payload.count >= 8 {
                return payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
            }
            rest = rest.dropFirst(9 + length)
        }
        return nil
    }

    enum Attack: CaseIterable {
        case rapidReset, provokedReset, settings, ping, priority, unknown, windowUpdate
        case emptyData, continuations, longBlock, fieldBombs

        /// What the attacker sends in one go, and again and again.
        func bytes(_ round: UInt32) -> [UInt8] {
            let stream = round * 2 + 1
            let open = frame(1, 5, stream: stream, request)
            switch self {
            case .rapidReset: return open + frame(3, stream: stream, [0, 0, 0, 8])
            case .provokedReset:
                return open + frame(8, stream: stream, [0x7f, 0xff, 0xff, 0xff])
            case .settings: return frame(4)
            case .ping: return frame(6, [0, 0, 0, 0, 0, 0, 0, 0])
            case .priority: return frame(2, stream: stream, [0, 0, 0, 0, 1])
            case .unknown: return frame(0x77, [1])
            case .windowUpdate: return frame(8, [0, 0, 0, 1])
            case .emptyData:
                return round == 0
                    ? frame(1, 4, stream: 1, [0x83] + request.dropFirst())
                    : frame(0, stream: 1)
            case .continuations:
                return round == 0 ? frame(1, 1, stream: 1) : frame(9, stream: 1, [0x82])
            case .longBlock:
                return frame(1, 1, stream: 1, [UInt8](repeating: 0x82, count: 16_000))
                    + frame(9, stream: 1, [UInt8](repeating: 0x82, count: 16_000))
            case .fieldBombs:
                let value: [UInt8] = [0x40, 0x01, 0x78, 0x7f, 0xd1, 0x0e]
                let first = value + [UInt8](repeating: 0x61, count: 2_000)
                return frame(
                    1,
                    5,
                    stream: stream,
                    request + (round == 0 ? first : [])
                        + [UInt8](repeating: 0xbe, count: 8_000)
                )
            }
        }

        private func frame(
            _ type: UInt8,
            _ flags: UInt8 = 0,
            stream: UInt32 = 0,
            _ payload: [UInt8] = []
        ) -> [UInt8] { DoorHTTP2AttackTests.frame(type, flags, stream: stream, payload) }

        private func frame(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
            DoorHTTP2AttackTests.frame(type, 0, stream: 0, payload)
        }

        private var request: [UInt8] { DoorHTTP2AttackTests.request }
    }

    @Test(arguments: Attack.allCases)
    func `an attacker is cut, and an honest client beside it is served`(attack: Attack) throws {
        var stage = try DoorHarness([[.silence], [.answer(ok())]]) {
            $0.routes = [
                RoutePlan(name: "a", host: .any, path: .exact("/"), pool: 0),
                RoutePlan(name: "b", host: .any, path: .prefix("/b"), pool: 1),
            ]
            var second = $0.pools[0]
            second.name = "honest"
            second.endpoints = [$0.pools[0].endpoints[1]]
            $0.pools[0].endpoints = [$0.pools[0].endpoints[0]]
            $0.pools.append(second)
            $0.poolPlans.append(GatewayPoolPlan())
        }
        var honest = try HTTP2Guest(&stage)
        let attacker = stage.connect()
        stage.send(attacker, Self.preface + Self.frame(4))
        var most = 0
        for round in 0..<2_000 as Range<UInt32> where !stage.guests[attacker].isFinished {
            stage.send(attacker, attack.bytes(round))
            stage.turnOnce(wait: 0)
            most = max(most, stage.door.buffers.inUse)
        }
        stage.turn { $0.guests[attacker].isFinished }
        let heard = stage.guests[attacker].heard
        #expect(Self.farewell(heard) == 11, "\(attack)")
        #expect(most < 200)
        let cut = stage.count(.http2Cut)
        #expect(cut == 1)
        let answer = stage.answer(&honest, honest.ask(&stage, "GET", "/b"))
        #expect(answer.content == "hello")
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: [
        [UInt8](repeating: 0x41, count: 200),
        frame(0, 0, stream: 1, [1, 2, 3]),
        frame(1, 5, stream: 2, request),
        frame(9, 4, stream: 1, request),
        frame(6, 0, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0]),
        frame(6, 0, stream: 0, [0]),
        frame(4, 1, stream: 0, [0]),
        frame(8, 0, stream: 0, [0, 0, 0, 0]),
        frame(5, 4, stream: 1, [0, 0, 0, 2]),
    ])
    func `what breaks the protocol ends the connection with its code`(bytes: [UInt8]) throws {
        var stage = try DoorHarness()
        let guest = stage.connect()
        stage.send(guest, Self.preface + Self.frame(4) + bytes)
        stage.turn { $0.guests[guest].isFinished }
        let heard = stage.guests[guest].heard
        let code = Self.farewell(heard) ?? 0
        #expect(code != 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `a listener without HTTP 2 refuses the preface`() throws {
        var stage = try DoorHarness { $0.listeners[0].http2.isEnabled = false }
        let guest = stage.connect()
        stage.send(guest, Self.preface + Self.frame(4))
        let heard = stage.hear(guest, until: "http2-preface")
        #expect(heard.hasPrefix("HTTP/1.1 505"))
        let sessions = stage.count(.http2Connections)
        #expect(sessions == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `streams above the limit are refused and counted`() throws {
        var stage = try DoorHarness([[.silence]]) { $0.listeners[0].http2.streams = 2 }
        let guest = stage.connect()
        // SETTINGS are not acknowledged: the client cannot know of the limit yet.
        var bytes = Self.preface + Self.frame(4)
        for number in 0..<4 as Range<UInt32> {
            bytes += Self.frame(1, 5, stream: 2 * number + 1, Self.request)
        }
        stage.send(guest, bytes)
        stage.turn { $0.count(.http2Refused) == 2 }
        stage.settle()
        let (streams, refused) = (stage.door.streams.count, stage.count(.http2Refused))
        #expect(streams == 2 && refused == 2)
        stage.leave(guest, reset: true)
        stage.turn { $0.door.openConnections == 0 }
        #expect(stage.leftovers() == [])
    }

    @Test func `a request that is reset in the same breath reaches no endpoint`() throws {
        var stage = try DoorHarness()
        let attacker = stage.connect()
        var bytes = Self.preface + Self.frame(4)
        for round in 0..<80 as Range<UInt32> { bytes += Attack.rapidReset.bytes(round) }
        stage.send(attacker, bytes)
        stage.turn { $0.count(.http2Streams) == 80 }
        stage.settle()
        let connections = stage.count(.originConnections)
        #expect(connections == 0)
        let told = stage.told(0)
        #expect(told.isEmpty)
        #expect(stage.leftovers() == [])
    }

    @Test func `mutated sessions never trap and leave nothing behind`() throws {
        var random = SeededRandom(seed: 9_113)
        var stage = try DoorHarness()
        let whole =
            Self.preface + Self.frame(4) + Self.frame(1, 5, stream: 1, Self.request)
            + Self.frame(1, 4, stream: 3, [0x83] + Self.request.dropFirst())
            + Self.frame(0, 1, stream: 3, [1, 2, 3])
            + Self.frame(6, 0, stream: 0, [1, 2, 3, 4, 5, 6, 7, 8])
            + Self.frame(3, 0, stream: 1, [0, 0, 0, 8])
        for _ in 0..<300 {
            var bytes = whole
            for _ in 0..<Int(random.next() % 4 + 1) {
                let place = 24 + Int(random.next() % UInt64(bytes.count - 24))
                bytes[place] = UInt8(truncatingIfNeeded: random.next())
            }
            let guest = stage.connect()
            stage.send(guest, bytes)
            stage.settle()
            stage.leave(guest, reset: random.next() & 1 == 0)
        }
        stage.settle()
        #expect(stage.leftovers() == [])
    }
}
