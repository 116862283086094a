// SPDX-License-Identifier: Apache-2.0
import Essentials
import HTTPProtocol
import Testing

@Suite struct EntityTagTests {
    static func read(_ text: String) -> EntityTag? {
        let bytes = Array(text.utf8)
        return EntityTag(bytes.span, ByteRange(from: 0, to: bytes.count))
    }

    static func isListed(_ tag: String, _ list: String, weakly: Bool) -> Bool {
        let (bytes, tagBytes) = (Array(list.utf8), Array(tag.utf8))
        guard let read = read(tag) else { return false }
        return EntityTag.isListed(
            ByteRange(from: 0, to: bytes.count),
            bytes.span,
            tag: read,
            of: tagBytes.span,
            weakly: weakly
        )
    }

    @Test func `tags are read`() {
        #expect(Self.read("\"\"")?.opaque.count == 0)
        #expect(Self.read("\"a,b\\\"")?.opaque.count == 4)
        #expect(Self.read("W/\"a\"")?.isWeak == true)
        #expect(Self.read("\"\u{e9}\"")?.isWeak == false)
    }

    @Test(arguments: [
        "", "a", "\"", "\"a", "a\"", "w/\"a\"", "W\"a\"", "W/a", "\"a b\"", "\"a\"b", "\"a\"b\"",
        " \"a\"", "\"\u{7f}\"", "'a'",
    ])
    func `what is no tag is none`(text: String) { #expect(Self.read(text) == nil) }

    // RFC 9110 §8.8.3.2, table 3.
    @Test(arguments: [
        ("W/\"1\"", "W/\"1\"", false, true), ("W/\"1\"", "W/\"2\"", false, false),
        ("W/\"1\"", "\"1\"", false, true), ("\"1\"", "\"1\"", true, true),
    ])
    func `tags are compared in two ways`(a: String, b: String, strong: Bool, weak: Bool) {
        #expect(Self.isListed(a, b, weakly: false) == strong)
        #expect(Self.isListed(b, a, weakly: false) == strong)
        #expect(Self.isListed(a, b, weakly: true) == weak)
        #expect(Self.isListed(b, a, weakly: true) == weak)
    }

    @Test(arguments: [
        ("\"b\"", "\"a\", \"b\"", true), ("\"b\"", ",, \"b\" ,", true),
        ("\"b\"", "\"a\"\t\"b\"", true),
        ("\"a,b\"", "\"a,b\"", true), ("\"b\"", "\"a,b\"", false), ("\"b\"", "\"B\"", false),
        ("\"b\"", "a, \"b\"", false), ("\"b\"", "\"a\"x, \"b\"", false), ("\"b\"", "", false),
        ("\"b\"", "\"a", false), ("\"b\"", "*", false), ("\"b\"", "b", false),
    ])
    func `a tag is found in a list`(tag: String, list: String, isThere: Bool) {
        #expect(Self.isListed(tag, list, weakly: true) == isThere)
    }
}
