// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import HTTPProtocol
import Testing

@testable import ControlPlane

/// Who has changed which zone, as the log tells of it.
@Suite struct KeptChangeTests {
    private let apex = DomainName("a.test") ?? .root
    private let other = DomainName("b.test") ?? .root
    private let key = DomainName("k.test") ?? .root
    private let client = IPAddress(v4: 0xc000_0201)

    private func soa(_ serial: UInt32) -> DNSMessage.Record {
        let start = StartOfAuthority(
            primary: apex,
            mailbox: apex,
            numbers: (serial: serial, refresh: 1, retry: 1, expire: 1, minimum: 1)
        )
        return DNSMessage.Record(
            owner: apex,
            type: .SOA,
            ttl: 5,
            data: RecordValue.soa(start).wire
        )
    }

    private func step(_ zone: DomainName, _ sets: Int, from: UInt32) -> ZoneUpdateStep {
        let difference = ZoneDifference(
            oldSOA: soa(from),
            deleted: [],
            newSOA: soa(from + 1),
            added: []
        )
        return ZoneUpdateStep(zone: zone, sets: sets, difference)
    }

    @Test func `updates of one zone by one client with one key share a line`() {
        let found = KeptChange.gathered([
            (step(apex, 1, from: 10), client, key), (step(other, 1, from: 3), client, key),
            (step(apex, 2, from: 11), client, key), (step(apex, 1, from: 12), client, nil),
            (step(apex, 4, from: 13), client, key),
        ])
        #expect(found.map(\.zone) == [apex, other, apex])
        #expect(found.map(\.updates) == [3, 1, 1])
        #expect(found.map(\.sets) == [7, 1, 1])
        #expect(found.map(\.from) == [10, 3, 12])
        #expect(found.map(\.to) == [14, 4, 13])
        #expect(found.map(\.key) == [key, key, nil])
    }

    @Test func `a line says who, of what, and from which serial to which`() throws {
        let change = try #require(
            KeptChange.gathered([(step(apex, 1, from: 10), client, key)]).first
        )
        let event = LogEvent(.zoneChanged, realtime: 0, change.text, change.fields)
        let told =
            "zone-changed zone a.test. is changed by an update: 1 set zone=a.test. change=updated "
            + "client=192.0.2.1 key=k.test. updates=1 sets=1 from=10 to=11"
        #expect(event.line.hasSuffix(told), "\(event.line)")
        var made = KeptChange(zone: apex, word: .made, client: client, sets: 3)
        made.to = 5
        #expect(made.fields.map(\.name) == ["zone", "change", "client", "sets", "to"])
        let gone = KeptChange(zone: apex, word: .discarded, sets: 3, from: 9)
        #expect(gone.fields.map(\.name) == ["zone", "change", "sets", "from"])
    }

    @Test func `the SOA, and what is as it was, are no changed sets`() {
        var zone = ZoneRecords(apex: apex, [.record(soa(1))])
        let address = DNSMessage.Record(owner: apex, type: .A, ttl: 5, data: [192, 0, 2, 1])
        zone.add(address)
        zone.setSerial(2)
        #expect(zone.changedSets == 1)
        zone.remove(address)
        #expect(zone.changedSets == 0)
    }

    @Test func `requests are counted by words of closed lists`() {
        var counts = ZoneAPICounts()
        for (method, status) in [
            (Method.get, 200), (.get, 304), (.patch, 204), (.patch, 422), (.post, 503),
            (.trace, 405), (.other, 405), (nil, 400), (.get, 100), (.get, 999),
        ] as [(Method?, UInt16)] {
            counts.note(method, status)
        }
        let found = counts.samples.filter { $0.count > 0 }
            .map { "\($0.method) \($0.class) \($0.count)" }
        #expect(
            found == [
                "GET 2xx 2", "GET 3xx 1", "GET 5xx 1", "POST 5xx 1", "PATCH 2xx 1", "PATCH 4xx 1",
                "other 4xx 3",
            ]
        )
        #expect(counts.samples.count == 24)
    }

    @Test func `what goes as it should has more lines than what does not`() {
        var lines = RepeatedLines()
        let now = Instant(nanoseconds: 1_000_000_000_000)
        for (cause, limit) in [
            (RepeatedLines.Cause.keptUpdate, 60), (.keptChange, 60), (.wrongKey, 10),
        ] {
            let told = (0..<200).count { _ in lines.lets(cause, at: now) }
            #expect(told == limit, "\(cause)")
        }
    }
}
