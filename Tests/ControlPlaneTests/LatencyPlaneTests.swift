// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Steering
import Testing

@testable import ControlPlane

/// Measurements on their way through the control thread, without a door.
@Suite struct LatencyPlaneTests {
    private struct Stage: ~Copyable {
        var plane: Plane
        var loop: EventLoop
        var now = Clock.monotonic()

        static func configure(_ folder: TemporaryFolder, _ latency: String) throws {
            let text = """
                state: \(folder.path)/state
                workers: 1
                admin: { listen: off }
                listeners: [ { dns: "127.0.0.1:0" } ]
                latency: { interval: 100ms, \(latency) }
                zones:
                  a.test:
                    soa: { primary: ns.a.test, mailbox: me@a.test }
                    records: { www: { steer: www } }
                steer:
                  www:
                    latency:
                      - { address: 192.0.2.1, target: fra }
                      - { address: 192.0.2.2, target: iad }
                """
            try File.writeAtomically("\(folder.path)/martlet.yaml", Array(text.utf8))
        }

        init(_ plane: consuming Plane, _ loop: consuming EventLoop) {
            self.plane = plane
            self.loop = loop
        }

        static func open(_ folder: TemporaryFolder) throws -> Stage {
            let plan = try StartPlan.make(path: "\(folder.path)/martlet.yaml")
            let keeper = try ServiceKeeper(plan: plan)
            var link = SupervisorLink(keeper)
            let found = link.setup()
            let setup = try #require(found)
            let loop = try EventLoop()
            return Stage(try PlaneStart(setup).plane(link), loop)
        }

        mutating func turn(_ wait: Interval = .zero) {
            now = now + wait
            plane.expire(now: now, loop: &loop)
        }

        /// Turns until a table has been made and is in force; false when none comes.
        mutating func settle(builds: UInt64) -> Bool {
            for _ in 0..<2_000 where plane.roundTrips.machine.builds < builds {
                turn(.milliseconds(20))
                _ = loop.wait(timeoutMilliseconds: 1)
            }
            turn(.milliseconds(1))
            return plane.roundTrips.machine.builds >= builds
        }

        func first(_ client: String) throws -> String {
            let name = try #require(DomainName("www.a.test"))
            let address = try #require(IPAddress(client))
            let dns = plane.snapshot.dns
            let explanation = dns.explain(name: name, type: .A, from: address, now: now, seed: 1)
            return explanation.policy?.answers.first.map { "\($0)" } ?? ""
        }

        mutating func end() { plane.obey(.stop, now) }
    }

    private static func row(_ target: String, _ milliseconds: Double) throws -> RTTReader.Row {
        let place = try #require(GeoRegion(measured: "203.0.113.0/24"))
        var row = RTTReader.Row(place: place, target: target, milliseconds: milliseconds)
        row.samples = 20
        return row
    }

    @Test func `measurements change answers by a snapshot, and outlive the process`() throws {
        let folder = try TemporaryFolder()
        try Stage.configure(folder, "rows: 1000")
        var stage = try Stage.open(folder)
        stage.turn()
        let before = (try stage.first("203.0.113.9"), stage.plane.view.snapshotNumber)
        let rows = [try Self.row("fra", 90), try Self.row("iad", 10)]
        let outcome = stage.plane.perform(.measure(rows), now: stage.now)
        let isMade = stage.settle(builds: 1)
        let after = (try stage.first("203.0.113.9"), stage.plane.view.snapshotNumber)
        let elsewhere = try stage.first("203.0.114.9")
        // The same again changes nothing that anybody goes by.
        _ = stage.plane.perform(.measure(rows), now: stage.now)
        for _ in 0..<50 { stage.turn(.milliseconds(20)) }
        let still = stage.plane.view.snapshotNumber
        let page = stage.plane.roundTrips(RTTPageSketch(), now: stage.now)
        stage.end()
        var intake = RTTIntake()
        intake.taken = 2
        #expect(outcome == .measured(intake) && isMade)
        #expect(before.0 == "192.0.2.1" && after.0 == "192.0.2.2" && elsewhere == "192.0.2.1")
        #expect(after.1 > before.1 && still == after.1)
        #expect(page.total == 2 && page.rows.map(\.samples) == [40, 40])
        // The lock of a folder lasts as long as a process: another one has what was left here.
        let other = try TemporaryFolder()
        try Stage.configure(other, "rows: 1000")
        try File.makeFolder("\(other.path)/state")
        let left = try File.read("\(folder.path)/state/round-trips.json", limit: 1 << 20)
        try File.writeAtomically("\(other.path)/state/round-trips.json", left)
        var next = try Stage.open(other)
        let restored = try next.first("203.0.113.9")
        let rowsAgain = next.plane.view.latency?.rows
        next.end()
        #expect(restored == "192.0.2.2" && rowsAgain == 2, "from the state folder, at once")
    }

    @Test func `rows of other tables, and of nobody's count, are taken for what they are`() throws {
        let folder = try TemporaryFolder()
        try Stage.configure(folder, "min-samples: 7")
        var stage = try Stage.open(folder)
        stage.turn()
        // Without a number it is believed, as in a file.
        var rows = [try Self.row("iad", 10)]
        rows[0].samples = 0
        _ = stage.plane.perform(.measure(rows), now: stage.now)
        let believed = stage.plane.roundTrips(RTTPageSketch(), now: stage.now).rows
        rows[0].time = Clock.realtime() / 1_000_000_000
        let again = stage.plane.perform(.measure(rows), now: stage.now)
        stage.end()
        #expect(believed.map(\.samples) == [7] && believed.first?.counts == true)
        var intake = RTTIntake()
        intake.known = 1
        #expect(again == .measured(intake))
    }

    @Test func `who has retired has nothing to save, and sleeps`() throws {
        let folder = try TemporaryFolder()
        try Stage.configure(folder, "rows: 1000")
        var stage = try Stage.open(folder)
        stage.turn()
        _ = stage.plane.perform(.measure([try Self.row("fra", 90)]), now: stage.now)
        _ = stage.settle(builds: 1)
        let before = stage.plane.roundTrips.savesAt
        stage.plane.retire(stage.now)
        let after = stage.plane.roundTrips.savesAt
        let rows = [try Self.row("iad", 9)]
        _ = stage.plane.learn(rows, stage.now)
        let later = stage.plane.roundTrips.savesAt
        stage.end()
        #expect(before != .never && after == .never && later == .never)
    }

    @Test func `a former snapshot is kept until no worker has it`() throws {
        let folder = try TemporaryFolder()
        try Stage.configure(folder, "rows: 1000")
        var stage = try Stage.open(folder)
        let words = stage.plane.workers.words
        for _ in 0..<2_000 where words.generation < stage.plane.snapshot.number {
            stage.turn(.milliseconds(1))
            _ = stage.loop.wait(timeoutMilliseconds: 1)
        }
        words.store(.generation, worker: 0, 0)
        stage.plane.formerSnapshots = [stage.plane.snapshot]
        stage.plane.retiresAt = stage.now
        stage.turn(.milliseconds(1))
        let (kept, looksAt) = (stage.plane.formerSnapshots.count, stage.plane.retiresAt)
        words.store(.generation, worker: 0, .max)
        stage.turn(.milliseconds(250))
        let left = stage.plane.formerSnapshots.count
        stage.end()
        #expect(kept == 1 && looksAt <= stage.now && left == 0)
    }

    @Test func `rows of a file with times expire after a start as well`() throws {
        let folder = try TemporaryFolder()
        let time = Clock.realtime() / 1_000_000_000 - 3590
        let text = "203.0.113.0/24,fra,90,,\(time)\n203.0.113.0/24,iad,10,,\(time)\n"
        try File.writeAtomically("\(folder.path)/rtt.csv", Array(text.utf8))
        try Stage.configure(folder, "file: rtt.csv, max-age: 1h")
        var stage = try Stage.open(folder)
        stage.turn()
        let young = try stage.first("203.0.113.9")
        stage.turn(.seconds(60))
        let isMade = stage.settle(builds: 1)
        let old = try stage.first("203.0.113.9")
        stage.end()
        #expect(young == "192.0.2.2" && isMade && old == "192.0.2.1")
    }

    @Test func `a file is followed, and a reload that refuses it changes nothing`() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/rtt.csv"
        func write(_ rows: String...) throws {
            let lines = rows.map { "203.0.113.0/24,\($0)\n" }.joined()
            try File.writeAtomically(path, Array(lines.utf8))
        }
        try write("fra,90", "iad,10")
        try Stage.configure(folder, "file: rtt.csv")
        var stage = try Stage.open(folder)
        stage.turn()
        let first = try stage.first("203.0.113.9")
        try write("fra,9", "iad,100")
        stage.plane.exchangeMeasurements([path])
        let isMade = stage.settle(builds: 1)
        let second = try stage.first("203.0.113.9")
        try write("fra")
        let refused = stage.plane.perform(.reload, now: stage.now)
        let third = try stage.first("203.0.113.9")
        stage.end()
        #expect(first == "192.0.2.2" && isMade && second == "192.0.2.1" && third == "192.0.2.1")
        guard case .refused(let problems) = refused else {
            Issue.record("\(refused)")
            return
        }
        let problem = try #require(problems.first)
        #expect(problem.code == "M1440" && problem.text.contains("rtt.csv:1:1"))
    }
}
