// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

/// Calls of gRPC that are made once more because of their status.
@Suite struct DoorGRPCRetryTests {
    static let more = Array("two".utf8)  // kept, since the session only looks at it

    private static func stage(
        _ configure: (inout GatewayPlan) -> Void = { _ in }
    ) throws -> DoorHarness {
        try DoorHarness(http2: 2) { plan in
            plan.pools[0].balance = .firstAvailable
            plan.poolPlans[0].retry.grpcCodes = [8, 14]
            plan.accessLog = .json
            configure(&plan)
        }
    }

    private static func refusal(_ code: Int) -> [(String, String)] {
        [("content-type", "application/grpc"), ("grpc-status", "\(code)")]
    }

    @Test func `a call that was refused in the head is made once more, content and all`() throws {
        var stage = try Self.stage()
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "POST", "/s/M", DoorGRPCTests.fields, content: "message")
        var first = try HTTP2Host(&stage)
        #expect(stage.question(&first, 1).content == "message")
        first.answer(&stage, 1, "200", Self.refusal(14))
        var second = try HTTP2Host(&stage, visitor: 1)
        #expect(stage.question(&second, 1).content == "message")
        second.answer(
            &stage,
            1,
            "200",
            [("x-from", "b")],
            content: "done",
            trailers: [("grpc-status", "0")]
        )
        let answer = stage.answer(&client, stream)
        #expect(answer.content == "done" && answer.trailers == ["grpc-status: 0"])
        #expect(answer.fields.contains("x-from: b"))
        #expect(stage.count(.retries) == 1)
        let place = GatewayMetrics.retryConditions.first { $0.word == "grpc-status" }
        #expect(stage.shared.metrics[0].load(place?.index ?? -1) == 1)
        #expect(try stage.lines().first?.contains("\"retried\":\"origin-grpc-status\"") == true)
        #expect(stage.leftovers() == [])
    }

    @Test func `content that comes in pieces is kept for the second call`() throws {
        var stage = try Self.stage()
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(
            &stage,
            "POST",
            "/s/M",
            DoorGRPCTests.fields,
            content: "one",
            isWhole: false
        )
        var first = try HTTP2Host(&stage)
        stage.turn(&first) { host, _ in host.questions[1]?.content == "one" }
        client.session.offer(stream, Self.more.span, isLast: false)
        client.speak(&stage)
        stage.turn(&first) { host, _ in host.questions[1]?.content == "onetwo" }
        // Refused before all of it is there: the rest goes to the other endpoint.
        first.answer(&stage, 1, "200", Self.refusal(8))
        var second = try HTTP2Host(&stage, visitor: 1)
        stage.turn(&second) { host, _ in host.questions[1]?.content == "onetwo" }
        client.session.offer(stream, Self.more.span, isLast: true)
        client.speak(&stage)
        #expect(stage.question(&second, 1).content == "onetwotwo")
        second.answer(&stage, 1, "200", trailers: [("grpc-status", "0")])
        #expect(stage.answer(&client, stream).trailers == ["grpc-status: 0"])
        #expect(stage.leftovers() == [])
    }

    @Test(arguments: ["listed", "message", "never", "plain", "large", "alone"])
    func `only what is listed, comes alone and can be repeated is tried again`(
        _ example: String
    ) throws {
        var stage = try Self.stage { plan in
            if example == "never" { plan.poolPlans[0].retry.nonIdempotent = .never }
            if example == "large" { plan.limits.bufferedBody = 4 }
            if example == "alone" { plan.pools[0].endpoints.removeLast() }
        }
        var client = try HTTP2Guest(&stage)
        let fields = example == "plain" ? [] : DoorGRPCTests.fields
        let stream = client.ask(&stage, "POST", "/s/M", fields, content: "message")
        var host = try HTTP2Host(&stage)
        _ = stage.question(&host, 1)
        switch example {
        case "listed": host.answer(&stage, 1, "200", Self.refusal(5))
        case "message":
            let trailers = [("grpc-status", "14")]
            host.answer(&stage, 1, "200", [], content: "part", trailers: trailers)
        default: host.answer(&stage, 1, "200", Self.refusal(14))
        }
        let answer = stage.answer(&client, stream)
        let code = example == "listed" ? 5 : 14
        #expect((answer.fields + answer.trailers).contains("grpc-status: \(code)"))
        #expect(stage.count(.retries) == 0)
        #expect(stage.leftovers() == [])
    }

    @Test func `the last refusal is passed on`() throws {
        var stage = try Self.stage()
        var client = try HTTP2Guest(&stage)
        let stream = client.ask(&stage, "POST", "/s/M", DoorGRPCTests.fields, content: "x")
        var first = try HTTP2Host(&stage)
        _ = stage.question(&first, 1)
        first.answer(&stage, 1, "200", Self.refusal(14))
        var second = try HTTP2Host(&stage, visitor: 1)
        _ = stage.question(&second, 1)
        second.answer(&stage, 1, "200", Self.refusal(8))
        #expect(stage.answer(&client, stream).fields.contains("grpc-status: 8"))
        #expect(stage.leftovers() == [])
    }
}
