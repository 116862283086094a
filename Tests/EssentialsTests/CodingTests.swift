// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@Suite struct CodingTests {
    // The first vectors of the reference implementation, and the one of the paper (15 octets).
    @Test(
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462), (15, 0xa129_ca61_49be_45e5),
        ] as [(Int, UInt64)]
    )
    func `short digests are those of SipHash`(length: Int, expected: UInt64) throws {
        let key = try #require(SipKey(Array(0..<16)))
        let text = (0..<UInt8(length)).map { $0 }
        #expect(SipHash.shortDigest(text.span, key: key) == expected)
        #expect(SipKey(Array(0..<15)) == nil)
    }

    /// The reference implementation's vectors of 128 bits: the key is 0...15, the text 0, 1, 2...
    @Test(arguments: [
        (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
        (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
    ])
    func `digests are those of SipHash`(length: Int, expected: String) {
        let key = SipKey(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
        let text = (0..<length).map { UInt8($0) }
        let digest = SipHash.digest(text.span, key: key)
        let hex = [digest.low, digest.high].map { word in
            (0..<8).map { byte in
                let value = UInt8(truncatingIfNeeded: word >> UInt64(byte * 8))
                return (value < 16 ? "0" : "") + String(value, radix: 16)
            }.joined()
        }.joined()
        #expect(hex == expected)
    }

    @Test func `a word before the text counts as eight bytes of it`() {
        let key = SipKey(1, 2)
        let text = (1...21).map { UInt8($0) }
        let word = text[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let rest = Array(text[8...])
        let whole = SipHash.digest(text.span, key: key)
        let joined = SipHash.digest(rest.span, after: word, key: key)
        let other = SipHash.digest(rest.span, after: word + 1, key: key)
        let foreign = SipHash.digest(text.span, key: SipKey(1, 3))
        #expect(joined == whole && other != whole && foreign != whole)
    }

    @Test(arguments: [
        ("", "", Base64.Form.standard), ("Zg==", "f", .standard), ("Zm8=", "fo", .standard),
        ("Zm9v", "foo", .standard), ("Zg", "f", .url), ("Zm8", "fo", .url),
        ("YTpi", "a:b", .standard), ("_-8_", "\u{FFFD}", .url),
    ])
    func `Base64 reads back`(text: String, expected: String, form: Base64.Form) throws {
        let letters = Array(text.utf8)
        let read = Base64.bytes(letters.span, form)
        let bytes = try #require(read)
        if expected != "\u{FFFD}" { #expect(String(decoding: bytes, as: UTF8.self) == expected) }
        if expected == "\u{FFFD}" { #expect(bytes == [0xff, 0xef, 0x3f]) }
    }

    @Test(arguments: [
        "", "Zg==", "Zm8=", "Zm9v", "AAAAAA==",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    ])
    func `Base64 writes what it reads`(text: String) throws {
        let letters = Array(text.utf8)
        let read = Base64.bytes(letters.span, .standard)
        let bytes = try #require(read)
        var isWhole = false
        let written = [UInt8](capacity: 80) { isWhole = Base64.encode(bytes.span, into: &$0) }
        #expect(isWhole && written == letters)
        let short = [UInt8](capacity: letters.count / 2) {
            isWhole = Base64.encode(bytes.span, into: &$0)
        }
        #expect(isWhole == letters.isEmpty && short.count <= letters.count)
    }

    @Test(arguments: [
        ("Zg=", Base64.Form.standard), ("Zg", .standard), ("Zh==", .standard), ("Zm9=", .standard),
        ("Z===", .standard), ("====", .standard), ("Zm 9v", .standard), ("Zm9v\n", .standard),
        ("_-8_", .standard), ("Zg==", .url), ("Zh", .url), ("Z", .url), ("+/8/", .url),
        ("Zm9v=", .url), ("Zm=v", .standard),
    ])
    func `there is one text for each run of bytes`(text: String, form: Base64.Form) {
        let letters = Array(text.utf8)
        let bytes = Base64.bytes(letters.span, form)
        #expect(bytes == nil)
    }
}
