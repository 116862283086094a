// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import HTTPProtocol

/// Calls `body` with the fields of a response that has these lines.
func withResponseFields<Result>(
    _ lines: [String],
    _ body: (inout FieldTable, Span<UInt8>) -> Result
) -> Result {
    let bytes = Array("HTTP/1.1 200 OK\r\n\(lines.map { $0 + "\r\n" }.joined())\r\n".utf8)
    var parser = ResponseParser(limits: HeadLimits())
    var fields = FieldTable(limit: 100)
    var head = ResponseHead()
    let result = parser.parse(bytes.span, requestMethod: .get, fields: &fields, head: &head)
    #expect(result == .complete)
    return body(&fields, bytes.span)
}

@Suite struct CacheDirectivesTests {
    static func read(_ values: String...) -> CacheDirectives {
        withResponseFields(values.map { "Cache-Control: \($0)" }) { CacheDirectives($0, $1) }
    }

    @Test func `names are recognised by their own octets`() {
        for name in DirectiveName.allCases where name != .other {
            for text in ["\(name.text)", "\(name.text)".uppercased()] {
                // Alone, and with something on both sides.
                let alone = Array(text.utf8)
                let range = ByteRange(from: 0, to: alone.count)
                #expect(DirectiveName.recognize(alone.span, range) == name, "\(text)")
                let among = Array("x,\(text)=1,yyyyyyyyyyyyyyyyyyyyy".utf8)
                let inner = ByteRange(from: 2, to: 2 + alone.count)
                #expect(DirectiveName.recognize(among.span, inner) == name, "\(text)")
            }
            for place in "\(name.text)".utf8.indices {
                var bytes = Array("\(name.text)".utf8)
                let offset = "\(name.text)".utf8.distance(
                    from: "\(name.text)".utf8.startIndex,
                    to: place
                )
                bytes[offset] = bytes[offset] == UInt8(ascii: "q") ? UInt8(ascii: "w") : 0x71
                let range = ByteRange(from: 0, to: bytes.count)
                #expect(DirectiveName.recognize(bytes.span, range) == .other)
            }
        }
        let empty = [UInt8]()
        #expect(DirectiveName.recognize(empty.span, .empty) == .other)
    }

    @Test(arguments: [
        ("max-age=60", DeltaSeconds.seconds(60)), ("Max-Age=60", .seconds(60)),
        ("max-age=\"60\"", .seconds(60)), ("max-age=0", .seconds(0)), ("max-age=007", .seconds(7)),
        ("a=b, max-age=60", .seconds(60)), ("max-age=60,", .seconds(60)),
        (",,max-age=60", .seconds(60)), ("a=\"max-age=1, \", max-age=60", .seconds(60)),
        ("max-age=2147483647", .seconds(2_147_483_647)),
        ("max-age=2147483648", .seconds(2_147_483_647)),
        ("max-age=99999999999999999999999999", .seconds(2_147_483_647)),
        ("max-age", .invalid), ("max-age=", .invalid), ("max-age=-1", .invalid),
        ("max-age=60.0", .invalid), ("max-age='60'", .invalid), ("max-age=\"60", .invalid),
        ("max-age= 60", .invalid), ("max-age =60", .invalid), ("max-age=60;", .invalid),
        ("max-age=6 0", .invalid), ("max-age=60x", .invalid), ("max-age=\"\"", .invalid),
        ("max-age=\"6\\0\"", .invalid),
        ("", .absent), ("smax-age=60", .absent), ("max-ages=60", .absent), ("60", .absent),
        ("a=\"max-age=60\"", .absent),
        ("max-age=60, max-age=30", .seconds(30)), ("max-age=30, max-age=60", .seconds(30)),
        ("max-age=60, max-age=x", .invalid), ("max-age=x, max-age=60", .invalid),
    ])
    func `numbers are read, and of two the smaller counts`(text: String, value: DeltaSeconds) {
        #expect(Self.read(text).maxAge == value)
    }

    @Test func `lines add up`() {
        let read = Self.read("max-age=60", "s-maxage=30, no-transform", "MUST-REVALIDATE")
        #expect(read.maxAge == .seconds(60) && read.sharedMaxAge == .seconds(30))
        #expect(read.words == [.isPresent, .noTransform, .mustRevalidate])
    }

    @Test(arguments: [
        ("no-store", CacheDirectives.Words.noStore), ("no-cache", .noCache),
        ("private", .isPrivate), ("public", .isPublic), ("no-transform", .noTransform),
        ("must-revalidate", .mustRevalidate), ("proxy-revalidate", .proxyRevalidate),
        ("must-understand", .mustUnderstand), ("immutable", .immutable),
        ("only-if-cached", .onlyIfCached), ("max-stale", .anyStale),
        // What forbids is heeded however badly it is written.
        ("no-store=1", .noStore), ("no-store;x", .noStore), ("private=", .isPrivate),
        ("no-cache=\"\"", .noCache), ("no-cache=\"a", .noCache),
        ("max-age=\"60, no-store", .noStore),
        ("max-age\", no-store, x=\"1\"", .noStore), ("\"a\", no-store, \"b\"", .noStore),
        ("a=\"b\\\", no-store", .noStore), ("\"\\\"\\\"\\\", no-store", .noStore),
        ("no-cache=\"Set-Cookie\"", .noCacheFields), ("no-cache=Set-Cookie", .noCacheFields),
        ("private=\"X-A, X-B\"", .privateFields),
    ])
    func `words are read`(text: String, word: CacheDirectives.Words) {
        #expect(Self.read(text).words == [.isPresent, word])
    }

    @Test(arguments: [
        "public;x", "immutable=\"x", "a=\"no-store\"", "a=\"x, no-store\"", "nostore",
    ])
    func `what allows must be written well, and texts in quotes say nothing`(text: String) {
        #expect(Self.read(text).words == .isPresent)
    }

    @Test func `a client's words are read`() {
        let read = Self.read("max-stale=5, min-fresh=7, only-if-cached")
        #expect(read.maxStale == .seconds(5) && read.minFresh == .seconds(7))
        #expect(read.words == [.isPresent, .onlyIfCached])
        #expect(Self.read("max-stale, max-stale=5").maxStale == .seconds(5))
        #expect(Self.read("min-fresh=5, min-fresh=9").minFresh == .seconds(9))
        #expect(Self.read("min-fresh=5, min-fresh=x").minFresh == .invalid)
        #expect(Self.read("max-stale=x").maxStale == .invalid)
    }

    @Test func `fields that are named are hidden, and no others`() {
        let lines = [
            "Cache-Control: max-age=5, private=\"x-one, Set-Cookie\", no-cache=X-Two", "X-One: 1",
            "X-Two: 2", "x-two: 3", "X-Three: 4", "Set-Cookie: a=b",
        ]
        let hidden = withResponseFields(lines) { fields, bytes in
            NamedFields.hide(in: &fields, bytes)
            return (0..<fields.count).map { fields[$0].isForbidden }
        }
        #expect(hidden == [false, true, true, true, false, true])
        let named = withResponseFields(lines) { fields, bytes in
            (0..<fields.count).map {
                NamedFields.contains(bytes.slice(fields[$0].name), fields, bytes)
            }
        }
        #expect(named == hidden)
    }

    @Test func `many quotes cost no more than their length`() {
        // With the square of it this would take minutes.
        let value = "a=\"" + String(repeating: "\\\"", count: 1 << 20)
        let bytes = Array(value.utf8)
        var directives = CacheDirectives()
        directives.read(ByteRange(from: 0, to: bytes.count), bytes.span)
        #expect(directives.words == .isPresent)
    }
}

@Suite struct TargetedDirectivesTests {
    static func read(_ lines: String...) -> (CacheDirectives, Bool) {
        withResponseFields(lines) {
            CacheDirectives.ofResponse($0, $1, targets: .standard)
        }
    }

    @Test func `the nearest field counts, and no other`() {
        let (read, isTargeted) = Self.read(
            "Cache-Control: no-store",
            "CDN-Cache-Control: max-age=60, must-revalidate",
            "cdn-cache-control: s-maxage=30"
        )
        #expect(isTargeted && read.maxAge == .seconds(60) && read.sharedMaxAge == .seconds(30))
        #expect(read.words == [.isPresent, .mustRevalidate])
        let (own, _) = Self.read("CDN-Cache-Control: max-age=60", "Martlet-Cache-Control: no-store")
        #expect(own.words == [.isPresent, .noStore] && own.maxAge == .absent)
    }

    @Test(arguments: [
        "max-age=60,", "max-age=60,,private", "max-age=60 private", "Max-Age=60", "max-age=\"60",
        "max-age=", "max-age=6000000000000000", "max-age=1.2345", "max-age=1.", "1max=2", "a=?2",
        "a=(1 2", "a=(1\"x\")", "a=:b-d:", "a=@x", "a=\"\\x\"", "a;=1", "a=1;B", "=1", "a=\u{e9}",
        "a=%x", "max-age=60, \"x\"",
    ])
    func `a field that is broken is passed over whole`(value: String) {
        let (read, isTargeted) = Self.read(
            "Cache-Control: max-age=7",
            "CDN-Cache-Control: \(value)"
        )
        #expect(!isTargeted && read.maxAge == .seconds(7), "\(value)")
    }

    @Test(arguments: ["", " "])
    func `an empty field is passed over`(value: String) {
        let (read, isTargeted) = Self.read(
            "Cache-Control: max-age=7",
            "CDN-Cache-Control: \(value)"
        )
        #expect(!isTargeted && read.maxAge == .seconds(7))
    }

    @Test(arguments: [
        ("max-age=60", DeltaSeconds.seconds(60)), ("max-age=60;a;b=c", .seconds(60)),
        ("max-age=1, max-age=60", .seconds(60)), ("a=(1 \"b\" c);d, max-age=60", .seconds(60)),
        ("a=:YQ==:, b=@1, c=tok/en:x, d=?0, e=%\"a\", f=1.5 \t,\t max-age=60", .seconds(60)),
        ("max-age=999999999999999", .seconds(2_147_483_647)), ("max-age=-1", .invalid),
        ("max-age", .invalid), ("max-age=\"60\"", .invalid), ("max-age=60.0", .invalid),
        ("max-age=?1", .invalid), ("private", .absent),
    ])
    func `numbers are integers of structured fields`(value: String, seconds: DeltaSeconds) {
        let (read, isTargeted) = Self.read(
            "Cache-Control: max-age=7",
            "CDN-Cache-Control: \(value)"
        )
        #expect(isTargeted && read.maxAge == seconds, "\(value)")
    }

    @Test func `a word is there unless it is false`() {
        let (read, _) = Self.read(
            "CDN-Cache-Control: no-store=?0, private=?1, no-cache=\"a\", public"
        )
        #expect(read.words == [.isPresent, .isPrivate, .noCache, .isPublic])
        let (last, _) = Self.read("CDN-Cache-Control: no-store, no-store=?0")
        #expect(last.words == .isPresent)
    }

    @Test func `no octets do harm`() {
        var random = SeededRandom(seed: 3)
        let letters = Array("max-age=60, \"\\;()?:@%*1.private".utf8)
        for _ in 0..<20_000 {
            let count = Int(random.next(below: 24))
            let bytes = (0..<count).map { _ in
                letters[Int(random.next(below: UInt32(letters.count)))]
            }
            var reader = StructuredDictionary(ByteRange(from: 0, to: count + 2))
            var members = 0
            while reader.next(bytes.span) != nil { members += 1 }
            #expect(members <= count)
            var directives = CacheDirectives()
            directives.read(ByteRange(from: 0, to: count + 2), bytes.span)
        }
    }
}
