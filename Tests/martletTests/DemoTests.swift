// SPDX-License-Identifier: Apache-2.0
import Configuration
import ControlPlane
import Essentials
import HTTPProtocol
import Prober
import Steering
import Testing

@testable import martlet

private let places: [(plan: DemoOrigin, address: SocketAddress)] = DemoOrigin.all.map {
    ($0, SocketAddress($0.ip, port: 45_678))
}

@Suite struct DemoConfigurationTests {
    @Test func `the demonstration's configuration is valid without a finding`() throws {
        let text = DemoConfiguration.text(
            ports: DemoPorts(http: 8080, dns: 5300, admin: 9180),
            folder: DemoFolder(1),
            origins: places.map { ($0.plan.name, $0.address) }
        )
        let result = ConfigurationReader().read(Array(text.utf8), file: "demo.yaml")
        #expect(result.diagnostics.isEmpty, "\(CheckReport.text(result))")
        let settings = try #require(result.configuration?.settings)
        #expect(settings.pools.first?.endpoints.map(\.name) == ["wren", "robin", "heron"])
        #expect(settings.listeners.count == 2)
    }

    @Test func `the screen fits into one, and names every place`() {
        let screen = DemoScreen(
            program: ".build/release/martlet",
            folder: DemoFolder(2),
            ports: DemoPorts(http: 18080, dns: 15300, admin: 19180),
            origins: places
        )
        let lines = screen.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 26)
        #expect(lines.allSatisfy { $0.count <= 140 })
        for word in ["18080", "15300", "19180", "wren", "robin", "heron", "--demo 2 --kill wren"] {
            #expect(screen.text.contains(word), "\(word)")
        }
    }
}

@Suite struct DemoCommandTests {
    @Test(
        arguments: [
            ([], DemoCommand.Act.start, nil), (["--help"], .help, nil),
            (["--kill", "wren"], .kill("wren"), nil),
            (["--revive", "robin"], .revive("robin"), nil),
            (["--break", "heron", "500"], .breakOrigin("heron", .error), nil),
            (["--demo", "2", "--mend", "heron"], .mend("heron"), 2),
            (["--mend", "heron", "--demo", "2"], .mend("heron"), 2),
        ] as [([String], DemoCommand.Act, Int?)]
    )
    func `arguments say what to do`(
        arguments: [String],
        act: DemoCommand.Act,
        number: Int?
    ) throws {
        let parsed = try DemoCommand.parse(arguments)
        #expect(parsed.act == act)
        #expect(parsed.number == number)
    }

    @Test(arguments: [
        ["--kill"], ["--kill", "nobody"], ["--break", "wren"], ["--break", "wren", "all"],
        ["--demo", "x"], ["--what"], ["--kill", "wren", "--mend", "wren"], ["--kill", "--mend"],
        ["wren"],
    ])
    func `arguments that make no sense are a matter of usage`(arguments: [String]) {
        let refusal = #expect(throws: DemoRefusal.self) { try DemoCommand.parse(arguments) }
        #expect(refusal?.exitCode == 2)
    }

    @Test func `counts are read as they were written`() throws {
        let counts = try #require(TrafficClient.Counts(line: "answered 12 failed 3 skipped 4\n"))
        #expect(counts.line == "answered 12 failed 3 skipped 4\n")
        #expect(TrafficClient.Counts(line: "answered 12") == nil)
        #expect(TrafficClient.Counts(line: "answered x failed 3 skipped 4") == nil)
    }
}

@Suite struct OriginDeskTests {
    private static let begin = Instant(nanoseconds: 1_000_000_000)

    private struct Answer: Equatable {
        let status: UInt16
        let body: String
        let after: Interval
    }

    private func desk(_ faults: OriginFault...) -> OriginDesk {
        var desk = OriginDesk(name: "wren", delay: .milliseconds(8), scratch: "/dev/null/none")
        for fault in faults { desk.faults.insert(fault) }
        return desk
    }

    private func result(_ slot: Int, passes: Bool) -> ProbeResult {
        let outcome = passes ? ProbeOutcome.success : .failure(.connectRefused, detail: "")
        return ProbeResult(slot: slot, outcome: outcome, at: Self.begin)
    }

    /// The only answer that becomes due, and when.
    private func answer(_ desk: inout OriginDesk) -> Answer? {
        let at = desk.nextDue
        guard at != .never, desk.takeDue(now: Instant(nanoseconds: at.nanoseconds - 1)).isEmpty,
            let due = desk.takeDue(now: at).first, case .bytes(let bytes) = due.response.body
        else { return nil }
        return Answer(
            status: due.response.status,
            body: String(decoding: bytes, as: UTF8.self),
            after: at - Self.begin
        )
    }

    @Test func `a page is answered after the origin's delay`() throws {
        var desk = desk()
        desk.take(ServiceRequest(method: .get, target: "/api/items"), now: Self.begin)
        let seen = try #require(answer(&desk))
        #expect(seen.status == 200)
        #expect(seen.after == .milliseconds(8))
        #expect(seen.body == #"{"served_by":"wren","path":"/api/items","served":1}"# + "\n")
        let wish = desk.takeWishToAsk()
        #expect(!wish)
    }

    @Test func `a health question waits for database and cache, which are asked once`() throws {
        var desk = desk()
        desk.take(ServiceRequest(method: .get, target: "/healthz"), now: Self.begin)
        desk.take(ServiceRequest(method: .get, target: "/healthz"), now: Self.begin)
        let wishes = [desk.takeWishToAsk(), desk.takeWishToAsk()]
        #expect(wishes == [true, false])
        desk.take(result(OriginDesk.database, passes: false), now: Self.begin)
        #expect(desk.nextDue == .never)
        desk.take(result(OriginDesk.cache, passes: true), now: Self.begin)
        let both = desk.takeDue(now: Self.begin)
        #expect(both.count == 2)
        #expect(both.first?.response.status == 503)
        guard case .bytes(let bytes)? = both.first?.response.body else {
            Issue.record("no body")
            return
        }
        let document = try JSONReader.read(bytes)
        #expect(document["checks"]?["db"]?["status"] == "fail")
        #expect(document["checks"]?["cache"]?["status"] == "ok")
        #expect(document["checks"]?["disk"]?["status"] == "fail", "there is no such folder")
    }

    @Test func `an origin without its database fails what needs it and serves the rest`() throws {
        var desk = desk()
        desk.take(result(OriginDesk.database, passes: false), now: Self.begin)
        desk.take(ServiceRequest(method: .get, target: "/api/items"), now: Self.begin)
        #expect(answer(&desk)?.status == 500)
        desk.take(ServiceRequest(method: .get, target: "/photos/3.jpg"), now: Self.begin)
        #expect(answer(&desk)?.status == 200)
    }

    @Test func `a liar says ok when asked for its health and serves nobody`() throws {
        var desk = desk(.lie)
        desk.take(ServiceRequest(method: .get, target: "/healthz"), now: Self.begin)
        #expect(answer(&desk)?.status == 200)
        desk.take(ServiceRequest(method: .get, target: "/"), now: Self.begin)
        #expect(answer(&desk)?.status == 500)
    }

    @Test func `a broken origin fails everything, a slow one takes its time`() throws {
        var broken = desk(.error)
        broken.take(ServiceRequest(method: .get, target: "/healthz"), now: Self.begin)
        #expect(answer(&broken)?.status == 500)
        var slow = desk(.slow)
        slow.take(ServiceRequest(method: .get, target: "/"), now: Self.begin)
        #expect(answer(&slow)?.after == .milliseconds(3_008))
    }
}
