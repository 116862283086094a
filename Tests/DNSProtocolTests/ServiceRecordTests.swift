// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

/// SVCB and HTTPS in zone files: RFC 9460 with its test vectors, RFC 9461, RFC 9540.
@Suite struct ServiceRecordTests {
    /// The data of the one record of a text, and what is wrong with it.
    func read(_ text: String) throws -> (data: [UInt8]?, type: RecordType, problems: [String]) {
        var reader = ZoneFileReader(
            Array(text.utf8),
            file: "zone",
            origin: try #require(DomainName("example.com")),
            defaultTTL: 60
        )
        let data = reader.next() ? reader.data : nil
        let type = reader.type
        while reader.next() {}
        let problems = reader.diagnostics.map {
            "\($0.position.line):\($0.position.column) \($0.code) \($0.message)"
        }
        return (data, type, problems)
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.compactMap(ASCII.hexDigit)
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    static let org = "03666f6f 076578616d706c65 036f7267 00"
    static let com = "03666f6f 076578616d706c65 03636f6d 00"

    /// Appendix D.1 and D.2 of RFC 9460.
    static let vectors: [(String, String)] = [
        ("HTTPS 0 foo.example.com.", "0000 \(com)"),
        ("SVCB 1 .", "0001 00"),
        ("SVCB 16 foo.example.com. port=53", "0010 \(com) 0003 0002 0035"),
        ("SVCB 1 foo.example.com. key667=hello", "0001 \(com) 029b 0005 68656c6c6f"),
        (
            #"SVCB 1 foo.example.com. key667="hello\210qoo""#,
            "0001 \(com) 029b 0009 68656c6c6f d2 716f6f"
        ),
        (
            "SVCB 1 foo.example.com. (\n ipv6hint=\"2001:db8::1,2001:db8::53:1\" )",
            """
            0001 \(com) 0006 0020 20010db8000000000000000000000001
            20010db8000000000000000000530001
            """
        ),
        (
            "SVCB 1 example.com. (\n ipv6hint=\"2001:db8:122:344::192.0.2.33\" )",
            "0001 076578616d706c6503636f6d00 0006 0010 20010db80122034400000000c0000221"
        ),
        (
            "SVCB 16 foo.example.org. (\n alpn=h2,h3-19 mandatory=ipv4hint,alpn\n"
                + "ipv4hint=192.0.2.1\n)",
            "0010 \(org) 0000 0004 0001 0004 0001 0009 02 6832 05 68332d3139 0004 0004 c0000201"
        ),
        (
            #"SVCB 16 foo.example.org. alpn="f\\\\oo\\,bar,h2""#,
            "0010 \(org) 0001 000c 08 665c6f6f2c626172 02 6832"
        ),
        (
            #"SVCB 16 foo.example.org. alpn=f\\\092oo\092,bar,h2"#,
            "0010 \(org) 0001 000c 08 665c6f6f2c626172 02 6832"
        ),
    ]

    /// Beyond the vectors: every key, the forms of values, keys by number.
    static let more: [(String, String)] = [
        ("HTTPS 1 .", "0001 00"), ("HTTPS 0 .", "0000 00"),
        ("https 1 foo.example.com.", "0001 \(com)"),
        ("SVCB 1 foo", "0001 \(com)"), ("SVCB 1 @", "0001 076578616d706c6503636f6d00"),
        ("HTTPS 1 . alpn=h3 no-default-alpn", "0001 00 0001 0003 026833 0002 0000"),
        ("HTTPS 1 . no-default-alpn= alpn=h3", "0001 00 0001 0003 026833 0002 0000"),
        ("HTTPS 1 . alpn=h3 no-default-alpn=\"\"", "0001 00 0001 0003 026833 0002 0000"),
        (
            "HTTPS 1 . port=\"8443\" ipv4hint=\"192.0.2.1\"",
            "0001 00 0003 0002 20fb 0004 0004 c0000201"
        ),
        ("HTTPS 1 . ech=AAEC/w==", "0001 00 0005 0004 000102ff"),
        ("HTTPS 1 . ech=\"AAEC/w==\"", "0001 00 0005 0004 000102ff"),
        ("SVCB 1 . dohpath=/q{?dns}", "0001 00 0007 0008 2f717b3f646e737d"),
        ("SVCB 1 . ohttp", "0001 00 0008 0000"),
        ("SVCB 1 . key9", "0001 00 0009 0000"), ("SVCB 1 . key65534=x", "0001 00 fffe 0001 78"),
        (#"SVCB 1 . key3="\000\053""#, "0001 00 0003 0002 0035"),
        (#"SVCB 1 . key1=\002h2"#, "0001 00 0001 0003 026832"),
        ("SVCB 1 . key667=a=b", "0001 00 029b 0003 613d62"),
        (#"SVCB 1 . key667="a b;(c)""#, "0001 00 029b 0007 6120623b286329"),
        ("SVCB 1 . mandatory=key667 key667", "0001 00 0000 0002 029b 029b 0000"),
        (
            "SVCB 1 . mandatory=port,key667,alpn alpn=a key667=x port=1",
            "0001 00 0000 0006 0001 0003 029b 0001 0002 0161 0003 0002 0001 029b 0001 78"
        ),
        // An alias may have parameters, which clients ignore (RFC 9460 §2.4.2).
        ("HTTPS 0 foo port=1", "0000 \(com) 0003 0002 0001"),
        (##"HTTPS \# 10 0001 00 0001 0003 026832"##, "0001 00 0001 0003 026832"),
        (##"TYPE65 \# 3 0001 00"##, "0001 00"), ("TYPE64 1 . port=53", "0001 00 0003 0002 0035"),
    ]

    @Test(arguments: (vectors + more).indices)
    func `services go to the wire as RFC 9460 has them, and are shown as they are read`(
        index: Int
    ) throws {
        let (text, hex) = (ServiceRecordTests.vectors + ServiceRecordTests.more)[index]
        let found = try read("@ " + text)
        #expect(found.problems == [], "\(text)")
        let data = try #require(found.data)
        #expect(data == ServiceRecordTests.bytes(hex), "\(text)")
        let shown = RecordText.data(found.type, data.span)
        #expect(!shown.hasPrefix("\\#"), "\(shown)")
        #expect(try read("@ \(found.type) \(shown)").data == data, "\(shown)")
        let generic = "\\# \(data.count) " + data.map { hexadecimal($0) }.joined()
        #expect(try read("@ TYPE\(found.type.rawValue) \(generic)").data == data)
    }

    func hexadecimal(_ octet: UInt8) -> String {
        (octet < 16 ? "0" : "") + String(octet, radix: 16)
    }

    @Test func `what is shown is what dig shows`() throws {
        let texts = [
            "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1",
            #"1 . alpn="f\\\\oo\\,bar,h2""#, "0 foo.example.com.", "1 .",
            "1 . alpn=\"h2\" no-default-alpn port=8443 ech=AAEC/w== ipv6hint=2001:db8::1,::",
            #"1 . key667="hello\210qoo" key668"#, "1 . dohpath=\"/q{?dns}\" ohttp",
        ]
        for text in texts {
            let data = try #require(try read("@ SVCB " + text).data)
            #expect(RecordText.data(.SVCB, data.span) == text)
        }
    }

    /// Appendix D.3 of RFC 9460, then what else cannot be.
    static let faults: [(String, String)] = [
        ("key123=abc key123=def", "1:31 M1515 key123 stands twice"),
        ("mandatory", "1:20 M1515 mandatory needs a value"),
        ("alpn", "1:20 M1515 alpn needs a value"), ("port", "1:20 M1515 port needs a value"),
        ("ipv4hint", "1:20 M1515 ipv4hint needs a value"),
        ("ipv6hint", "1:20 M1515 ipv6hint needs a value"),
        ("no-default-alpn=abc", "1:20 M1515 no-default-alpn: it takes no value"),
        ("mandatory=key123", "1:20 M1515 key123 is mandatory and not there"),
        ("mandatory=mandatory", "1:20 M1515 mandatory: it cannot list itself"),
        ("mandatory=key123,key123 key123=abc", "1:20 M1515 mandatory: key123 stands twice"),
        ("no-default-alpn", "1:20 M1515 no-default-alpn needs alpn"),
        ("port=1 alpn=,h2", "1:27 M1515 alpn: an item is empty"),
        ("alpn=h2,", "1:20 M1515 alpn: an item is empty"),
        (#"alpn="f\oo" alpn=x"#, "1:32 M1515 alpn stands twice"),
        (#"alpn="f\\oo""#, #"1:20 M1503 alpn: inside a list '\' stands before ',' or '\' only"#),
        (
            #"alpn="a\256""#,
            #"1:20 M1503 '\' is followed by no character and no number up to 255"#
        ),
        (
            "alpn=" + String(repeating: "x", count: 256),
            "1:20 M1515 alpn: an item has more than 255 octets"
        ),
        ("port=65536", "1:20 M1515 '65536' is not a port up to 65535"),
        (#"port=\053"#, #"1:20 M1515 '\053' is not a port up to 65535"#),
        (
            "ipv4hint=192.0.2.1,2001:db8::1",
            "1:20 M1515 ipv4hint: '2001:db8::1' is not an IPv4 address"
        ),
        ("ipv4hint=192.0.2.1,", "1:20 M1515 ipv4hint: an item is empty"),
        ("ipv6hint=192.0.2.1", "1:20 M1515 ipv6hint: '192.0.2.1' is not an IPv6 address"),
        // RFC 9460 §7.3, §8: these have no escapes.
        (#"ipv4hint=192.0.2.\049"#, #"1:20 M1503 ipv4hint: its value is written without '\'"#),
        (#"ipv6hint="\050::1""#, #"1:20 M1503 ipv6hint: its value is written without '\'"#),
        (
            #"mandatory=po\rt port=1"#, #"1:20 M1503 mandatory: its value is written without '\'"#
        ),
        ("ech=AAE", "1:20 M1515 ech: its value is not base64"),
        ("ech=", "1:20 M1515 ech: it needs a value"),
        ("ohttp=1", "1:20 M1515 ohttp: it takes no value"),
        ("dohpath=q{?dns}", "1:20 M1515 dohpath: its value begins with '/'"),
        (
            "dohpath=/q",
            "1:20 M1515 dohpath: its template has no variable 'dns', as in '/dns-query{?dns}'"
        ),
        (#"dohpath="/\255{?dns}""#, "1:20 M1515 dohpath: its value is not UTF-8"),
        ("ALPN=h2", "1:20 M1515 keys are written in small letters: 'alpn'"),
        ("apln=h2", "1:20 M1515 'apln' is no parameter; one without a name is written keyNUMBER"),
        (
            "key065=x",
            "1:20 M1515 'key065' is no parameter; one without a name is written keyNUMBER"
        ),
        (
            "key65535=x",
            "1:20 M1515 'key65535' is no parameter; one without a name is written keyNUMBER"
        ),
        ("key3=443", "1:20 M1515 port: its value is one number"),
        ("=h2", "1:20 M1515 '' is no parameter; one without a name is written keyNUMBER"),
        ("\"alpn=h2\"", "1:20 M1515 only the value of a parameter stands in quotes, not its key"),
        ("alpn=h2\"x\"", "1:20 M1515 a value is quoted as a whole, as in alpn=\"h2,h3\""),
        ("alpn\"h2\"", "1:20 M1515 a value is quoted as a whole, as in alpn=\"h2,h3\""),
        ("alpn=\"h2\"port=1", "1:20 M1515 a blank is missing behind the value"),
        (
            "key700=x mandatory=nothing",
            "1:29 M1515 mandatory: 'nothing' is no parameter; one without a name is written keyNUMBER"
        ),
    ]

    @Test(arguments: faults.indices)
    func `what RFC 9460 forbids is refused at its place`(index: Int) throws {
        let (text, problem) = ServiceRecordTests.faults[index]
        let found = try read("@ SVCB 1 foo.test. " + text)
        #expect(found.data == nil, "\(text)")
        #expect(found.problems == [problem], "\(text)")
    }

    static let heads: [(String, String)] = [
        ("SVCB", "1:3 M1514"), ("HTTPS 1", "1:3 M1514"), ("HTTPS . 1", "1:9 M1515"),
        ("SVCB 65536 .", "1:8 M1515"), ("SVCB 1 a..b", "1:10 M1508"),
        (##"SVCB \# 2 0001"##, "1:3 M1516"), (##"SVCB \# 6 0001 00 000300"##, "1:3 M1516"),
    ]

    @Test func `priority and target are needed`() throws {
        for (text, problem) in ServiceRecordTests.heads {
            let found = try read("@ " + text)
            #expect(found.problems.first?.hasPrefix(problem) == true, "\(text): \(found.problems)")
        }
    }

    static let malformed: [(String, String)] = [
        ("0003 0002 0035 0003 0002 0035", "port stands twice"),
        ("0003 0002 0035 0001 0003 026832", "the parameters are not in the order of their keys"),
        ("0003 0003 0035", "a parameter is cut off"), ("0003 00", "a parameter is cut off"),
        ("0003 0001 35", "port: its value is one number"),
        ("0001 0000", "alpn: it needs a list of protocols"),
        ("0001 0002 0268", "alpn: a protocol is cut off"),
        ("0001 0004 00026832", "alpn: a protocol is empty"),
        ("0002 0000", "no-default-alpn needs alpn"),
        ("0004 0003 c00002", "ipv4hint: an address is cut off"),
        ("0004 0000", "ipv4hint: it needs a list of addresses"),
        ("0000 0002 0003", "port is mandatory and not there"),
        (
            "0000 0004 0004 0003 0003 0002 0035 0004 0004 c0000201",
            "mandatory: its keys are not in order"
        ),
        ("0000 0004 0003 0003 0003 0002 0035", "mandatory: a key stands twice"),
        ("0000 0001 00", "mandatory: it needs a list of keys"),
        ("0005 0000", "ech: it needs a value"),
        ("ffff 0000", "key65535: the number 65535 is reserved"),
    ]

    @Test(arguments: malformed.indices)
    func `generic data is checked too`(index: Int) throws {
        let (hex, reason) = ServiceRecordTests.malformed[index]
        let data = ServiceRecordTests.bytes("0001 00" + hex)
        let text = "@ TYPE65 \\# \(data.count) \(data.map { hexadecimal($0) }.joined())"
        let message = "1:3 M1516 the octets are not data of type HTTPS: \(reason)"
        #expect(try read(text).problems == [message])
        #expect(RecordText.data(.HTTPS, data.span).hasPrefix("\\#"))
        #expect(ServiceParameters(wire: Array(data.dropFirst(3))) == nil)
    }

    @Test func `parameters are read from a text of their own`() throws {
        let read = try ServiceParameters("  alpn=\"h2,h3\"\tport=53 ")
        #expect(read.wire == ServiceRecordTests.bytes("0001 0006 026832 026833 0003 0002 0035"))
        #expect(ServiceParameters(wire: read.wire) == read)
        #expect(try ServiceParameters("") == .none)
        #expect(try ServiceParameters(#"key667="a;b""#).wire.suffix(3) == Array("a;b".utf8)[...])
        let faults = [
            ("alpn=h2;port=53", #"';' must stand in quotes or behind a '\'"#),
            ("(alpn=h2)", #"'(' must stand in quotes or behind a '\'"#),
            ("alpn=h2\nport=53", "the text has more than one line"),
            ("alpn=\"h2", "string is not closed"), ("alpn", "alpn needs a value"),
        ]
        for (text, message) in faults {
            let fault = #expect(throws: ServiceParameters.Fault.self) {
                try ServiceParameters(text)
            }
            #expect(fault?.message == message, "\(text)")
        }
    }

    @Test func `mutated data are shown and read again as they are, or refused in any form`() throws
    {
        var random = SeededRandom(seed: 9461)
        let samples = (ServiceRecordTests.vectors + ServiceRecordTests.more).map {
            ServiceRecordTests.bytes($0.1)
        }
        var (taken, refused) = (0, 0)
        for round in 0..<6000 {
            var data = samples[round % samples.count]
            for _ in 0..<1 + random.next(below: 2) {
                let place = Int(random.next(below: UInt32(data.count)))
                switch random.next(below: 3) {
                case 0: data[place] = UInt8(random.next(below: 256))
                case 1 where data.count > 1: data.remove(at: place)
                default: data.insert(UInt8(random.next(below: 9)), at: place)
                }
            }
            let shown = RecordText.data(.SVCB, data.span)
            let found = try read("@ SVCB " + shown)
            if shown.hasPrefix("\\#") {
                refused += 1
                #expect(found.data == nil && found.problems.count == 1, "\(shown)")
            } else {
                taken += 1
                #expect(found.data == data && found.problems == [], "\(shown)")
            }
        }
        #expect(taken > 600 && refused > 600)
    }

    @Test func `mutated parameters never trap, and what is taken is well formed`() throws {
        var random = SeededRandom(seed: 9460)
        let texts = (ServiceRecordTests.vectors + ServiceRecordTests.more).map(\.0)
        var taken = 0
        for round in 0..<6000 {
            var bytes = Array(texts[round % texts.count].utf8)
            for _ in 0..<2 {
                let place = Int(random.next(below: UInt32(bytes.count)))
                switch random.next(below: 3) {
                case 0: bytes[place] = UInt8(random.next(below: 256))
                case 1: bytes.remove(at: place)
                default:
                    bytes.insert(
                        Array(",=\"\\ 0123456789k".utf8)[Int(random.next(below: 16))],
                        at: place
                    )
                }
            }
            let found = try? read("@ " + String(decoding: bytes, as: UTF8.self))
            guard let data = found?.data, let type = found?.type, type.isService else { continue }
            taken += 1
            #expect(!RecordText.data(type, data.span).hasPrefix("\\#"))
        }
        #expect(taken > 600)
    }
}
