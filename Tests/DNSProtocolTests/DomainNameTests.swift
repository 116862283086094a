// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@Suite struct DomainNameTests {
    static let texts: [(String, String?)] = [
        ("www.example.com", "www.example.com."),
        ("www.example.com.", "www.example.com."),
        ("WWW.Example.COM", "WWW.Example.COM."),
        (".", "."),
        (#"a\.b.c"#, #"a\.b.c."#),
        (#"\097.c"#, "a.c."),
        (#"\000\255.c"#, #"\000\255.c."#),
        (#"a\ b.c"#, #"a\032b.c."#),
        (#"*.example.com"#, "*.example.com."),
        (#"_sip._tcp.example.com"#, "_sip._tcp.example.com."),
        ("", nil), ("..", nil), ("a..b", nil), (".a", nil), (#"a\"#, nil), (#"a\25.c"#, nil),
        (#"a\256.c"#, nil),
        (String(repeating: "a", count: 63), String(repeating: "a", count: 63) + "."),
        (String(repeating: "a", count: 64), nil),
        (String(repeating: "abc.", count: 63) + "a", String(repeating: "abc.", count: 63) + "a."),
        (String(repeating: "abc.", count: 63) + "ab", nil),
    ]

    @Test(arguments: texts.indices)
    func `names are read and shown`(index: Int) {
        let (text, shown) = DomainNameTests.texts[index]
        #expect(DomainName(text).map { "\($0)" } == shown, "\(text)")
    }

    @Test func `case does not distinguish names, and is kept`() throws {
        let a = try #require(DomainName("WWW.example.com"))
        let b = try #require(DomainName("www.EXAMPLE.com"))
        #expect(a == b)
        #expect(Set([a, b]).count == 1)
        #expect(a.wire != b.wire)
        #expect(a.lowercased.wire == b.lowercased.wire)
        // RFC 4343 §2.1: only ASCII letters have case; `[` and `{` differ by the same bit.
        #expect(DomainName("[.com") != DomainName("{.com"))
        #expect(DomainName("@.com") != DomainName("`.com"))
    }

    @Test func `names lie within others at label boundaries`() throws {
        let apex = try #require(DomainName("example.com"))
        for inside in ["example.com", "www.EXAMPLE.com", "a.b.example.com"] {
            #expect(try #require(DomainName(inside)).isWithin(apex), "\(inside)")
        }
        for outside in ["com", ".", "badexample.com", "example.com.org", "example.org"] {
            #expect(try !#require(DomainName(outside)).isWithin(apex), "\(outside)")
        }
        #expect(apex.isWithin(.root))
        #expect(apex.parent == DomainName("com"))
        #expect(DomainName("www")?.appending(apex) == DomainName("www.example.com"))
    }

    @Test func `names of all lengths are equal but for the case of letters, octet by octet`() {
        var random = SeededRandom(seed: 5)
        for length in 1...40 {
            let octets = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) | 0x40 }
            let turned = octets.map { ASCII.isLetter($0) ? $0 ^ 0x20 : $0 }
            func matches(_ other: [UInt8]) -> Bool {
                WireName.matches(octets.span, at: 0, other.span, at: 0, length: length)
            }
            #expect(matches(turned))
            for place in 0..<length {
                // The bit of case where it is none, and another.
                for bit in [0x20, 0x01, 0x80] as [UInt8] {
                    var other = turned
                    other[place] ^= bit
                    let isCase = bit == 0x20 && ASCII.isLetter(octets[place])
                    #expect(matches(other) == isCase, "\(octets) at \(place) by \(bit)")
                }
            }
        }
    }

    @Test func `eight octets at once are hashed as one by one`() {
        var random = SeededRandom(seed: 6)
        for _ in 0..<500 {
            let octets = (0..<24).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            var (one, eight) = (NameHash(), NameHash())
            for octet in octets { one.append(octet) }
            for place in [0, 8, 16] {
                guard let word = octets.span.word(at: place) else { continue }
                eight.append(word: word)
            }
            #expect(one == eight)
        }
    }

    @Test func `the hash of every suffix follows from the whole name's`() throws {
        let name = try #require(DomainName("a.Bcd.example.co.uk"))
        let found = WireName.scan(name.wire.span, at: 0)
        let scanned = try #require(found)
        #expect(scanned.length == name.wire.count)
        #expect(scanned.labelCount == 5)
        var hash = scanned.hash
        var rest = name
        while !rest.isRoot {
            for octet in rest.wire.prefix(Int(rest.wire[0]) + 1) { hash.dropFirst(octet) }
            rest = rest.parent
            let direct = WireName.scan(rest.wire.span, at: 0)?.hash.value
            #expect(direct == hash.value, "\(rest)")
        }
    }

    @Test func `hashes of similar names differ`() {
        var seen: Set<UInt64> = []
        for number in 0..<20_000 {
            let wire = DomainName("host\(number).example.com")?.wire ?? []
            seen.insert(WireName.scan(wire.span, at: 0)?.hash.value ?? 0)
        }
        #expect(seen.count == 20_000)
    }

    @Test(
        arguments: [
            [], [1], [1, 97], [0xc0, 0], [64, 97, 0], [0, 0], [1, 97, 0, 0],
        ] as [[UInt8]]
    )
    func `malformed wire forms are no names`(bytes: [UInt8]) {
        #expect(DomainName(wire: bytes) == nil)
    }
}
