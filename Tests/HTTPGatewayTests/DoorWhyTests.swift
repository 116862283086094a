// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import HTTPGateway

@Suite struct DoorWhyTests {
    private func story(_ stage: borrowing DoorHarness, of text: String) throws -> RequestRecord {
        let digits = try #require(text.field("X-Request-Id"))
        let name = try #require(RequestName(digits))
        return try #require(stage.shared.requests[0].find(name))
    }

    @Test func `an answer of ours names the request, and its story says why`() throws {
        var stage = try DoorHarness { plan in
            plan.routes = [RoutePlan(name: "n", host: .exact("n"), path: .prefix("/"), pool: 0)]
        }
        let guest = stage.visit(get("/some/where?q=1"))
        let told = stage.hear(guest, until: "no-route")
        let record = try story(stage, of: told)
        #expect(record.status == 404 && record.reasonWord == "no-route")
        #expect(record.author == .door && record.why == "no route fits the request")
        #expect(record.method == "GET" && record.path == "/some/where" && !record.isSecure)
        #expect(record.route == nil && record.pool == nil && record.attempts.isEmpty)
        #expect(record.client == DoorHarness.loopback)
        #expect(stage.leftovers() == [])
    }

    @Test func `each attempt has its endpoint, its reason and its time`() throws {
        var stage = try DoorHarness([[], [], [.answer(ok())]]) { plan in
            plan.pools[0].balance = .firstAvailable
            plan.keptShare = 100
            plan.routes[0].responseFields = [
                FieldEdit(.set, "X-Request-Id", TextTemplate(parts: [.variable(.requestID)]))
            ]
        }
        let guest = stage.visit(get())
        let told = stage.hear(guest, until: "hello")
        let record = try story(stage, of: told)
        #expect(record.status == 200 && record.reasonWord == "ok" && record.author == .endpoint)
        #expect(record.attempts.map(\.slot) == [0, 1, 2])
        #expect(record.attempts.map(\.reason) == ["connect-refused", "connect-refused", ""])
        #expect(record.attempts.map(\.status) == [0, 0, 200])
        #expect(record.attempts.allSatisfy { $0.began <= $0.ended })
        #expect(record.candidates.map(\.slot) == [0, 1, 2])
        #expect(record.candidates.map(\.isTried) == [true, true, true])
        #expect(record.pool == 0)
        #expect(stage.door.snapshot.routeName(of: record) == "all")
        #expect(record.phases.last?.microseconds ?? 0 > 0)
        #expect(stage.leftovers() == [])
        #expect(stage.door.trails.count == 0)
    }

    @Test func `an endpoint's own error is told apart from one of the door`() throws {
        let error = "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"
        var stage = try DoorHarness([[.answer(error)]]) { plan in
            plan.keptShare = 0
            plan.accessLog = .json
        }
        let guest = stage.visit(get())
        stage.hear(guest, until: "500 Broken")
        let other = stage.visit(get("/two"))
        stage.hear(other, until: "500 Broken")
        let lines = try stage.lines()
        let names = lines.compactMap { $0.components(after: "\"request_id\":\"", count: 32) }
        #expect(names.count == 2 && Set(names).count == 2)
        let name = try #require(RequestName(names.first ?? ""))
        let record = try #require(stage.shared.requests[0].find(name))
        #expect(record.status == 500 && record.author == .endpoint && record.path == "/")
        #expect(record.why.contains("itself answered 500"))
        #expect(record.attempts.map(\.status) == [500])
        #expect(stage.leftovers() == [])
    }

    @Test func `of what ends well the share is kept, and nothing at 0`() throws {
        for (share, kept) in [(0, 0...0), (50, 25...75), (100, 100...100)] {
            var stage = try DoorHarness { $0.keptShare = share }
            let guest = stage.visit(String(repeating: get(), count: 100))
            #expect(stage.turn { $0.heard(guest).components("hello") == 100 })
            #expect(kept.contains(Int(stage.shared.requests[0].written)), "\(share) %")
        }
    }

    @Test func `an answer that breaks is a failure, a client that leaves is none`() throws {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"
        var stage = try DoorHarness([[.answerAndClose(cut)], [.silence]])
        let guest = stage.visit(get("/cut"))
        #expect(stage.hearAll(guest).contains("part"))
        #expect(stage.shared.requests[0].failures == 1)
        let early = stage.connect()
        stage.send(early, get("/left"))
        stage.turn { $0.told(1).contains("/left") }
        stage.leave(early)
        #expect(stage.turn { $0.shared.requests[0].written == 2 })
        #expect(stage.shared.requests[0].failures == 1)
    }

    @Test func `a head that is too slow is named and kept`() throws {
        var stage = try DoorHarness()
        let guest = stage.connect()
        stage.send(guest, "GET / HT")
        stage.settle()
        stage.advance(.seconds(600))
        let told = stage.hearAll(guest)
        #expect(told.contains("408"))
        #expect(try story(stage, of: told).reasonWord == "header-timeout")
        #expect(stage.shared.requests[0].failures == 0)
    }

    @Test func `candidates say why they could not be chosen`() throws {
        var stage = try DoorHarness([[.answer(ok())], [.answer(ok())]]) { plan in
            plan.pools[0].allDown = .none
        }
        stage.health.publish(0, HealthWord(health: .down, reason: .connectRefused))
        stage.health.publish(1, HealthWord(health: .up, administrative: .maintenance))
        let guest = stage.visit(get())
        let told = stage.hear(guest, until: "all-down")
        let record = try story(stage, of: told)
        #expect(record.status == 503)
        #expect(record.candidates.map(\.whyNot) == ["down: connect-refused", "maintenance"])
        #expect(stage.leftovers() == [])
    }

    @Test func `the name of a trusted proxy finds the request too`() throws {
        var stage = try DoorHarness([[.answer(ok())]]) { plan in
            plan.keptShare = 100
            plan.listeners[0].trusted = [Prefix(DoorHarness.loopback, length: 32)].compactMap { $0 }
        }
        let guest = stage.visit(get("/", fields: "X-Request-Id: from-the-edge\r\n"))
        stage.hear(guest, until: "hello")
        let name = try #require(RequestName("from-the-edge"))
        #expect(stage.shared.requests[0].find(name)?.status == 200)
        #expect(RequestName("from the edge") == nil)
    }

    @Test func `what is refused before it is read has a name, and no path`() throws {
        var stage = try DoorHarness()
        let guest = stage.visit("GET / HTTP/1.1\r\n\r\n")
        let told = stage.hearAll(guest)
        let record = try story(stage, of: told)
        #expect(record.status == 400 && record.reasonWord == "host-missing")
        #expect(record.method == "" && record.path == "")
    }
}

extension String {
    /// The value of the first field line with this name.
    fileprivate func field(_ name: String) -> String? {
        guard let start = range(of: "\(name): ") else { return nil }
        return String(self[start.upperBound...].prefix { $0 != "\r" && $0 != "\r\n" })
    }

    /// So many characters behind a text.
    fileprivate func components(after text: String, count: Int) -> String? {
        range(of: text).map { String(self[$0.upperBound...].prefix(count)) }
    }
}
