// SPDX-License-Identifier: Apache-2.0
import Configuration
import DNSProtocol
import DNSServer
import Essentials
import Testing

@testable import ControlPlane

/// What the store has over zones of the configuration, where it does not fit.
@Suite struct ZoneOverlayTests {
    private static let text = """
        listeners: [ { dns: "127.0.0.1:0" } ]
        zones:
          a.test:
            soa: { primary: ns, mailbox: host@a.test }
            records: { ns: { a: 192.0.2.2 }, www: { a: 192.0.2.1 } }

        """

    private func name(_ text: String) -> DomainName { DomainName("\(text).a.test") ?? .root }
    private let apex = DomainName("a.test") ?? .root
    private let address = RecordSet(ttl: 60, data: [[192, 0, 2, 9]])

    /// So many addresses, an alias beside one of each of some, and a set that is gone.
    private func stored(_ count: Int, bad: [Int]) -> StoredZone {
        var zone = StoredZone(name: apex, kind: .overlay)
        for number in 0..<count { zone.sets[RecordSetKey(name("n\(number)"), .A)] = address }
        for number in bad {
            let key = RecordSetKey(name("n\(number)"), .CNAME)
            zone.sets[key] = RecordSet(ttl: 60, data: [name("www").wire])
        }
        zone.sets[RecordSetKey(name("www"), .A)] = .some(nil)
        return zone
    }

    private func assembly(_ stored: StoredZone) throws -> (ZoneAssembly, [ZoneSettings]) {
        let read = ConfigurationReader().read(Array(Self.text.utf8), file: "t.yaml")
        let settings = try #require(read.configuration).settings
        let overlays = ZoneOverlays([stored])
        let reader = ZoneAssembly(settings, path: "t.yaml", former: nil, overlays: overlays)
        return (reader, settings.zones)
    }

    @Test(arguments: [[], [3], [0, 19], [1, 2, 3, 4, 5]])
    func `sets that cannot be served are left out, and no others`(bad: [Int]) throws {
        let (reader, zones) = try assembly(stored(20, bad: bad))
        let result = try reader.table(zones)
        #expect(result.faults.isEmpty)
        let left = result.leftOut[apex]?.keys ?? []
        #expect(left == Set(bad.map { RecordSetKey(name("n\($0)"), .CNAME) }))
        #expect(result.leftOut[apex]?.problems.count ?? 0 == bad.count)
        let zone = try #require(result.table.usableZone(apex))
        let served = ZoneRecords(apex: apex, result.table.contents(ofZone: zone))
        for number in 0..<20 { #expect(served[name("n\(number)"), .A] == address) }
        #expect(served[name("www"), .A] == nil, "what is gone")
    }

    @Test func `looking for what is in the way has an end`() throws {
        let (reader, zones) = try assembly(stored(200, bad: Array(0..<200)))
        let result = try reader.table(zones)
        let left = result.leftOut[apex]?.keys ?? []
        #expect(result.faults.isEmpty && result.table.usableZone(apex) != nil)
        #expect(left.count { $0.type == .CNAME } == 200, "some may take others with them")
    }

    @Test func `a set that is changed again is left out no more`() {
        var overlays = ZoneOverlays([stored(3, bad: [1, 2])])
        let keys = [1, 2].map { RecordSetKey(name("n\($0)"), .CNAME) }
        let problem = ReloadProblem.start("M3170", "in the way", "change it")
        overlays.leave(
            LeftOutSets(keys: Set(keys), problems: [keys[0]: problem, keys[1]: problem]),
            of: apex
        )
        #expect(overlays.counts["a.test."] == 4)
        #expect(overlays.partialFaults.map(\.state) == ["partial"])
        var commit = ZoneCommit(stored(0, bad: []))
        commit.sets = [keys[0]: nil]
        overlays.settle(commit)
        #expect(overlays.partialFaults.first?.problems.count == 1)
        commit.sets = [:]
        commit.isRemoval = true
        overlays.settle(commit)
        #expect(overlays.partialFaults.isEmpty)
    }

    @Test func `what the API made of a zone is no change of it`() {
        var made = stored(3, bad: [])
        made.kind = .made
        #expect(ZoneOverlays([made]).counts.isEmpty)
    }

    @Test func `nothing comes to hide what is steered`() throws {
        let steered: [ZoneContent] = [
            .record(DNSMessage.Record(owner: apex, type: .SOA, ttl: 1, data: [])),
            .steer(owner: name("st.sub"), ttl: 5, policy: 0),
            .record(DNSMessage.Record(owner: name("l"), type: .LUA, ttl: 5, data: [0, 1, 1, 97])),
            .alias(owner: name("al.down"), ttl: 5, target: name("x")),
        ]
        for (owner, type, isRefused) in [
            ("st.sub", RecordType.NS, true), ("sub", .NS, true), ("st.sub", .CNAME, true),
            ("st.sub", .DNAME, true), ("l", .A, true), ("l", .NS, true), ("st.sub", .TXT, false),
            ("al.down", .CNAME, true), ("al.down", .DNAME, true), ("down", .NS, true),
            ("al.down", .ALIAS, true), ("al.down", .TXT, false), ("st.sub", .ALIAS, true),
            ("l", .ALIAS, true), ("other", .ALIAS, false),
            ("other", .NS, false), ("below.sub", .NS, false), ("other", .CNAME, false),
        ] {
            var zone = ZoneRecords(apex: apex, steered)
            zone.add(DNSMessage.Record(owner: name(owner), type: type, ttl: 5, data: apex.wire))
            let fault = Result { () throws(ZoneAPIFault) in try SteeredNames.check(zone) }
            if case .failure(let fault) = fault {
                #expect(isRefused && fault.status == 422, "\(owner) \(type): \(fault.message)")
            } else {
                #expect(!isRefused, "\(owner) \(type)")
            }
        }
        var zone = ZoneRecords(apex: apex, steered)
        zone.add(DNSMessage.Record(owner: name("cut"), type: .NS, ttl: 5, data: apex.wire))
        zone.begin()
        let record = DNSMessage.Record(owner: name("x.cut"), type: .LUA, ttl: 5, data: [0, 1, 0])
        zone.add(record)
        #expect(throws: ZoneAPIFault.self) { try SteeredNames.check(zone) }
    }
}
