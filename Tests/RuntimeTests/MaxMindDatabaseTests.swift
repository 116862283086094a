// SPDX-License-Identifier: Apache-2.0
import Essentials
import Foundation
import Runtime
import TestSupport
import Testing

@Suite struct MaxMindDatabaseTests {
    typealias Writer = DatabaseWriter

    private static let limit = 1 << 20

    /// Runs `body` with the path of a file.
    private static func withFile<Result>(
        _ bytes: [UInt8],
        _ body: (String) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.path
        let path = "\(folder)/martlet-\(UUID().uuidString).mmdb"
        try File.writeAtomically(path, bytes)
        defer { File.remove(path) }
        return try body(path)
    }

    private static func open(_ bytes: [UInt8], limit: Int = limit) throws -> MaxMindDatabase {
        try withFile(bytes) { path in
            let file = try #require(FileHandle(forReadingAtPath: path))
            return try MaxMindDatabase(
                copyOf: FileDescriptor(raw: file.fileDescriptor),
                limit: limit
            )
        }
    }

    private static func fault(_ bytes: [UInt8], limit: Int = limit) throws -> String? {
        do {
            let database = try open(bytes, limit: limit)
            try database.walk { _, record throws(MaxMindDatabase.Fault) in
                _ = try database.place(record)
            }
            return nil
        } catch let fault as MaxMindDatabase.Fault {
            return fault.reason
        }
    }

    private static func city(_ country: String, _ part: String, _ name: String) -> Writer.Value {
        .map([
            ("continent", .map([("code", .text("EU"))])),
            ("country", .map([("iso_code", .text(country))])),
            ("subdivisions", .array([.map([("iso_code", .text(part))])])),
            ("city", .map([("names", .map([("de", .text("x")), ("en", .text(name))]))])),
            ("location", .map([("latitude", .double(48.1)), ("longitude", .double(-11.5))])),
        ])
    }

    private static let rows: [(String, String)] = [
        ("192.0.2.0/24", "Munich"), ("192.0.2.128/26", "Dachau"), ("198.51.100.7/32", "Ulm"),
        ("10.0.0.0/8", "Bonn"), ("2001:db8::/32", "Kiel"), ("2001:db8:1::/48", "Jena"),
        ("2a00::/12", "Gera"),
    ]

    private static func whole(_ bits: Int = 28) throws -> Writer {
        var writer = Writer(kind: "Test-City")
        writer.recordBits = bits
        for (prefix, name) in rows {
            writer.add(try #require(Prefix(prefix)), city("DE", "BY", name))
        }
        for alias in ["::ffff:0:0/96", "2002::/16", "2001::/32"] {
            writer.alias(try #require(Prefix(alias)))
        }
        return writer
    }

    @Test(arguments: [24, 28, 32])
    func `every network is told once, in order, with what its record says`(bits: Int) throws {
        let database = try Self.open(Self.whole(bits).finish())
        #expect(database.kind == "Test-City" && database.builtAt == 1_790_000_000)
        var found: [String] = []
        try database.walk { prefix, record throws(MaxMindDatabase.Fault) in
            let place = try database.place(record)
            let point = "\(place.latitude ?? 0) \(place.longitude ?? 0)"
            #expect(place.continent == "EU" && place.country == "DE" && place.subdivision == "BY")
            #expect(point == "48.1 -11.5" && place.system == nil)
            found.append("\(prefix) \(place.city ?? "-")")
        }
        #expect(
            found == [
                "10.0.0.0/8 Bonn", "192.0.2.0/25 Munich", "192.0.2.128/26 Dachau",
                "192.0.2.192/26 Munich", "198.51.100.7/32 Ulm", "2001:db8::/48 Kiel",
                "2001:db8:1::/48 Jena", "2001:db8:2::/47 Kiel", "2001:db8:4::/46 Kiel",
                "2001:db8:8::/45 Kiel", "2001:db8:10::/44 Kiel", "2001:db8:20::/43 Kiel",
                "2001:db8:40::/42 Kiel", "2001:db8:80::/41 Kiel", "2001:db8:100::/40 Kiel",
                "2001:db8:200::/39 Kiel", "2001:db8:400::/38 Kiel", "2001:db8:800::/37 Kiel",
                "2001:db8:1000::/36 Kiel", "2001:db8:2000::/35 Kiel", "2001:db8:4000::/34 Kiel",
                "2001:db8:8000::/33 Kiel", "2a00::/12 Gera",
            ]
        )
    }

    @Test func `another reader of the format finds the same`() throws {
        let bytes = try Self.whole().finish()
        let database = try Self.open(bytes)
        try Self.withFile(bytes) { path in
            var places: [Prefix: String] = [:]
            try database.walk { prefix, record throws(MaxMindDatabase.Fault) in
                places[prefix] = try database.place(record).city
            }
            for address in ["10.1.2.3", "192.0.2.130", "192.0.2.250", "2001:db8:1::9", "2a0f::1"] {
                let ip = try #require(IPAddress(address))
                let expected = places.first { $0.key.contains(ip) }?.value
                let run = Process()
                run.executableURL = URL(fileURLWithPath: "/usr/bin/mmdblookup")
                run.arguments = ["-f", path, "-i", address, "city", "names", "en"]
                let output = Pipe()
                run.standardOutput = output
                try run.run()
                let text = output.fileHandleForReading.readDataToEndOfFile()
                run.waitUntilExit()
                let said = String(decoding: text, as: UTF8.self)
                #expect(said.contains("\"\(expected ?? "?")\""), "\(address): \(said)")
            }
        }
    }

    @Test func `a database for IPv4 alone, and one of numbers, are read`() throws {
        var writer = Writer(kind: "Test-ASN", isIPv6: false)
        let prefix = try #require(Prefix("203.0.113.0/24"))
        writer.add(prefix, .map([("autonomous_system_number", .uint32(64_500))]))
        let database = try Self.open(writer.finish())
        var found: [String] = []
        try database.walk { prefix, record throws(MaxMindDatabase.Fault) in
            let place = try database.place(record)
            found.append("\(prefix) \(place.system ?? 0) \(place.country ?? "-")")
        }
        #expect(found == ["203.0.113.0/24 64500 -"])
    }

    @Test func `a number is read whatever type of number it is written as`() throws {
        // What a record has, and what is read of it.
        let systems: [(Writer.Value, UInt32?)] = [
            (.uint16(3320), 3320), (.uint32(4_294_967_294), .max - 1), (.uint64(64_500), 64_500),
            (.uint128(64_501), 64_501), (.int32(64_502), 64_502), (.double(64_503), 64_503),
            (.float(64_504), 64_504), (.uint16(0), nil), (.int32(-1), nil), (.double(1.5), nil),
            (.uint64(1 << 32), nil), (.uint128(1 << 64 + 1), nil), (.double(.nan), nil),
            (.double(.infinity), nil), (.double(-3320), nil), (.uint128(.max), nil),
            (.uint32(.max), nil),
        ]
        let degrees: [(Writer.Value, Double)] = [
            (.double(48.25), 48.25), (.float(48.25), 48.25), (.uint16(48), 48), (.uint32(47), 47),
            (.int32(-48), -48), (.uint64(46), 46), (.uint128(45), 45),
        ]
        for (value, number) in systems {
            let found = try Self.only(.map([("autonomous_system_number", value)]))
            #expect(found.system == number, "\(value)")
        }
        for (value, number) in degrees {
            let point = Writer.Value.map([("latitude", value), ("longitude", value)])
            let found = try Self.only(.map([("location", point)]))
            #expect(found.latitude == number && found.longitude == number, "\(value)")
        }
        let half = Writer.Value.map([("latitude", .text("48")), ("longitude", .float(1))])
        #expect(try Self.only(.map([("location", half)])).latitude == nil)
    }

    /// What is said of the only network of a database.
    private static func only(_ value: Writer.Value) throws -> MaxMindDatabase.Place {
        var writer = Writer(kind: "Test")
        writer.add(try #require(Prefix("203.0.113.0/24")), value)
        let database = try open(writer.finish())
        var found: MaxMindDatabase.Place?
        try database.walk { _, record throws(MaxMindDatabase.Fault) in
            found = try database.place(record)
        }
        return try #require(found)
    }

    @Test(arguments: ["0.0.0.0/8", "0.0.0.0/1", "0.0.0.0/32"])
    func `a network that begins at 0.0.0.0 is no more than it says`(text: String) throws {
        var writer = Writer(kind: "Test-City")
        let networks = [text, "193.0.0.0/8", "2a00::/12"]
        for network in networks {
            writer.add(try #require(Prefix(network)), Self.city("DE", "BY", network))
        }
        var found: [String] = []
        let database = try Self.open(writer.finish())
        try database.walk { prefix, record throws(MaxMindDatabase.Fault) in
            let place = try database.place(record)
            #expect(place.city == "\(prefix)")
            found.append("\(prefix)")
        }
        #expect(found == networks)
    }

    @Test func `values of another kind or length than expected are left out`() throws {
        var writer = Writer(kind: "Odd")
        writer.add(
            try #require(Prefix("2a00::/12")),
            .map([
                ("continent", .text("Europe")),
                ("country", .map([("iso_code", .text("DEU"))])),
                ("subdivisions", .array([])),
                (
                    "city",
                    .map([("names", .map([("en", .text(String(repeating: "x", count: 129)))]))])
                ),
                ("location", .map([("latitude", .double(1))])),
                ("autonomous_system_number", .text("AS1")),
            ])
        )
        let database = try Self.open(writer.finish())
        var count = 0
        try database.walk { _, record throws(MaxMindDatabase.Fault) in
            let place = try database.place(record)
            count += 1
            #expect(place.continent == nil && place.country == nil && place.subdivision == nil)
            #expect(place.city == nil && place.latitude == nil && place.system == nil)
        }
        #expect(count == 1)
    }

    @Test func `files that are none, cut off, damaged or too large are refused with a reason`()
        throws
    {
        let good = try Self.whole().finish()
        #expect(try Self.fault(good) == nil)
        let none = "is no database of MaxMind's format, or is cut off"
        for bytes in [[], Array("nonsense".utf8), Array(good.prefix(good.count / 2))] {
            #expect(try Self.fault(bytes) == (bytes.isEmpty ? "is empty" : none))
        }
        #expect(try Self.fault(good, limit: 100) == "is larger than the limit of 100 bytes")
        var version = try Self.whole()
        version.metadata = [("ip_version", .uint16(5))]
        #expect(try Self.fault(version.finish()) != nil)
        var size = try Self.whole()
        size.metadata = [("record_size", .uint16(23))]
        #expect(try Self.fault(size.finish()) != nil)
        var count = try Self.whole()
        count.metadata = [("node_count", .uint32(.max))]
        #expect(try Self.fault(count.finish()) != nil)
    }

    @Test func `a tree in circles or out of bounds ends with a reason`() throws {
        var loop = try Self.whole()
        loop.corrupt(try #require(Prefix("2c00::/8")), to: 1)
        let circles = try Self.fault(loop.finish())
        #expect(circles == "has a search tree that runs in circles")
        var top = try Self.whole()
        top.corrupt(try #require(Prefix("2c00::/8")), to: 0)
        let start = try Self.fault(top.finish())
        #expect(start == "has a search tree that points outside")
        var outside = try Self.whole()
        outside.corrupt(try #require(Prefix("2c00::/8")), to: 0xff_ffff)
        #expect(try Self.fault(outside.finish()) != nil)
    }

    @Test func `whatever single byte is changed, reading ends`() throws {
        let good = try Self.whole(24).finish()
        var random = SeededRandom(seed: 7)
        for _ in 0..<400 {
            var bytes = good
            let place = Int(random.next(below: UInt32(bytes.count)))
            bytes[place] = UInt8(truncatingIfNeeded: random.next())
            _ = try Self.fault(bytes)
        }
    }

    @Test func `a file that is cut after it was opened goes on in the copy`() throws {
        let bytes = try Self.whole().finish()
        try Self.withFile(bytes) { path in
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            let database = try MaxMindDatabase(
                copyOf: FileDescriptor(raw: file.fileDescriptor),
                limit: Self.limit
            )
            try file.truncate(atOffset: 0)
            var count = 0
            try database.walk { _, record throws(MaxMindDatabase.Fault) in
                _ = try database.place(record)
                count += 1
            }
            #expect(count == 23)
        }
    }
}
