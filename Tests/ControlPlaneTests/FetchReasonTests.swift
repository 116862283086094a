// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Testing

@testable import ControlPlane

/// What a primary says besides its code (RFC 8914, RFC 9103 §7.8).
@Suite struct FetchReasonTests {
    static let options: [(data: [UInt8], text: String)] = [
        ([], ""), ([0, 15, 0, 2, 0, 18], " (18 Prohibited)"),
        ([0, 3, 0, 1, 65, 0, 15, 0, 4, 0, 20, 0x1b, 0x0a], " (20 Not Authoritative)"),
        ([0, 15, 0, 2, 0x10, 0], " (4096)"), ([0, 15, 0, 1, 0], ""), ([0, 15, 0, 9, 0, 18], ""),
        (
            (0..<9).flatMap { [0, 15, 0, 2, 0, $0] },
            " (0 Other, 1 Unsupported DNSKEY Algorithm, 2 Unsupported DS Digest Type, 3 Stale Answer)"
        ),
    ]

    @Test(arguments: options.indices)
    func `the reasons of a refusal are told by their names, and by nothing of the peer's own`(
        index: Int
    ) throws {
        let (data, text) = FetchReasonTests.options[index]
        var message = try #require(DNSMessage([UInt8](repeating: 0, count: 12)))
        #expect(FetchExchange.reasons(message) == "")
        message.option = DNSMessage.Record(owner: .root, type: .OPT, ttl: 0, data: data)
        #expect(FetchExchange.reasons(message) == text)
    }
}
