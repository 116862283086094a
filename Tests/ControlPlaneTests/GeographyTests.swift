// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Runtime
import Steering
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct GeographyTests {
    private static func city(_ country: String) -> DatabaseWriter.Value {
        .map([("country", .map([("iso_code", .text(country))]))])
    }

    private static func places(_ rows: [(String, String)]) throws -> [UInt8] {
        var writer = DatabaseWriter(kind: "Test-Country")
        for (prefix, country) in rows { writer.add(try #require(Prefix(prefix)), city(country)) }
        return writer.finish()
    }

    private static func settings(_ text: String) throws -> GeoSettings {
        let result = ConfigurationReader().read(
            Array("listeners: [ { dns: ':5300' } ]\ngeo: \(text)".utf8),
            file: "martlet.yaml"
        )
        return try #require(result.configuration?.settings.geo, "\(result.errors)")
    }

    /// A geography that files are read for here.
    private final class Bench {
        var geography = Geography()

        func load(_ settings: GeoSettings) -> Bool { geography.load(settings, GeographyTests.open) }
    }

    private static func open(
        _ content: LoadedDatabase.Content,
        _ path: String
    ) -> Geography.Opened {
        do throws(SystemError) {
            let file = try File.openRegular(path)
            return .file(GeographyFile(path: path, descriptor: file, stamp: File.stamp(path)))
        } catch {
            return .failed(path: path, reason: "\(error)")
        }
    }

    private static func country(_ bench: Bench, _ address: String) throws -> String? {
        bench.geography.locations.find(try #require(IPAddress(address))).country
    }

    @Test func `one's own networks come before the database, the innermost first`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.mmdb"
        try File.writeAtomically(path, Self.places([("10.0.0.0/8", "FR"), ("2a00::/12", "SE")]))
        let bench = Bench()
        let settings = try Self.settings(
            """
            { database: \(path), networks: { 10.1.0.0/16: { country: DE }, 10.1.2.0/24: { asn: 64500 },
              10.1.3.0/24: { country: IT, asn: 64501 }, 192.0.2.0/24: { continent: AS } } }
            """
        )
        #expect(bench.load(settings))
        let cases = [
            ("10.9.9.9", "FR"), ("10.1.9.9", "DE"), ("10.1.2.9", "DE"), ("10.1.3.9", "IT"),
            ("2a00::1", "SE"), ("11.0.0.1", nil), ("::ffff:10.1.3.9", "IT"),
        ]
        for (address, country) in cases {
            #expect(try Self.country(bench, address) == country, "\(address)")
        }
        let table = bench.geography.locations
        let own = try #require(IPAddress("10.1.2.3"))
        #expect(table.system(own) == 64_500)
        #expect(table.networks.find(own).length == 24)
        let asia = table.find(try #require(IPAddress("192.0.2.1")))
        #expect(asia.continent == "AS" && asia.country == nil)
    }

    @Test func `without a database one's own networks are all`() throws {
        let bench = Bench()
        #expect(
            bench.load(try Self.settings("{ networks: { 10.0.0.0/8: { country: JP } } }"))
        )
        #expect(try Self.country(bench, "10.0.0.1") == "JP")
        #expect(bench.geography.locations.systems == nil && bench.geography.view?.networks == 1)
        #expect(bench.load(GeoSettings()))
        #expect(try Self.country(bench, "10.0.0.1") == nil && bench.geography.view == nil)
    }

    @Test func `a bad file leaves the former database, and is told of until a good one comes`()
        throws
    {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.mmdb"
        let settings = try Self.settings("{ database: \(path) }")
        let bench = Bench()
        // Missing at first: nothing is known, and nothing is new.
        #expect(!bench.load(settings))
        #expect(bench.geography.faults[.places]?.reason.hasPrefix("cannot be read") == true)
        try File.writeAtomically(path, Self.places([("10.0.0.0/8", "FR")]))
        #expect(bench.load(settings) && bench.geography.faults.isEmpty)
        #expect(!bench.load(settings), "the same file is not read again")
        #expect(bench.geography.loads.adopted == 1)
        try File.writeAtomically(path, Array("nonsense".utf8))
        #expect(!bench.load(settings))
        #expect(!bench.load(settings))
        #expect(bench.geography.loads.failed == 2, "the missing one and the bad one, once")
        #expect(try Self.country(bench, "10.0.0.1") == "FR")
        #expect(bench.geography.view?.databases.first?.problem != nil)
        try File.writeAtomically(path, Self.places([("10.0.0.0/8", "ES")]))
        #expect(bench.load(settings))
        #expect(try Self.country(bench, "10.0.0.1") == "ES")
        #expect(bench.geography.view?.databases.first?.problem == nil)
    }

    @Test func `a database for something else is refused`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/a.mmdb"
        try File.writeAtomically(path, Self.places([("10.0.0.0/8", "FR")]))
        let bench = Bench()
        #expect(!bench.load(try Self.settings("{ asn: \(path) }")))
        #expect(
            bench.geography.faults[.systems]?.reason == "(Test-Country) knows no autonomous systems"
        )
        // Before anything is loaded, at its option; what the option wants is enough.
        let check = { (geo: String) in
            let text = "listeners: [ { dns: ':5300' } ]\ngeo: \(geo)\n"
            return ConfigurationSource.read(Array(text.utf8), path: "martlet.yaml").errors
        }
        let errors = check("{ database: \(path), asn: \(path) }")
        #expect(errors.map(\.code) == [.badDatabase] && errors[0].option == "geo.asn")
        #expect(errors[0].message.hasSuffix("(Test-Country) knows no autonomous systems"))
        #expect(check("{ database: \(path) }").isEmpty)
        var writer = DatabaseWriter(kind: "Test-ASN")
        let system = DatabaseWriter.Value.map([("autonomous_system_number", .uint32(64_500))])
        writer.add(try #require(Prefix("10.0.0.0/8")), system)
        try File.writeAtomically(path, writer.finish())
        #expect(check("{ asn: \(path) }").isEmpty)
        #expect(check("{ database: \(path) }").map(\.code) == [.badDatabase])
    }

    @Test func `what is used is said in one line`() throws {
        let document: JSONValue = [
            "networks": 2,
            "databases": [["kind": "GeoLite2-City", "built": "2026-11-20T00:00:00Z", "file": "a"]],
        ]
        let line = GeographyView.line(document)
        #expect(line?.text == "geography: GeoLite2-City of 2026-11-20, 2 networks of one's own")
        #expect(line?.isGood == true)
        let bad = GeographyView.line([
            "networks": 0, "databases": [["file": "a", "problem": "is empty"]],
        ])
        #expect(bad?.text == "geography: the table of countries; 'a' is empty")
        #expect(bad?.isGood == false)
        #expect(GeographyView.line(.null) == nil)
        let asked = GeographyView.line([
            "networks": 0, "databases": .array([]), "unplacedCount": 9,
            "unplaced": .array(["a", "b", "c", "d", "e", "f"]),
        ])
        #expect(
            asked?.text == "geography: the table of countries; "
                + "nothing tells what is asked by a, b, c, d, e and 4 more"
        )
        #expect(asked?.isGood == false)
        #expect(Geography().view == nil)
        #expect(Geography().view(unplaced: ["a"])?.unplaced == ["a"])
    }
}
