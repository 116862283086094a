// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Testing

/// For how long caches may have what a zone has signed.
@Suite struct GreatestTTLTests {
    @Test func `the greatest TTL of a zone is found, whatever has it`() throws {
        func greatest(_ text: String) throws -> [UInt32] {
            var builder = ZoneTableBuilder()
            for (name, content) in [
                ("a.test.", "$TTL 60\n@ SOA n h 1 2 3 4 5\n@ NS n\nn A 192.0.2.1\n"),
                ("b.test.", text),
            ] {
                let apex = try #require(DomainName(name))
                builder.beginZone(apex, source: name)
                builder.read(ZoneFileReader(Array(content.utf8), file: name, origin: apex))
            }
            return try #require(builder.build().table).greatestTTLs
        }
        let head = "$TTL 300\n@ SOA n h 1 2 3 4 5\n@ NS n\nn A 192.0.2.1\n"
        #expect(try greatest(head) == [60, 300])
        #expect(try greatest(head + "x.y 86400 TXT \"far\"\n") == [60, 86_400])
        #expect(try greatest(head + "x 900 MX 1 n\nx 900 MX 2 m\n") == [60, 900])
        #expect(try greatest(head + "x 1000 ALIAS n\n") == [60, 1000])
    }
}
