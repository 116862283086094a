// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Foundation
import Testing

/// BIND's `named-compilezone`, which reads a zone file and writes it out in full.
enum ZoneCompiler {
    static let path = "/usr/bin/named-compilezone"
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: path) }
    static let head = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns.\n"

    /// What each text holds, in the text of BIND; nil where BIND refuses it.
    static func outputs(_ texts: [String]) throws -> [String?] {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("martlet-zones-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (number, text) in texts.enumerated() {
            let file = folder.appendingPathComponent("\(number).zone")
            try Data((head + text).utf8).write(to: file)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.currentDirectoryURL = folder
        let lax = "-q -k ignore -n ignore -m ignore -r ignore -i none -M ignore -S ignore -T ignore"
        process.arguments = [
            "-c",
            """
            for zone in *.zone; do
              timeout 20 \(path) \(lax) -s full -o $zone.out example.com $zone >$zone.log 2>&1 &&
                ! grep -q ignoring $zone.log || rm -f $zone.out
            done
            """,
        ]
        try process.run()
        process.waitUntilExit()
        return texts.indices.map { number in
            let file = folder.appendingPathComponent("\(number).zone.out")
            return (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) }
        }
    }
}

@Suite(.enabled(if: ZoneCompiler.isInstalled, "named-compilezone is not installed"))
struct ZonePeerTests {
    /// The records of a text, each as one line; nil when something is wrong with it.
    static func records(_ text: String) -> [String]? {
        guard let origin = DomainName("example.com") else { return nil }
        var reader = ZoneFileReader(Array(text.utf8), file: "zone", origin: origin)
        var found: Set<String> = []
        while reader.next() {
            guard let owner = DomainName(wire: reader.owner), owner.isWithin(origin) else {
                return nil
            }
            let data = CanonicalData.bytes(reader.type, reader.data.span)
            let line = "\(owner.lowercased) \(reader.ttl) \(reader.type) "
            found.insert(line + RecordFormTests.hex(data))
        }
        return reader.diagnostics.isEmpty ? found.sorted() : nil
    }

    static let texts: [String] = [
        // Ranges, widths and bases of $GENERATE.
        "$GENERATE 1-3 h$ A 192.0.2.$\n", "$GENERATE 1-9/4 h${10,3,d} A 192.0.2.$\n",
        "$GENERATE 9-9 h$ A 192.0.2.$\n", "$GENERATE 0-10/3 h$ A 192.0.2.$\n",
        "$GENERATE 200-201 ${0,7,N} PTR x${0,4,X}${0,2,x}-${1,5,o}.\n",
        "$GENERATE 0-1 ${0,8,n}.y PTR h${0,1,n}.\n", "$GENERATE 18-19 ${0,0,n} PTR h${0}.\n",
        "$GENERATE 254-256 ${0,3,n} PTR ${0,4,n}.\n", "$GENERATE 0-1 a$$b\\$c$ CNAME t\n",
        "$GENERATE 0-1 a$ MX \"10 m$\"\n", "$GENERATE 0-1 a$ MX 10 m$\n",
        "$GENERATE 0-1 a$ 300 IN A 192.0.2.$\n", "$GENERATE 0-1 a$ IN 300 A 192.0.2.$\n",
        "$GENERATE 0-1 a$ 1h A 192.0.2.$\n", "$GENERATE 0-1 a$ TXT \"\\\"x $ y\\\" z\"\n",
        "$GENERATE 0-1 a$ TXT x$ y\n", "$GENERATE 3-1 a$ A 192.0.2.$\n",
        "$GENERATE 1-3/0 a$ A 192.0.2.$\n", "$GENERATE 1 a$ A 192.0.2.$\n",
        "$GENERATE -1-2 a$ A 192.0.2.$\n", "$GENERATE 0-2 a${-1} A 192.0.2.1\n",
        "$GENERATE 0-0 a${-1,0,x} A 192.0.2.1\n", "$GENERATE 0-0 a${-1,0,n} A 192.0.2.1\n",
        "$GENERATE 0-0 a${-12,5} A 192.0.2.1\n", "$GENERATE 0-0 a${1,2,q} A 192.0.2.1\n",
        "$GENERATE 0-0 a${1,2 A 192.0.2.1\n", "$GENERATE 0-0 a${} A 192.0.2.1\n",
        "$GENERATE 0-0 a${0,300,d} A 192.0.2.1\n", "$GENERATE 0-0 a${1,2,d}} A 192.0.2.1\n",
        "$GENERATE 0-0 a$x A 192.0.2.1\n", "$GENERATE 0-1 @ A 192.0.2.$\n",
        "b A 192.0.2.9\n$GENERATE 0-1 a$ A 192.0.2.$ ; comment\n  TXT after\n",
        "$GENERATE 0-1 a$ A\n", "$GENERATE 0-1 a$\n", "$GENERATE 255-256 a$ A 192.0.2.$\n",
        "$GENERATE 1-3 a$ HINFO \"a b\"\n", "$GENERATE 1-2 a$ CH A 1.2.3.4\n",
        "$GENERATE 0-1 x.$.y AAAA 2001:db8::${0,4,x}\n", "$generate 0-1 x.$.y A 192.0.2.$\n",
        "$GENERATE 2147483647-2147483647 x${1} A 192.0.2.1\n",
        "$GENERATE 0-2147483648 x${1} A 192.0.2.1\n", "$ORIGIN sub\n$GENERATE 1-2 a$ NS b$\n",
        "$GENERATE 1-2 a$ ( A\n192.0.2.$ )\n",
        // Owners, blanks, parentheses, comments.
        "a TXT (\n \"x\" ; one\n \"y\" )\n", "a (\n A ) 192.0.2.1\n", "( a A 192.0.2.1 )\n",
        "a ( ( A 192.0.2.1 ) )\n", "a A 192.0.2.1\n\tTXT x\n   \n TXT y\n", "  TXT first\n",
        "a A 192.0.2.1 ) \n", "a ( A 192.0.2.1\n", "a\tA\t192.0.2.1\r\nb A 192.0.2.2\r\n",
        "a A 192.0.2.1 ; no end of line", ";\n\n;x\na A 192.0.2.1;x\n", "a A 192.0.2.1(;x\n)\n",
        // Quotes and escapes.
        "a TXT \"a;b\" a\\;b \"\\\"\" \\\"\n", "a TXT \"\\065\\066\" \\067\n", "a TXT \"\\256\"\n",
        "a TXT \"open\nb\"\n", "a TXT \"open", "a TXT x\"y\"z\n", "a TXT \"x\"\"y\"\n",
        "a TXT \"\"\n",
        "\\065b A 192.0.2.1\n", "a\\.b A 192.0.2.1\n", "a\\032b A 192.0.2.1\n", "\\@ A 192.0.2.1\n",
        "a\\( A 192.0.2.1\n", "a CNAME \\@\n", "a CNAME @\n", "@ TXT @\n", "\\$x A 192.0.2.1\n",
        "a..b A 192.0.2.1\n", ".a A 192.0.2.1\n", "a TXT \\9\n", "a TXT \\12\n",
        "a\\000b A 192.0.2.1\n", "a TXT \"tab\there\"\n", "a TXT \\\\\n",
        // TTL, class and type.
        "a 5 IN A 192.0.2.1\n", "a IN 5 A 192.0.2.1\n", "a 1w2d3h4m5s A 192.0.2.1\n",
        "a IN IN A 192.0.2.1\n", "a 5 6 A 192.0.2.1\n", "a 1H A 192.0.2.1\n",
        "a CH A 192.0.2.1\n", "a CLASS1 A 192.0.2.1\n", "a TYPE1 192.0.2.1\n",
        "a type1 \\# 4 01020304\n",
        "a 2147483647 A 192.0.2.1\n", "A A 192.0.2.1\n", "IN IN A 192.0.2.1\n", "5 A 192.0.2.1\n",
        "$TTL 1h\na A 192.0.2.1\n$TTL 0\nb A 192.0.2.1\n", "$TTL\na A 192.0.2.1\n",
        "$TTL 1h2\na A 192.0.2.1\n", "a 0 A 192.0.2.1\n",
        // Directives.
        "$ORIGIN sub\na A 192.0.2.1\n$ORIGIN deep\na A 192.0.2.1\n", "$ORIGIN a b\nc A 192.0.2.1\n",
        "$ORIGIN sub.example.com.\n@ A 192.0.2.1\n", "$NOPE x\n", "$ORIGIN @\na A 192.0.2.1\n",
        "$INCLUDE missing\n", "$origin sub\na A 192.0.2.1\n", "a MX 10 @\n", "a TXT ( )\n",
    ]

    /// Where Martlet differs on purpose, and why.
    static let differing = [
        "$GENERATE 1-2 a$ ( A\n192.0.2.$ )\n": "parentheses join lines here too",
        "a TXT \"open\nb\"\n": "NSD, too, takes what RFC 1035 §5.1 says that a text can hold",
    ]

    @Test func `BIND reads the same records from the same text, or refuses it too`() throws {
        let outputs = try ZoneCompiler.outputs(ZonePeerTests.texts)
        var taken = 0
        for (text, output) in zip(ZonePeerTests.texts, outputs) {
            guard ZonePeerTests.differing[text] == nil else { continue }
            let ours = ZonePeerTests.records(ZoneCompiler.head + text)
            let theirs = output.flatMap(ZonePeerTests.records)
            #expect(ours == theirs, "\(text)")
            taken += theirs == nil ? 0 : 1
        }
        #expect(taken > 60)
    }

    @Test func `BIND reads all types of a zone to the same data`() throws {
        // BIND takes MD and MF for obsolete, and refuses zones with them.
        let left = ["SOA", "MD", "MF"]
        let samples = RecordFormTests.served.filter { !$0.isOurs && !left.contains($0.type) }
        let zone = samples.enumerated().map { "x\($0) \($1.text)\n" }.joined()
        let output = try #require(try ZoneCompiler.outputs([zone])[0])
        let ours = try #require(ZonePeerTests.records(ZoneCompiler.head + zone))
        #expect(ZonePeerTests.records(output) == ours)
        #expect(ours.count > 140)
    }
}
