// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct StructuredStringsTests {
    private func read(_ text: String) -> [String]? {
        let bytes = Array(text.utf8)
        var list = StructuredStrings(ByteRange(from: 0, to: bytes.count))
        var found: [String] = []
        while let inside = list.next(bytes.span) {
            var isWhole = false
            let plain = [UInt8](capacity: 64) { (output: inout OutputSpan<UInt8>) in
                isWhole = StructuredStrings.unescape(bytes.span.slice(inside), into: &output)
            }
            #expect(isWhole)
            found.append(String(decoding: plain, as: UTF8.self))
        }
        return list.isBroken ? nil : found
    }

    @Test(arguments: [
        (#""a""#, ["a"]), (#""a", "b c" ,"d,e""#, ["a", "b c", "d,e"]), ("", []),
        (#""a\"b", "c\\d""#, [#"a"b"#, #"c\d"#]), (#""a";p;q=1;r="x, \"y", "b""#, ["a", "b"]),
        (#""A","a""#, ["A", "a"]), (#""""#, [""]),
    ])
    func `lists of strings are read, parameters passed over`(text: String, wanted: [String]) {
        #expect(read(text) == wanted)
    }

    @Test(arguments: [
        #""a"#, #"a"#, #""a" "b""#, #""a","#, #",“a”"#, #""a",,"b""#, #""a\x""#, "\"a\u{7f}\"",
        #"1"#,
        #""a", b"#, #"("a" "b")"#, #""a";"#, #""a";P"#, #""a\"#, #"?1"#, #":YQ==:"#, #""a"=1"#,
        "\"é\"",
    ])
    func `of anything else nothing counts`(text: String) {
        #expect(read(text) == nil)
    }
}
