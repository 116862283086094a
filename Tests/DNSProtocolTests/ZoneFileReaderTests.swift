// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@Suite struct ZoneFileReaderTests {
    struct Outcome {
        var records: [String] = []
        var problems: [String] = []
    }

    func read(
        _ text: String,
        ttl: UInt32? = 60,
        files: [String: String] = [:]
    ) throws -> Outcome {
        try read(Array(text.utf8), ttl: ttl, files: files)
    }

    func read(_ bytes: [UInt8], ttl: UInt32?, files: [String: String]) throws -> Outcome {
        var outcome = Outcome()
        var reader = ZoneFileReader(
            bytes,
            file: "zone",
            origin: try #require(DomainName("example.com")),
            defaultTTL: ttl,
            include: { name, _ in files[name].map { (name, Array($0.utf8)) } }
        )
        while reader.next() {
            let owner = try #require(DomainName(wire: reader.owner))
            let data = RecordText.data(reader.type, reader.data.span)
            outcome.records.append("\(owner) \(reader.ttl) \(reader.type) \(data)")
        }
        outcome.problems = reader.diagnostics.map {
            "\($0.file):\($0.position.line):\($0.position.column) \($0.code)"
        }
        return outcome
    }

    static let good: [(String, [String])] = [
        ("www A 192.0.2.1", ["www.example.com. 60 A 192.0.2.1"]),
        ("www.example.com. IN A 192.0.2.1", ["www.example.com. 60 A 192.0.2.1"]),
        ("www 300 IN A 192.0.2.1", ["www.example.com. 300 A 192.0.2.1"]),
        ("www IN 300 A 192.0.2.1", ["www.example.com. 300 A 192.0.2.1"]),
        ("www 1h30m a 192.0.2.1", ["www.example.com. 5400 A 192.0.2.1"]),
        ("www 1W A 192.0.2.1", ["www.example.com. 604800 A 192.0.2.1"]),
        ("@ AAAA 2001:DB8::1", ["example.com. 60 AAAA 2001:db8::1"]),
        (
            "a A 192.0.2.1\n  A 192.0.2.2",
            [
                "a.example.com. 60 A 192.0.2.1", "a.example.com. 60 A 192.0.2.2",
            ]
        ),
        ("a MX 10 mail\n", ["a.example.com. 60 MX 10 mail.example.com."]),
        (
            "a MX ( 10 ; ten\n mail.example.org. )\nb A 192.0.2.9",
            [
                "a.example.com. 60 MX 10 mail.example.org.", "b.example.com. 60 A 192.0.2.9",
            ]
        ),
        ("a CNAME @", ["a.example.com. 60 CNAME example.com."]),
        ("$ORIGIN sub\na NS ns", ["a.sub.example.com. 60 NS ns.sub.example.com."]),
        ("$ORIGIN example.org.\n@ NS ns", ["example.org. 60 NS ns.example.org."]),
        ("$TTL 1d\na A 192.0.2.1", ["a.example.com. 86400 A 192.0.2.1"]),
        (
            #"a TXT "one; two" three "a\"b" "\065" "#,
            [
                #"a.example.com. 60 TXT "one; two" "three" "a\"b" "A""#
            ]
        ),
        (#"a TXT """#, [#"a.example.com. 60 TXT """#]),
        ("a TXT semi\\;colon ; comment", [#"a.example.com. 60 TXT "semi;colon""#]),
        (
            "_sip._tcp SRV 1 2 5060 sip",
            [
                "_sip._tcp.example.com. 60 SRV 1 2 5060 sip.example.com."
            ]
        ),
        (
            #"@ CAA 0 issue "ca.example.net; x=y""#,
            [
                #"example.com. 60 CAA 0 issue "ca.example.net; x=y""#
            ]
        ),
        ("1 PTR host", ["1.example.com. 60 PTR host.example.com."]),
        (
            "@ SOA ns h\\.m ( 1 2h 30m 2w 1d )",
            [
                "example.com. 60 SOA ns.example.com. h\\.m.example.com. 1 7200 1800 1209600 86400"
            ]
        ),
        (##"a TYPE65280 \# 4 0a0b 0C0d"##, [##"a.example.com. 60 TYPE65280 \# 4 0a0b0c0d"##]),
        (##"a CLASS1 TYPE1 \# 4 c0000201"##, ["a.example.com. 60 A 192.0.2.1"]),
        (##"a TYPE1 \# 4 c0000201"##, ["a.example.com. 60 A 192.0.2.1"]),
        (##"a NULL \# 1 00"##, [##"a.example.com. 60 NULL \# 1 00"##]),
        (##"a NULL \# 3 010203"##, [##"a.example.com. 60 NULL \# 3 010203"##]),
        ("a WKS 192.0.2.1 tcp smtp 80", ["a.example.com. 60 WKS 192.0.2.1 6 25 80"]),
        (##"a WKS \# 6 c00002010640"##, ["a.example.com. 60 WKS 192.0.2.1 6 1"]),
        (
            "a TXT \"one\n;two\" \"(\nx\"\nb A 192.0.2.1",
            [#"a.example.com. 60 TXT "one\010;two" "(\010x""#, "b.example.com. 60 A 192.0.2.1"]
        ),
        (##"a TYPE65280 \# 0"##, [##"a.example.com. 60 TYPE65280 \# 0"##]),
        (
            "a\tA\t192.0.2.1\r\nb A 192.0.2.2\r\n",
            [
                "a.example.com. 60 A 192.0.2.1", "b.example.com. 60 A 192.0.2.2",
            ]
        ),
        ("\u{feff}a A 192.0.2.1", ["a.example.com. 60 A 192.0.2.1"]),
        ("; only a comment\n\n   ; another\n", []),
        (#"x\.y A 192.0.2.1"#, [#"x\.y.example.com. 60 A 192.0.2.1"#]),
        ("*.wild A 192.0.2.1", ["*.wild.example.com. 60 A 192.0.2.1"]),
        // A mnemonic may be an owner's name.
        ("A A 192.0.2.1", ["A.example.com. 60 A 192.0.2.1"]),
        ("in IN A 192.0.2.1", ["in.example.com. 60 A 192.0.2.1"]),
    ]

    @Test(arguments: good.indices)
    func `zone text is read`(index: Int) throws {
        let (text, records) = ZoneFileReaderTests.good[index]
        let outcome = try read(text)
        #expect(outcome.records == records, "\(text)")
        #expect(outcome.problems == [], "\(text)")
    }

    static let bad: [(String, String)] = [
        ("a A 192.0.2.256", "zone:1:5 M1515"),
        ("a A 192.0.2.01", "zone:1:5 M1515"),
        ("a A", "zone:1:3 M1514"),
        ("a A 192.0.2.1 192.0.2.2", "zone:1:3 M1514"),
        ("a AAAA 192.0.2.1", "zone:1:8 M1515"),
        ("a MX 65536 b", "zone:1:6 M1515"),
        ("a MX b", "zone:1:3 M1514"),
        ("a BOGUS b", "zone:1:3 M1509"),
        ("a", "zone:1:1 M1509"),
        ("a CH TXT b", "zone:1:3 M1510"),
        ("a CLASS32 TYPE1 \\# 0", "zone:1:3 M1509"),
        ("a 1h30 A 192.0.2.1", "zone:1:3 M1511"),
        ("a 2147483648 A 192.0.2.1", "zone:1:3 M1511"),
        ("a 1y A 192.0.2.1", "zone:1:3 M1511"),
        ("  A 192.0.2.1", "zone:1:3 M1513"),
        ("a..b A 192.0.2.1", "zone:1:1 M1508"),
        ("a CNAME b..c", "zone:1:9 M1508"),
        (#"a CNAME b\"#, "zone:1:9 M1508"),
        (#"a TXT "open"#, "zone:1:7 M1502"),
        ("a TXT \"" + String(repeating: "\n", count: 1021) + "\"", "zone:1:7 M1502"),
        ("a TXT \"" + String(repeating: "\n", count: 256) + "\"", "zone:1:7 M1515"),
        ("a TXT \"x\ny\" 1\nb A x", "zone:3:5 M1515"),
        ("a TXT \"x\ny\nz\" \"z\ny\"\nc A x", "zone:5:5 M1515"),
        ("a TXT \"o\nb TXT \"p\"", "zone:2:9 M1502"),
        ("a NULL abc", "zone:1:3 M1509"),
        ("a MX ( 10 b", "zone:1:6 M1501"),
        ("a MX 10 b )", "zone:1:11 M1501"),
        ("$NOTHING 1-2 a A 192.0.2.1", "zone:1:1 M1504"),
        ("$GENERATE 1-2 a A", "zone:1:1 M1505"),
        ("$GENERATE 2-1 a A 192.0.2.1", "zone:1:11 M1505"),
        ("$GENERATE 1-2 a${0,256} A 192.0.2.1", "zone:1:1 M1505"),
        ("$GENERATE 255-900 a$ A 192.0.2.$", "zone:1:1 M1515"),
        ("$ORIGIN", "zone:1:1 M1505"),
        ("$TTL forever", "zone:1:6 M1511"),
        ("$INCLUDE missing", "zone:1:10 M1506"),
        ("a OPT b", "zone:1:3 M1605"),
        ("a WKS b", "zone:1:3 M1514"),
        (##"a WKS \# 6 c00002010600"##, "zone:1:3 M1516"),
        ("a WKS 192.0.2.1 tcp nothing", "zone:1:21 M1515"),
        ("a NAPTR b", "zone:1:3 M1514"),
        ("a DS 1 8 2 00", "zone:1:12 M1515"),
        ("a LOC 91 N 0 E 1", "zone:1:7 M1515"),
        (##"a TYPE1 \# 3 c00002"##, "zone:1:3 M1516"),
        (##"a TYPE9999 \# 3 0102"##, "zone:1:3 M1516"),
        (##"a TYPE9999 \# 1 0x"##, "zone:1:17 M1516"),
        (##"a TYPE9999 \#"##, "zone:1:3 M1516"),
        ("@ CAA 0 is-sue x", "zone:1:9 M1515"),
        ("a TXT " + String(repeating: "x", count: 256), "zone:1:7 M1515"),
    ]

    @Test(arguments: bad.indices)
    func `errors have a code and a place, and the next line is read`(index: Int) throws {
        let (text, problem) = ZoneFileReaderTests.bad[index]
        let outcome = try read(text + "\nnext A 192.0.2.7\n")
        #expect(outcome.problems.first == problem, "\(text)")
        // An open parenthesis or string swallows what follows it.
        guard !text.contains("( 10 b"), !text.contains("\n\n"), !text.hasSuffix("open") else {
            return
        }
        #expect(outcome.records.last == "next.example.com. 60 A 192.0.2.7", "\(text)")
    }

    @Test func `all errors are reported at once`() throws {
        let outcome = try read("a A 1\nb B\nc A 192.0.2.1\nd MX x\n")
        #expect(outcome.problems.map { $0.prefix(6) } == ["zone:1", "zone:2", "zone:4"])
        #expect(outcome.records.count == 1)
    }

    @Test func `reading is given up after a hundred errors`() throws {
        let outcome = try read(String(repeating: "a A 1\n", count: 1000))
        #expect(outcome.problems.count == ZoneFileReader.diagnosticLimit + 1)
        #expect(outcome.problems.last?.hasSuffix("M1518") == true)
    }

    @Test func `a TTL comes from the record, the directive, the last record or the SOA`() throws {
        let soa = "@ SOA ns host 1 2 3 4 900\n"
        #expect(try read("a A 192.0.2.1", ttl: nil).problems == ["zone:1:1 M1512"])
        let fromSOA = try read(soa + "a A 192.0.2.1", ttl: nil)
        #expect(fromSOA.records.last == "a.example.com. 900 A 192.0.2.1")
        let fromLast = try read("a 5 A 192.0.2.1\nb A 192.0.2.1", ttl: nil)
        #expect(fromLast.records.last == "b.example.com. 5 A 192.0.2.1")
        let directive = try read("a 5 A 192.0.2.1\n$TTL 7\nb A 192.0.2.1", ttl: nil)
        #expect(directive.records.last == "b.example.com. 7 A 192.0.2.1")
    }

    @Test func `an included file has its own origin, and gives it back`() throws {
        let text = "a A 192.0.2.1\n$INCLUDE other sub\n  A 192.0.2.3\n$INCLUDE other\nb A 192.0.2.4"
        let outcome = try read(text, files: ["other": "x A 192.0.2.2\n$ORIGIN lost.\n"])
        #expect(
            outcome.records == [
                "a.example.com. 60 A 192.0.2.1", "x.sub.example.com. 60 A 192.0.2.2",
                "a.example.com. 60 A 192.0.2.3", "x.example.com. 60 A 192.0.2.2",
                "b.example.com. 60 A 192.0.2.4",
            ]
        )
    }

    @Test func `an error in an included file names that file`() throws {
        let outcome = try read("$INCLUDE other", files: ["other": "\nx A y\n"])
        #expect(outcome.problems == ["other:2:5 M1515"])
    }

    @Test func `an entry is written for each number of a range`() throws {
        let text = "x A 192.0.2.9\n$GENERATE 8-12/2 h${2,3} MX \"10 m$\"\n TXT after"
        let outcome = try read(text)
        #expect(
            outcome.records == [
                "x.example.com. 60 A 192.0.2.9", "h010.example.com. 60 MX 10 m8.example.com.",
                "h012.example.com. 60 MX 10 m10.example.com.",
                "h014.example.com. 60 MX 10 m12.example.com.",
                "x.example.com. 60 TXT \"after\"",
            ]
        )
        #expect(outcome.problems == [])
    }

    @Test func `a range makes no more records than are allowed, and one finding`() throws {
        var reader = ZoneFileReader(
            Array("$GENERATE 1-9 a$ A 192.0.2.$\n$GENERATE 0-2147483647 b$ A 192.0.2.1".utf8),
            file: "zone",
            origin: try #require(DomainName("example.com")),
            defaultTTL: 60,
            generatedLimit: 20
        )
        var count = 0
        while reader.next() {
            count += 1
            #expect(reader.position.line == (count > 9 ? 2 : 1))
        }
        #expect(count == 20)
        #expect(reader.diagnostics.map(\.code) == [.tooManyGenerated])
        #expect(reader.diagnostics.map(\.position.line) == [2])
    }

    @Test func `why a file is not included is told`() throws {
        var reader = ZoneFileReader(
            Array("$INCLUDE ../x".utf8),
            file: "zone",
            origin: .root,
            include: { (_, _) throws(ZoneIncludeRefusal) in throw .init(reason: "so it is") }
        )
        let hasRecord = reader.next()
        #expect(!hasRecord)
        #expect(reader.diagnostics.first?.code == .includeFailed)
        #expect(reader.diagnostics.first?.message == "'../x' is not read: so it is")
    }

    @Test func `files that include each other end`() throws {
        let outcome = try read("$INCLUDE a", files: ["a": "$INCLUDE a\n$INCLUDE a\nx A 192.0.2.1"])
        #expect(outcome.problems.contains { $0.hasSuffix("M1507") })
        #expect(outcome.problems.count <= ZoneFileReader.diagnosticLimit + 1)
    }

    @Test func `what is shown is read back the same`() throws {
        for (text, _) in ZoneFileReaderTests.good where !text.hasPrefix("$") {
            let once = try read(text)
            let lines = once.records.map { line -> String in
                let parts = line.split(separator: " ", maxSplits: 3).map(String.init)
                return parts.joined(separator: " ")
            }
            #expect(try read(lines.joined(separator: "\n")).records == once.records)
        }
    }

    @Test func `mutated zone text never traps`() throws {
        var random = SeededRandom(seed: 11)
        let text = ZoneFileReaderTests.good.map(\.0).joined(separator: "\n")
        let include = ["other": "x A 192.0.2.2"]
        var records = 0
        for _ in 0..<1500 {
            var bytes = Array(text.utf8)
            let specials = Array("()\"\\;$@\n\t 0.".utf8)
            for _ in 0..<12 {
                let place = Int(random.next(below: UInt32(bytes.count)))
                switch random.next(below: 4) {
                case 0: bytes[place] = UInt8(random.next(below: 256))
                case 1: bytes[place] = specials[Int(random.next(below: UInt32(specials.count)))]
                case 2: bytes.remove(at: place)
                default: bytes.insert(specials[Int(random.next(below: 12))], at: place)
                }
            }
            records += try read(bytes, ttl: 60, files: include).records.count
        }
        #expect(records > 1500)
    }
}
