// SPDX-License-Identifier: Apache-2.0
import DNSServer
import Essentials
import Testing

/// Answers of a name outside that are older than their TTL allowed (RFC 8767 §4).
@Suite struct AliasStaleTests {
    // An extended error (RFC 8914 §2) with the code 3, stale answer.
    private static let extendedError: [UInt8] = [0, 15, 0, 2, 0, 3]

    private func saysStale(_ outside: Outside, _ client: String, _ length: Int) throws -> Bool {
        let bytes = try outside.reply(try #require(IPAddress(client)), length).bytes
        let wanted = AliasStaleTests.extendedError
        return bytes.indices.contains { bytes[$0...].starts(with: wanted) }
    }

    @Test(arguments: [("198.51.100.7", 24), ("10.1.2.3", 32), ("fd00::1", 64)])
    func `every client is told of a stale answer, wherever it asks from`(
        client: String,
        length: Int
    ) throws {
        var outside = try Outside([])
        let now = outside.now
        outside.snapshot.zones.board.publish(
            0,
            isIPv4: true,
            AliasAnswer(
                addresses: [IPAddress(v4: 0xc000_0201)],
                learned: now,
                freshUntil: now + .seconds(60),
                staleUntil: now + .seconds(600),
                staleTTL: 30
            )
        )
        outside.now = now + .seconds(59)
        #expect(try !saysStale(outside, client, length))
        outside.now = now + .seconds(60)
        #expect(try saysStale(outside, client, length))
        outside.now = now + .seconds(600)
        #expect(try !saysStale(outside, client, length), "SERVFAIL is no stale answer")
    }

    @Test func `a network keeps its own answer while the lookup for the next one lasts`() throws {
        var outside = try Outside([("198.51.0.0/16", 5)])
        let client = try #require(IPAddress("198.51.100.7"))
        _ = try outside.ask(client, 24)
        outside.resolve()
        // Whoever is asked now says nothing for as long as this takes.
        for second in 1...45 {
            outside.now = outside.now + .seconds(1)
            _ = outside.begin()
            let answer = try outside.ask(client, 24)
            #expect(answer.value == 5 && answer.scope == 16, "after \(second) s")
            #expect(try saysStale(outside, "198.51.100.7", 24) == (second >= 30))
        }
    }
}
