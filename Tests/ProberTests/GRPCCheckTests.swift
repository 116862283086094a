// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import Prober

/// Calls of grpc.health.v1.
@Suite struct GRPCCheckTests {
    static func message(_ body: [UInt8]) -> [UInt8] { [0, 0, 0, 0, UInt8(body.count)] + body }

    @Test(arguments: [
        ("", [0, 0, 0, 0, 0]), ("a.B", [0, 0, 0, 0, 5, 0x0a, 3, 0x61, 0x2e, 0x42]),
    ])
    func `a question is a message of protobuf`(service: String, bytes: [UInt8]) {
        #expect(GRPCCheck.request(service: service) == bytes)
    }

    @Test func `a long name has a long length`() {
        let bytes = GRPCCheck.request(service: String(repeating: "x", count: 300))
        #expect(bytes.starts(with: [0, 0, 0, 1, 0x2f, 0x0a, 0xac, 0x02, 0x78]))
        #expect(bytes.count == 308)
    }

    @Test(
        arguments: [
            (message([0x08, 1]), 1), (message([0x08, 2]), 2), (message([]), 0),
            (message([8, 3]), 3),
            // Fields that came later are skipped: a varint, eight octets, a string, four octets.
            (message([0x10, 0xff, 0x01, 0x19] + [UInt8](repeating: 9, count: 8) + [8, 1]), 1),
            (message([0x22, 2, 8, 2, 0x08, 1, 0x2d, 1, 2, 3, 4]), 1),
            (message([0x88, 0x00, 0x81, 0x00]), 1),
            // What cannot be read.
            ([], nil), ([0, 0, 0, 0], nil), ([1, 0, 0, 0, 2, 8, 1], nil),
            ([0, 0, 0, 0, 3, 8, 1], nil),
            (message([8]), nil), (message([0x0b]), nil), (message([0x22, 9, 1]), nil),
            (message([0x08] + [UInt8](repeating: 0xff, count: 11)), nil),
            (message([0x19, 1]), nil),
            (message([0x22] + [UInt8](repeating: 0xff, count: 9) + [1]), nil),
        ] as [([UInt8], UInt64?)]
    )
    func `an answer is read to its end or not at all`(message: [UInt8], serving: UInt64?) {
        #expect(GRPCCheck.serving(message) == serving)
    }

    static func outcome(_ events: [GRPCCheck.Event]) -> ProbeOutcome? {
        var check = GRPCCheck()
        for event in events {
            if let outcome = check.take(event) { return outcome }
        }
        return nil
    }

    static let head = GRPCCheck.Event.head(status: 200, code: nil)

    @Test func `only SERVING passes`() {
        func answer(_ status: UInt8) -> ProbeOutcome? {
            Self.outcome([Self.head, .content(Self.message([8, status])), .trailers(code: 0)])
        }
        #expect(answer(1) == .success)
        #expect(answer(2) == .failure(.notServing, detail: "NOT_SERVING"))
        #expect(answer(3) == .failure(.notServing, detail: "SERVICE_UNKNOWN"))
        #expect(answer(0) == .failure(.notServing, detail: "UNKNOWN"))
        #expect(answer(9) == .failure(.notServing, detail: "9"))
    }

    @Test func `each other end has its reason`() {
        let serving = GRPCCheck.Event.content(Self.message([8, 1]))
        let cases: [([GRPCCheck.Event], ProbeOutcome)] = [
            (
                [.head(status: 200, code: 12), .finished],
                .failure(.grpcStatus, detail: "grpc-status 12")
            ),
            ([Self.head, .trailers(code: 5)], .failure(.grpcStatus, detail: "grpc-status 5")),
            ([.head(status: 404, code: nil)], .failure(.status404, detail: "status 404")),
            (
                [Self.head, serving, .finished],
                .failure(.malformedResponse, detail: "no grpc-status")
            ),
            ([Self.head, .trailers(code: 0)], .failure(.malformedResponse, detail: "no message")),
            (
                [Self.head, .content([UInt8](repeating: 0, count: 5_000))],
                .failure(.malformedResponse, detail: "a long answer")
            ),
            ([.malformed], .failure(.malformedResponse, detail: "not HTTP/2")),
            (
                [.reset(.refusedStream)],
                .failure(.connectionReset, detail: "stream reset, code 7")
            ),
        ]
        for (events, expected) in cases { #expect(Self.outcome(events) == expected) }
        #expect(Self.outcome([Self.head, serving]) == nil)
    }

    // MARK: On a connection

    static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt8, _ body: [UInt8]) -> [UInt8] {
        [0, 0, UInt8(body.count), kind, flags, 0, 0, 0, stream] + body
    }

    // RFC 7541 §6.2.2: a literal that changes no table.
    static func field(_ name: String, _ value: String) -> [UInt8] {
        [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)]
            + Array(value.utf8)
    }

    static func answer(_ status: UInt8, code: String = "0") -> [UInt8] {
        frame(4, 0, 0, []) + frame(1, 4, 1, [0x88] + field("content-type", "application/grpc"))
            + frame(0, 0, 1, message([8, status])) + frame(1, 5, 1, field("grpc-status", code))
    }

    static func result(_ part: Part) throws -> ProbeResult {
        var stage = try ProbeStage()
        let address = try stage.add(part)
        var target = ProbeTarget(slot: 3, address: address)
        target.question = .grpc(GRPCQuestion(service: "a.B", host: "b.example"))
        target.rhythm = ProbeRhythm(interval: .seconds(5), timeout: .milliseconds(300))
        stage.driver.configure([target], now: Clock.monotonic())
        let results = stage.results(1)
        let asked = String(decoding: stage.visitors[0].asked, as: UTF8.self)
        #expect(asked.hasPrefix("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        #expect(stage.driver.running == 0 && stage.driver.buffersInUse == 0)
        return try #require(results.first)
    }

    @Test func `a call goes by HTTP 2 and its answer decides`() throws {
        #expect(try Self.result(.answerAndHold(Self.answer(1))).outcome == .success)
        let refused = try Self.result(.answer(Self.answer(2)))
        #expect(refused.outcome == .failure(.notServing, detail: "NOT_SERVING"))
        #expect(refused.status == 200)
        let failed = try Self.result(.answer(Self.answer(1, code: "14")))
        #expect(failed.outcome == .failure(.grpcStatus, detail: "grpc-status 14"))
    }

    @Test func `whatever else comes fails, and holds nothing`() throws {
        let plain = Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8)
        let old = try Self.result(.answerAndHold(plain))
        #expect(old.outcome == .failure(.malformedResponse, detail: "not HTTP/2"))
        let silent = try Self.result(.silence)
        #expect(silent.outcome == .failure(.probeTimeout, detail: "no answer"))
        let cut = try Self.result(.answer(Array(Self.answer(1).prefix(50))))
        #expect(cut.outcome == .failure(.closedEarly, detail: "status 200"))
        let reset = Self.frame(4, 0, 0, []) + Self.frame(3, 0, 1, [0, 0, 0, 7])
        #expect(
            try Self.result(.answerAndHold(reset)).outcome
                == .failure(.connectionReset, detail: "stream reset, code 7")
        )
        let gone = Self.frame(4, 0, 0, []) + Self.frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])
        let outcome = try Self.result(.answerAndHold(gone)).outcome
        #expect(outcome != .success)
    }
}
