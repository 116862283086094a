// SPDX-License-Identifier: Apache-2.0
import Runtime
import Testing

@Suite struct PlainDigestTests {
    // FIPS 180-4, and the handshake of RFC 6455 §1.3.
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
            "b37a4f2cc0624f1690f64606cf385945b2bec4ea"
        ),
    ])
    func `digests are those of the standard`(text: String, expected: String) throws {
        let bytes = Array(text.utf8)
        let made = PlainDigest.sha1(bytes.span)
        let digest = try #require(made)
        let hex = digest.indices.map { place in
            (digest[place] < 16 ? "0" : "") + String(digest[place], radix: 16)
        }.joined()
        #expect(hex == expected)
    }
}
