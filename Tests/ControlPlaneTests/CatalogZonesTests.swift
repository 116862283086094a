// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

@testable import Configuration
@testable import ControlPlane

/// Which catalog a member belongs to, and when it begins anew (RFC 9432 §4.4, §5).
@Suite struct CatalogZonesTests {
    static func catalog(_ name: String, _ port: UInt16, groups: [(String, String)] = [])
        -> ZoneSettings
    {
        var zone = ZoneSettings(name: name, ttl: .seconds(60))
        zone.catalog = true
        zone.transferFrom = [
            PrimarySettings(address: SocketAddress(IPAddress(v4: 0x7f00_0001), port: port))
        ]
        zone.groups = groups.map { CatalogGroupSettings(group: $0.0, like: $0.1) }
        return zone
    }

    /// What a catalog has: `LABEL ZONE`, and with properties `LABEL ZONE group=x coo=y.`.
    static func records(_ apex: String, _ lines: [String]) throws -> [DNSMessage.Record] {
        func record(_ owner: String, _ type: RecordType, _ data: [UInt8]) throws
            -> DNSMessage.Record
        {
            let owner = try #require(DomainName("\(owner)\(owner.isEmpty ? "" : ".")\(apex)"))
            return DNSMessage.Record(owner: owner, type: type, ttl: 0, data: data)
        }
        var found = [try record("version", .TXT, [1, 0x32])]
        for line in lines {
            let words = line.split(separator: " ").map(String.init)
            let owner = "\(words[0]).zones"
            found.append(try record(owner, .PTR, try #require(DomainName(words[1])).wire))
            for word in words.dropFirst(2) {
                let value = String(word.drop { $0 != "=" }.dropFirst())
                let isName = word.hasPrefix("coo")
                var data = [UInt8(value.utf8.count)] + value.utf8
                if isName { data = try #require(DomainName(value)).wire }
                let type: RecordType = isName ? .PTR : .TXT
                found.append(try record("\(word.prefix { $0 != "=" }).\(owner)", type, data))
            }
        }
        return found
    }

    /// Follows catalogs through some states of theirs.
    struct Follower {
        var configured: [ZoneSettings]
        var transferred = TransferredZones()
        var zones: [ZoneSettings]
        var owners: [String: CatalogPlace] = [:]
        var faults: [String] = []

        init(_ configured: [ZoneSettings]) {
            self.configured = configured
            zones = configured
        }

        /// The members that are gone or begin anew.
        mutating func follow(
            _ catalogs: [String: [String]?],
            others: [String] = [],
            trusted: String? = nil
        ) throws -> [String] {
            for (name, lines) in catalogs {
                transferred.versions[name] = try lines.map {
                    try CatalogZonesTests.records(name, $0)
                }
            }
            let found = CatalogZones(
                configured,
                transferred,
                present: zones,
                owners: owners,
                others: others.map { ZoneSettings(name: $0, ttl: .seconds(60)) },
                trusted: trusted
            )
            let gone = found.gone(zones, owners).map(\.name)
            (zones, owners) = (found.zones, found.places)
            faults = found.faults.map { "\($0.catalog) \($0.text)" }
            return gone
        }

        func owner(_ name: String) -> String? { zones.first { $0.name == name }?.memberOf }
        func port(_ name: String) -> UInt16? {
            zones.first { $0.name == name }?.transferFrom.first?.address.port
        }
    }

    @Test func `a member is claimed once, and stays where it was`() throws {
        var follower = Follower([Self.catalog("b.test.", 1), Self.catalog("a.test.", 2)])
        #expect(try follower.follow(["a.test.": ["x one.test."], "b.test.": []]) == [])
        #expect(follower.owner("one.test.") == "a.test." && follower.port("one.test.") == 2)
        #expect(try follower.follow(["b.test.": ["x one.test."]]) == [])
        #expect(follower.owner("one.test.") == "a.test.")
        #expect(follower.faults.count == 1 && follower.faults[0].hasPrefix("b.test. "))
        // §5.3: it goes from there, and begins anew here.
        #expect(try follower.follow(["a.test.": []]) == ["one.test."])
        #expect(follower.owner("one.test.") == "b.test." && follower.port("one.test.") == 1)
        #expect(try follower.follow(["b.test.": []]) == ["one.test."])
        #expect(follower.owner("one.test.") == nil)
    }

    @Test func `a member takes no zone of others, nor a part of one`() throws {
        let own = ZoneSettings(name: "own.test.", ttl: .seconds(60))
        var follower = Follower([own, Self.catalog("a.test.", 1)])
        let lines = [
            "a own.test.", "b www.own.test.", "c x.y.made.test.", "d made.test.", "e notown.test.",
            "f test.", "g sub.notown.test.",
        ]
        _ = try follower.follow(["a.test.": lines], others: ["made.test."])
        #expect(
            Set(follower.zones.filter { $0.memberOf != nil }.map(\.name))
                == ["notown.test.", "sub.notown.test.", "test."]
        )
        #expect(
            Set(follower.faults) == [
                "a.test. its member own.test. is a zone already",
                "a.test. its member made.test. is a zone already",
                "a.test. its member www.own.test. lies in zone own.test., which is no member",
                "a.test. its member x.y.made.test. lies in zone made.test., which is no member",
            ]
        )
    }

    @Test func `members stay while what is kept of their catalog cannot be read`() throws {
        var follower = Follower([Self.catalog("a.test.", 1), Self.catalog("b.test.", 2)])
        _ = try follower.follow(["a.test.": ["x one.test."], "b.test.": ["y two.test."]])
        #expect(try follower.follow(["a.test.": nil, "b.test.": ["y two.test."]]) == [])
        #expect(follower.owner("one.test.") == "a.test.")
        #expect(follower.faults.count == 1 && follower.faults[0].contains("cannot be read"))
        // A process that starts anew knows them by what is kept of their places.
        follower.zones = follower.configured
        #expect(try follower.follow([:]) == [])
        #expect(follower.owner("one.test.") == "a.test." && follower.port("one.test.") == 1)
        #expect(try follower.follow(["a.test.": ["z one.test."]]) == ["one.test."])
    }

    @Test func `a catalog that has lost most of its members is not taken at its word`() throws {
        var follower = Follower([Self.catalog("a.test.", 1), Self.catalog("b.test.", 2)])
        let all = ["v one.test.", "w two.test.", "x three.test.", "y four.test.", "z five.test."]
        _ = try follower.follow(["a.test.": all, "b.test.": []])
        #expect(try follower.follow(["a.test.": []]) == [])
        #expect(follower.faults.count == 1 && follower.faults[0].contains("5 of 5"))
        #expect(try follower.follow(["a.test.": Array(all.prefix(2)) + ["u six.test."]]) == [])
        #expect(follower.zones.count == 8)
        // What another catalog names is its own.
        #expect(try follower.follow(["b.test.": ["x three.test."]]) == ["three.test."])
        #expect(follower.owner("three.test.") == "b.test.")
        #expect(
            try follower.follow([:], trusted: "a.test.").sorted() == ["five.test.", "four.test."]
        )
        #expect(follower.faults.isEmpty && follower.zones.count == 6)
        // Few go whenever that is said.
        #expect(try follower.follow(["a.test.": ["u six.test."]]).count == 2)
    }

    @Test func `a member goes over by the word of its former catalog alone`() throws {
        var follower = Follower([Self.catalog("a.test.", 1), Self.catalog("b.test.", 2)])
        let both = ["x one.test.", "y two.test."]
        _ = try follower.follow(["a.test.": both, "b.test.": []])
        // To nowhere, to where nobody claims it, and by the word of the other one: it stays.
        #expect(
            try follower.follow(["a.test.": ["x one.test. coo=c.test.", "y two.test."]]) == []
        )
        #expect(
            try follower.follow(["a.test.": ["x one.test. coo=b.test.", "y two.test."]]) == []
        )
        #expect(try follower.follow(["b.test.": ["z two.test. coo=b.test."]]) == [])
        #expect(
            follower.owner("one.test.") == "a.test." && follower.owner("two.test.") == "a.test."
        )
        // Under the same label it is the same zone; under another one it begins anew.
        let over = ["x one.test. coo=b.test.", "y two.test. coo=b.test."]
        let taken = ["x one.test.", "z two.test."]
        #expect(try follower.follow(["a.test.": over, "b.test.": taken]) == ["two.test."])
        #expect(
            follower.owner("one.test.") == "b.test." && follower.owner("two.test.") == "b.test."
        )
        #expect(follower.faults.isEmpty, "\(follower.faults)")
        // What the former one says then is of no interest.
        #expect(try follower.follow(["a.test.": []]) == [])
        #expect(try follower.follow(["a.test.": both]) == [])
        #expect(follower.owner("one.test.") == "b.test." && follower.faults.count == 2)
    }

    @Test func `two that give a member to each other do not go round`() throws {
        var follower = Follower([Self.catalog("a.test.", 1), Self.catalog("b.test.", 2)])
        let circle = [
            "a.test.": ["x one.test. coo=b.test."], "b.test.": ["x one.test. coo=a.test."],
        ]
        _ = try follower.follow(circle)
        let first = follower.owner("one.test.")
        #expect(first != nil)
        for _ in 0..<3 { #expect(try follower.follow(circle) == []) }
    }

    @Test func `under another label a member begins anew, and a group says how it is taken`() throws
    {
        var model = ZoneSettings(name: "model.test.", ttl: .seconds(60))
        model.transferFrom = Self.catalog("", 9).transferFrom
        model.notify = [NoticeSettings(address: SocketAddress(IPAddress(v4: 1), port: 53))]
        let groups = [("in", "model.test."), ("out", "a.test.")]
        var follower = Follower([model, Self.catalog("a.test.", 1, groups: groups)])
        let lines = [
            "x one.test. group=out group=in", "y two.test. group=else", "m model.test.",
        ]
        #expect(try follower.follow(["a.test.": lines]) == [])
        #expect(follower.port("one.test.") == 9, "the first that stands in the configuration")
        #expect(follower.zones.first { $0.name == "one.test." }?.notify == model.notify)
        #expect(follower.port("two.test.") == 1)
        #expect(follower.owner("model.test.") == nil && follower.faults.count == 1)
        #expect(try follower.follow(["a.test.": ["z one.test.", "y two.test."]]) == ["one.test."])
        #expect(follower.port("one.test.") == 1)
        // A catalog that is broken changes nothing.
        follower.transferred.versions["a.test."] = []
        #expect(try follower.follow([:]) == [])
        #expect(follower.owner("one.test.") == "a.test." && follower.faults.count == 1)
        #expect(try follower.follow(["a.test.": ["z one.test."]]) == ["two.test."])
    }

    @Test func `a catalog that is made here gets a newer serial with each change, and only then`()
        throws
    {
        let folder = try TemporaryFolder()
        let transferred = TransferredZones(folder: folder.path)
        var zone = ZoneSettings(name: "cat.test.", ttl: .seconds(60))
        func member(_ name: String) -> CatalogMemberSettings { CatalogMemberSettings(zone: name) }
        func produce(_ names: [String]) throws -> SerialNumber {
            zone.members = names.map(member)
            let records = transferred.produced(zone, nil)
            let apex = try #require(DomainName("cat.test."))
            let found = try Catalog(records, apex: apex).members.keys.map { "\($0)" }
            #expect(found.sorted() == names.sorted())
            return try #require(records.first?.serial)
        }
        let first = try produce(["one.test.", "two.test."])
        #expect(try produce(["two.test.", "one.test."]) == first)
        let second = try produce(["one.test."])
        #expect(second.isNewer(than: first))
        // Back to what it was: another version all the same.
        let third = try produce(["one.test.", "two.test."])
        #expect(third.isNewer(than: second))
        let history = transferred.history("cat.test.")
        #expect(history.versions.map(\.difference.to) == [second, third])
        let present = transferred.produced(zone, nil)
        #expect(history.leading(to: third, ZoneDigest(present)) == history)
        // Without a folder what is served counts.
        #expect(TransferredZones().produced(zone, nil).first?.serial != nil)
    }
}
