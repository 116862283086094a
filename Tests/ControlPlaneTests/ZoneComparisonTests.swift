// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Testing

@testable import ControlPlane

@Suite struct ZoneComparisonTests {
    @Test func `lines that only one of two has are told, name by name`() {
        let difference = ZoneComparison(
            from: ["b.test.\t60\tIN\tA\t192.0.2.1", "a.test.\t60\tIN\tA\t192.0.2.1", "same"],
            to: ["same", "b.test.\t60\tIN\tA\t192.0.2.2", "c.test.\t60\tIN\tA\t192.0.2.3"]
        )
        #expect(!difference.isEmpty)
        #expect(
            difference.text == """
                - a.test.\t60\tIN\tA\t192.0.2.1
                - b.test.\t60\tIN\tA\t192.0.2.1
                + b.test.\t60\tIN\tA\t192.0.2.2
                + c.test.\t60\tIN\tA\t192.0.2.3

                """
        )
        #expect(difference.json["added"]?.elements?.count == 2)
    }

    @Test func `two orders of the same lines are no difference`() {
        let difference = ZoneComparison(from: ["a", "b"], to: ["b", "a"])
        #expect(difference.isEmpty)
        #expect(difference.text == "no difference\n")
    }

    private let apex = DomainName("a.test") ?? .root

    private func zone(_ sets: [String: [UInt8]], soa: UInt8, ttl: UInt32 = 60) -> ZoneRecords {
        var zone = ZoneRecords(apex: apex)
        zone[apex, .SOA] = RecordSet(ttl: 60, data: [[soa]])
        for (label, numbers) in sets {
            let name = DomainName("\(label).a.test") ?? .root
            zone[name, .A] = RecordSet(ttl: ttl, data: numbers.map { [192, 0, 2, $0] })
        }
        return zone
    }

    @Test func `what is equal to the file does not lie over it`() throws {
        let file = zone(["same": [1, 2], "other": [3], "gone": [4]], soa: 1)
        let served = zone(["same": [2, 1], "other": [5], "new": [6]], soa: 1)
        let found = ZoneWork.differences(of: served, from: file)
        let told = found.map { "\($0.key.owner) \($0.value?.data.count ?? 0)" }.sorted()
        #expect(told == ["a.test. 1", "gone.a.test. 0", "new.a.test. 1", "other.a.test. 1"])
        let slower = ZoneWork.differences(
            of: zone(["x": [1]], soa: 1, ttl: 5),
            from: zone(["x": [1]], soa: 1)
        )
        #expect(slower.count == 2, "a TTL counts")
    }

    @Test func `an export says which names it leaves out`() throws {
        let name = DomainName("www.a.test") ?? .root
        let soa = DNSMessage.Record(owner: apex, type: .SOA, ttl: 1, data: [])
        var document = ZoneAPIDocument(name: apex, serial: 1, records: [soa])
        #expect(document.comments.isEmpty)
        document.steered = ZoneAPIDocument.steered(in: [
            .record(soa), .steer(owner: name, ttl: 5, policy: 0, types: [.A]),
            .steer(owner: name, ttl: 5, policy: 1, types: [.AAAA]),
        ])
        let text = document.text
        #expect(
            text.hasSuffix(
                """
                ; www.a.test. is steered: its addresses are chosen, and not here

                """
            ),
            "\(text)"
        )
        #expect(ZoneLines(text: text).lines.count == 1, "comments are no records")
        for number in 0..<500 {
            document.steered.insert(DomainName("n\(number).a.test") ?? .root)
        }
        let lines = document.comments.split(separator: "\n")
        #expect(lines.count == ZoneAPIDocument.commentLimit + 1)
        #expect(lines.last == "; and 301 names more")
    }
}
