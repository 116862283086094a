// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPProtocol
import Testing

@testable import ControlPlane

/// Orders about zones, which are answered once the disk has them.
@Suite struct ZoneOrderTests {
    private static let moment = Moment(
        now: Instant(nanoseconds: 160_000_000_000),
        realtime: 1_795_194_309_000_000_000
    )
    private let desk = AdminDesk(listen: nil, events: EventLog(level: .info), log: nil)

    private func ask(_ target: String, _ body: String, _ surface: inout StillSurface)
        -> ServiceAnswer
    {
        var request = ServiceRequest(
            method: target == discard ? .delete : .post,
            target: target,
            fields: [
                ServiceRequest.Field("host", "localhost"),
                ServiceRequest.Field("content-type", "application/json"),
            ],
            body: Array(body.utf8)
        )
        request.ticket = Handle(index: 3, generation: 5)
        return desk.answer(request, &surface, at: Self.moment)
    }

    private func isLater(_ answer: ServiceAnswer) -> Bool {
        if case .later = answer { true } else { false }
    }

    private let discard = "/api/v1/zones/example.com./changes"
    private let replace = "/api/v1/zones/example.com./import"

    @Test func `who discards waits, and hears how it ended, once`() throws {
        for (end, status) in [(ControlOutcome.done, 200), (.failed("why"), 500)] {
            var surface = try StillSurface()
            surface.outcome = .awaited(9)
            let first = ask(discard, "{}", &surface)
            #expect(isLater(first))
            let other = desk.answer(8, .done, surface, at: Self.moment)
            let answer = desk.answer(9, end, surface, at: Self.moment)
            let again = desk.answer(9, .done, surface, at: Self.moment)
            #expect(other == nil && again == nil)
            let told = try #require(answer)
            #expect(told.ticket == Handle(index: 3, generation: 5))
            #expect(told.response.status / 100 == UInt16(status / 100), "\(told.response.status)")
        }
    }

    @Test func `an import ends with its numbers, or with what is wrong`() throws {
        var surface = try StillSurface()
        surface.outcome = .awaited(1)
        let body = #"{"text":"@ SOA a b 1 2 3 4 5"}"#
        let first = ask(replace, body, &surface)
        #expect(isLater(first))
        let report = ZoneImport(zone: "example.com.", serial: 7, removed: 1, added: 2)
        let toldAnswer = desk.answer(1, .imported(report), surface, at: Self.moment)
        let told = try #require(toldAnswer)
        guard case .bytes(let bytes) = told.response.body else { return }
        let json = try JSONReader.read(bytes)
        #expect(json["serial"]?.integer == 7 && json["kept"]?.bool == true)
        let second = ask(replace, body, &surface)
        #expect(isLater(second))
        let problem = ReloadProblem.start("M3091", "a name is steered", "leave it out")
        let refusedAnswer = desk.answer(1, .refused([problem]), surface, at: Self.moment)
        let refused = try #require(refusedAnswer)
        #expect(refused.response.status == 422)
    }

    @Test func `who discards hears what is still to be done`() throws {
        var surface = try StillSurface()
        surface.outcome = .awaited(2)
        #expect(isLater(ask(discard, "{}", &surface)))
        let toldAnswer = desk.answer(2, .noted("raise it"), surface, at: Self.moment)
        let told = try #require(toldAnswer)
        guard case .bytes(let bytes) = told.response.body else {
            Issue.record("no body")
            return
        }
        #expect(told.response.status == 200)
        #expect(try JSONReader.read(bytes)["note"]?.string == "raise it")
    }

    @Test func `what is known at once is told at once`() throws {
        var surface = try StillSurface()
        surface.outcome = .unknownZone
        guard case .now(let response) = ask(discard, "{}", &surface) else {
            Issue.record("it waits")
            return
        }
        #expect(response.status == 404)
    }
}
