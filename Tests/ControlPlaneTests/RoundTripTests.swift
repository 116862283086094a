// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import HTTPProtocol
import Runtime
import Steering
import Testing

@testable import ControlPlane

/// Measurements from files, from the API and from former processes.
@Suite struct RoundTripTests {
    private static let moment = Moment(
        now: Instant(nanoseconds: 500_000_000_000),
        realtime: 1_795_194_309_000_000_000
    )

    private static let longLine = String(repeating: ",", count: 5000)

    private static func read(_ text: String) -> RTTReader { RTTReader(Array(text.utf8)) }

    @Test func `lines of fields and of JSON are rows`() throws {
        let reader = Self.read(
            """
            place,target,rtt_ms,samples,time
            # Frankfurt
            203.0.113.0/24,fra,12.5
             203.0.113.9 , iad , 90 , 40 ,1795194000\r
            country:DE,fra,20,,1795194000

            {"place": "city:Frankfurt, Main", "target": "fra", "rttMilliseconds": 3, "samples": 7}
            2001:db8:1::/48,fra,1e1,3,
            """
        )
        #expect(reader.faults.isEmpty)
        let rows = reader.rows.map { row in
            "\(row.place.measuredText) \(row.target) \(row.milliseconds) \(row.samples) "
                + "\(row.time ?? -1)"
        }
        #expect(
            rows == [
                "203.0.113.0/24 fra 12.5 0 -1", "203.0.113.0/24 iad 90.0 40 1795194000",
                "country:DE fra 20.0 0 1795194000", "city:Frankfurt, Main fra 3.0 7 -1",
                "2001:db8:1::/48 fra 10.0 3 -1",
            ]
        )
        #expect(reader.targets.map { $0.line } == [3, 4])
        let aged = reader.rows[1].measurement(at: Self.moment)
        #expect(aged.at == Self.moment.now + .seconds(-309))
    }

    @Test(arguments: [
        ("x,fra,1", 1, 1), ("10.0.0.0/8,fra", 1, 1), ("10.0.0.0/8,fra,1,2,3,4", 1, 1),
        ("\n10.0.0.0/8, ,1", 2, 13), ("10.0.0.0/8,fra,-1", 1, 16), ("10.0.0.0/8,fra,nan", 1, 16),
        ("10.0.0.0/8,fra,60001", 1, 16), ("10.0.0.0/8,fra,1,0", 1, 18),
        ("10.0.0.0/8,fra,1,x", 1, 18), ("10.0.0.0/8,fra,1,1,-5", 1, 20),
        ("10.0.0.0/8,fra,1,1,99999999999999", 1, 20), ("# a\n{\"place\": 1,}", 2, 13),
        ("{}", 1, 1), ("{\"place\":\"10.0.0.0/8\",\"target\":\"a\",\"rtt\":1}", 1, 1),
        ("10.1.2.3/8,fra,1", 1, 1), ("2001:db8::1/32,fra,1", 1, 1),
        ("10.0.0.0/8,fra,1\n10.0.0.0/8,fra,2", 2, 1), ("place,target,ms\nplace,target,ms", 2, 1),
        ("\u{0}\u{1},\u{2},", 1, 1), ("country:ZZ,fra,1", 1, 1), ("\n" + longLine, 2, 1),
    ])
    func `what is no measurement is told of by line and column`(
        text: String,
        line: Int,
        column: Int
    ) throws {
        let fault = try #require(Self.read(text).faults.first)
        #expect([fault.line, fault.column] == [line, column], "\(fault.message)")
    }

    @Test func `mutated bytes trap nowhere`() {
        var random = SeededRandom(seed: 5)
        let text = "10.0.0.0/8,fra,12.5,4,1795194000\n{\"place\":\"asn:7\",\"target\":\"a\"}"
        let good = Array(text.utf8)
        for _ in 0..<2000 {
            var bytes = good
            for _ in 0...random.next(below: 5) {
                let place = Int(random.next(below: UInt32(bytes.count)))
                switch random.next(below: 3) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                }
            }
            _ = RTTReader(bytes)
        }
        #expect(Self.read(String(repeating: "x\n", count: 100)).faults.count == 20, "bounded")
    }

    // MARK: The file

    private static func open(_ path: String) -> Geography.Opened {
        do throws(SystemError) {
            let file = try File.openRegular(path)
            return .file(GeographyFile(path: path, descriptor: file, stamp: File.stamp(path)))
        } catch {
            return .failed(path: path, reason: "\(error)")
        }
    }

    @Test func `a bad file leaves the former rows, until a good one comes`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/rtt.csv"
        var file = MeasurementsFile()
        func load(_ wanted: String?) -> Bool {
            file.load(wanted, at: Self.moment, Self.open)
        }
        var isNew = load(path)
        #expect(!isNew && file.problem?.hasPrefix("cannot be read") == true)
        #expect(file.finding.faults.count == 1)
        try File.writeAtomically(path, Array("10.0.0.0/8,fra,1\n".utf8))
        isNew = load(path)
        #expect(isNew && file.rows.count == 1 && file.problem == nil)
        isNew = load(path)
        #expect(!isNew && file.loads.adopted == 1, "not read again")
        try File.writeAtomically(path, Array("10.0.0.0/8,fra,1\nnonsense\n".utf8))
        isNew = load(path)
        #expect(!isNew && file.rows.count == 1)
        #expect(file.problem?.hasPrefix(":2:1: 1 fields") == true, "\(file.problem ?? "")")
        #expect(file.finding.faults.first?.excerpt == "nonsense")
        File.remove(path)
        for _ in 0..<3 { isNew = load(path) }
        #expect(file.rows.count == 1 && file.loads.failed == 3, "once for each state")
        try File.writeAtomically(path, Array("10.0.0.0/8,fra,7\n".utf8))
        isNew = load(path)
        #expect(isNew && file.rows.first?.milliseconds == 7)
        isNew = load(nil)
        #expect(isNew && file.rows.isEmpty && file.path == nil)
    }

    @Test func `rows survive a restart with their ages`() throws {
        var table = RTTTable()
        for (number, text) in ["10.0.0.0/8", "city:São Paulo", "asn:7"].enumerated() {
            let place = try #require(GeoRegion(measured: text))
            let at = Self.moment.now + .seconds(Int64(-number * 100))
            table.record(
                RTTMeasurement(
                    place: place,
                    target: "fra",
                    milliseconds: 10.25,
                    samples: 9,
                    at: at
                ),
                now: Self.moment.now
            )
        }
        let json = try JSONReader.read(SavedRoundTrips(table, at: Self.moment).text())
        let saved = try #require(SavedRoundTrips(json: json))
        // Another boot, an hour later.
        let later = Moment(
            now: Instant(nanoseconds: 7_000_000_000),
            realtime: Self.moment.realtime + 3_600_000_000_000
        )
        let rows = saved.restored(at: later)
        #expect(rows.map(\.milliseconds) == [10.25, 10.25, 10.25] && rows[1].samples == 9)
        let ages = rows.compactMap { $0.last.map { (later.now - $0).nanoseconds / 1_000_000_000 } }
        #expect(ages == [3600, 3700, 3800])
        #expect(SavedRoundTrips(json: ["format": 2, "rows": [["x", "y", 1, 1, 1, 1]]]) == nil)
        #expect(SavedRoundTrips(json: ["format": 3, "rows": []]) == nil)
    }

    @Test func `no more rows are saved than can be read again`() throws {
        var settings = RTTSettings()
        settings.rowLimit = 1000
        var table = RTTTable(settings)
        for number in 0..<1000 {
            let name = String(repeating: "\"", count: 96) + "\(number)"
            let place = try #require(GeoRegion(measured: "city:\(name)"))
            let row = RTTMeasurement(place: place, target: "fra", milliseconds: 100.0 / 3)
            table.record(row, now: Self.moment.now)
        }
        let saved = SavedRoundTrips(table, at: Self.moment)
        for limit in [20_000, 20_001, 20_300, 1 << 20] {
            let text = saved.text(limit: limit)
            #expect(text.count <= limit)
            let json = try JSONReader.read(text)
            let read = try #require(SavedRoundTrips(json: json))
            #expect(read.rows.count > 80 && (limit < 1 << 20) == (read.rows.count < 1000))
            #expect(read.rows.first?.row.milliseconds == 33.333)
        }
    }

    @Test func `a new geography makes new tables, and the orders hold on`() throws {
        let place = try #require(GeoRegion(measured: "10.1.2.0/24"))
        func picture(_ milliseconds: [Double]) -> LatencyPicture {
            let rows = zip(["a", "b"], milliseconds).map { target, value in
                RTTRow(
                    place: place,
                    target: target,
                    milliseconds: value,
                    deviation: 1,
                    samples: 9,
                    last: nil
                )
            }
            return LatencyPicture(learned: rows, imported: [])
        }
        let targets = [LatencyTarget("a"), LatencyTarget("b")]
        var tables = RegionTables(picture: picture([60, 50])).following(Geography())
        _ = tables.latency(targets, .empty)
        // Less than the gain: what holds stays, and nothing counts as changed.
        let changes = tables.remake(picture([46, 50]), RTTSettings(), .empty)
        var next = tables.following(Geography())
        let isAnother = next.edition !== tables.edition
        _ = next.latency(targets, .empty)
        let gains = next.remake(picture([44, 50]), RTTSettings(), .empty)
        #expect(changes == 0 && isAnother && next.hasLatency)
        #expect(gains == 1, "until then the former one came first")
    }

    @Test func `what is exported can be read, whatever places are called`() throws {
        let places = ["city:Frankfurt, Main", "city:Paris ", "asn:7", "city:\"x\"", "10.0.0.0/8"]
        let shown = places.map { place -> JSONValue in
            [
                "place": .string(place), "target": "fra", "rttMilliseconds": .number(1.5),
                "deviationMilliseconds": 3, "samples": 4, "ageSeconds": 9, "time": 1_795_194_000,
                "counts": true,
            ]
        }
        let reader = Self.read(RoundTripText.lines(shown))
        #expect(reader.faults.isEmpty)
        #expect(reader.rows.map { $0.place.measuredText } == places)
        #expect(reader.rows.allSatisfy { $0.samples == 4 && $0.time == 1_795_194_000 })
        #expect(reader.rows.allSatisfy { $0.milliseconds == 1.5 && $0.target == "fra" })
    }

    // MARK: The API

    private func ask(
        _ method: Method,
        _ target: String,
        body: String = "",
        type: String = "application/json"
    ) -> Result<AdminQuestion, Problem> {
        let request = ServiceRequest(
            method: method,
            target: target,
            fields: [ServiceRequest.Field("content-type", type)],
            body: Array(body.utf8)
        )
        return Result { () throws(Problem) in try AdminQuestion(request) }
    }

    @Test func `a request brings measurements, all well-formed or none`() throws {
        let row = "{\"place\":\"203.0.113.9\",\"target\":\"fra\",\"rttMilliseconds\":12}"
        let good = ask(.post, "/api/v1/rtt", body: "{\"measurements\":[\(row),\(row)]}")
        guard case .success(.measure(let rows)) = good else {
            Issue.record("\(good)")
            return
        }
        #expect(rows.count == 2 && rows[0].place.measuredText == "203.0.113.0/24")
        let many = Array(repeating: row, count: 10_001).joined(separator: ",")
        let bad: [(String, String, ProblemCode)] = [
            ("", "application/json", .invalidJSON), ("{", "application/json", .invalidJSON),
            ("{\"measurements\":[]}", "text/plain", .mediaType),
            ("[]", "application/json", .invalidValue),
            ("{\"measurements\":[],\"more\":1}", "application/json", .invalidValue),
            ("{\"measurements\":[\(row),{}]}", "application/json", .invalidValue),
            ("{\"measurements\":[7]}", "application/json", .invalidValue),
            ("{\"measurements\":[\(many)]}", "application/json", .invalidValue),
        ]
        for (body, type, code) in bad {
            guard case .failure(let problem) = ask(.post, "/api/v1/rtt", body: body, type: type)
            else {
                Issue.record("taken: \(body.prefix(80))")
                continue
            }
            #expect(problem.code == code, "\(body.prefix(80)): \(problem.detail)")
        }
    }

    @Test func `pages are asked for within bounds`() {
        var sketch = RTTPageSketch()
        #expect(ask(.get, "/api/v1/rtt") == .success(.roundTrips(sketch)))
        (sketch.isImported, sketch.from, sketch.count) = (true, 7, 1000)
        let asked = ask(.get, "/api/v1/rtt?source=file&from=7&count=1000")
        #expect(asked == .success(.roundTrips(sketch)))
        for query in ["count=0", "count=1001", "source=x", "from=-1", "page=1"] {
            guard case .failure(let problem) = ask(.get, "/api/v1/rtt?\(query)") else {
                Issue.record("taken: \(query)")
                continue
            }
            #expect(problem.code == .invalidValue)
        }
    }

    @Test func `status says in a line what is known, and what is wrong with the file`() {
        let line = LatencyView.line(LatencyView.example.json)
        #expect(line?.text == "latency: 5 rows learnt, 6 from a file; 'rtt.csv':1:1: nonsense")
        #expect(line?.isGood == false)
        let problem = LatencyView.example.json["file"]?["problem"]?.string
        #expect(problem == "rtt.csv:1:1: nonsense")
        var good = LatencyView.example
        good.file = nil
        #expect(LatencyView.line(good.json)?.text == "latency: 5 rows learnt")
        #expect(LatencyView.line(.null) == nil)
    }

    @Test func `a target that no branch is refuses all of a request`() throws {
        var surface = try StillSurface()
        let desk = AdminDesk(listen: nil, events: EventLog(level: .info), log: nil)
        let row = "{\"place\":\"203.0.113.9\",\"target\":\"mars\",\"rttMilliseconds\":12}"
        let request = ServiceRequest(
            method: .post,
            target: "/api/v1/rtt",
            fields: [
                ServiceRequest.Field("host", "localhost"),
                ServiceRequest.Field("content-type", "application/json"),
            ],
            body: Array("{\"measurements\":[\(row)]}".utf8)
        )
        guard case .now(let answer) = desk.answer(request, &surface, at: Self.moment) else {
            Issue.record("later")
            return
        }
        let commands = surface.commands
        #expect(answer.status == 422 && commands.isEmpty)
    }

    @Test func `a time that is to come is now`() {
        let row = Self.read("10.0.0.0/8,fra,1,2,1999999999").rows.first
        #expect(row?.measurement(at: Self.moment).at == Self.moment.now)
    }
}

extension LatencyView {
    /// Every number another one.
    static let example = LatencyView(
        site: "fra",
        rows: 5,
        rowLimit: 100,
        evictions: 1,
        kept: [8, 9],
        dropped: 2,
        refused: 6,
        builds: 3,
        buildSeconds: 0.25,
        orderChanges: 4,
        file: LatencyView.File(
            path: "rtt.csv",
            rows: 6,
            loadedAt: 1_790_000_000,
            problem: ":1:1: nonsense",
            loads: [1, 2]
        )
    )
}
