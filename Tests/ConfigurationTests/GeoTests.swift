// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Testing

@Suite struct GeoSettingsTests {
    private static let listener = "listeners: [ { dns: ':5300' } ]\n"

    private func geo(_ text: String) throws -> GeoSettings {
        try settings(Self.listener + "geo:\n" + text).geo
    }

    private func codes(_ network: String, _ name: String = "10.0.0.0/8") -> [String] {
        let text = Self.listener + "geo: { networks: { '\(name)': { \(network) } } }"
        return read(text).errors.map(\.code.rawValue)
    }

    @Test func `without the group nothing is known`() throws {
        let none = try settings(Self.listener).geo
        #expect(none == GeoSettings())
        #expect(none.files.isEmpty && none.sizeLimit == ByteCount(512 << 20))
    }

    @Test func `everything that can be said is read`() throws {
        let all = try geo(
            """
              database: city.mmdb
              asn: asn.mmdb
              size-limit: 1GiB
              networks:
                10.0.0.0/8: { country: NO, subdivision: NO-03, city: Oslo, latitude: 59.9, longitude: 10.75 }
                2001:db8::/32: { continent: AF, asn: 64500 }
                192.0.2.1: { country: DE, latitude: -90, longitude: 180 }
            """
        )
        #expect(all.files == ["city.mmdb", "asn.mmdb"] && all.sizeLimit == ByteCount(1 << 30))
        let first = try #require(all.networks.first)
        #expect(first.prefix.description == "10.0.0.0/8" && first.country == "NO")
        #expect(first.subdivision == "NO-03" && first.city == "Oslo" && first.asn == nil)
        #expect(first.latitude == 59.9 && first.longitude == 10.75 && first.hasPlace)
        #expect(all.networks[1].continent == "AF" && all.networks[1].asn == 64_500)
        #expect(all.networks[2].prefix.length == 32 && all.networks[2].latitude == -90)
    }

    @Test(arguments: [
        ("country: de", "M1251"), ("country: DEU", "M1251"), ("country: ''", "M1251"),
        ("country: DE, subdivision: BY", "M1251"), ("country: DE, subdivision: DE-BAYERN", "M1251"),
        ("country: DE, subdivision: US-CA", "M1251"), ("subdivision: DE-BY", "M1106"),
        ("continent: Europe", "M1206"), ("latitude: 1", "M1106"), ("longitude: 1", "M1106"),
        ("latitude: 90.1, longitude: 0", "M1207"), ("latitude: 0, longitude: -181", "M1207"),
        ("latitude: 48N, longitude: 0", "M1252"), ("latitude: 1e1, longitude: 0", "M1252"),
        ("latitude: 1., longitude: 0", "M1252"), ("latitude: .5, longitude: 0", "M1252"),
        ("latitude: 0.123456789012345678, longitude: 0", "M1252"),
        ("latitude: '', longitude: 0", "M1252"),
        ("latitude: nan, longitude: 0", "M1252"), ("latitude: -, longitude: 0", "M1252"),
        ("asn: 0", "M1207"), ("asn: 4294967295", "M1207"), ("asn: AS1", "M1203"), ("", "M1104"),
        ("city: ''", "M1216"), ("region: x", "M1101"),
    ])
    func `bad facts of a network are named`(network: String, code: String) {
        #expect(codes(network).contains(code), "\(network): \(codes(network))")
    }

    @Test(arguments: [
        ("latitude: 91, longitude: 3", "M1207"), ("asn: 0", "M1207"), ("country: XX", "M1251"),
        ("latitude: north, longitude: 3", "M1252"), ("region: x", "M1101"),
    ])
    func `a fact that is wrong is no network without any`(network: String, code: String) {
        #expect(codes(network) == [code])
    }

    @Test(arguments: [
        ("10.0.0.0/33", "M1209"), ("ten", "M1209"), ("10.0.0.1/8", "M1209"),
        ("::ffff:10.0.0.0/104", "M1209"), ("2002:a00::/24", "M1209"), ("64:ff9b::/96", "M1209"),
    ])
    func `names of networks are prefixes of clients`(name: String, code: String) {
        #expect(codes("country: DE", name) == [code])
    }

    @Test(arguments: [
        ("geo: [ 192.0.2.1, { address: 192.0.2.2, country: DE } ]", "", true),
        ("geo: [ 192.0.2.1, { address: 192.0.2.2, asn: 7 } ]", "", true),
        ("proximity: [ { address: 192.0.2.1, at: DE }, { address: 192.0.2.2, at: US } ]", "", true),
        (
            "failover: [ { geo: [ 192.0.2.1, { address: 192.0.2.2, continent: EU } ] }, 192.0.2.3 ]",
            "", true
        ),
        ("geo: [ 192.0.2.1, { address: 192.0.2.2, network: 10.0.0.0/8 } ]", "", false),
        ("geo: [ 192.0.2.1, { address: 192.0.2.2, country: DE } ]", "country: FR", false),
        ("geo: [ 192.0.2.1, { address: 192.0.2.2, country: DE } ]", "asn: 7", true),
        ("geo: [ 192.0.2.1, { address: 192.0.2.2, asn: 7 } ]", "country: FR", true),
        ("geo: [ 192.0.2.1, { address: 192.0.2.2, asn: 7 } ]", "asn: 8", false),
    ])
    func `rules by place want a source`(policy: String, known: String, isWarned: Bool) {
        let source = known.isEmpty ? "" : "geo: { networks: { 10.0.0.0/8: { \(known) } } }\n"
        let text = Self.listener + source + "steer:\n  w: { \(policy) }\n"
        let found = read(text)
        #expect(found.errors.isEmpty)
        #expect(found.warnings.contains { $0.code.rawValue == "M1389" } == isWarned)
    }

    @Test func `a network is given once, however it is written`() {
        let text =
            Self.listener + """
                geo: { networks: { 192.0.2.1: { country: DE }, 192.0.2.1/32: { country: FR } } }
                """
        #expect(read(text).errors.map(\.code.rawValue) == ["M1102"])
    }

    @Test func `databases that are none and countries that are none are found at their place`() {
        var checks = OutsideChecks()
        checks.database = { path, content, limit in "\(path) of \(content) in \(limit)" }
        let text =
            Self.listener + """
                geo:
                  database: a.mmdb
                  asn: b.mmdb
                  networks: { 10.0.0.0/8: { country: UK }, 11.0.0.0/8: { country: GB } }
                """
        let errors = read(text, checks: checks).errors
        #expect(errors.map(\.code.rawValue) == ["M1250", "M1250", "M1251"])
        #expect(errors.map(\.range.start.line) == [3, 4, 5])
        #expect(errors[0].description.contains("`a.mmdb` a.mmdb of places in 512MiB"))
        #expect(errors[1].description.contains("`b.mmdb` b.mmdb of systems in 512MiB"))
        #expect(errors[2].suggestion?.contains("`GB`") == true)
    }
}
