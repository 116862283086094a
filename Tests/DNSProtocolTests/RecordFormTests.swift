// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Foundation
import Testing

/// The data of every record type, in text and on the wire.
@Suite struct RecordFormTests {
    /// A line of the captures: `MX 10 a. => 000A016100`.
    struct Sample: Sendable, CustomTestStringConvertible {
        var text: String
        var wire: [UInt8]
        /// BIND sees it otherwise.
        var isOurs: Bool

        var type: String { String(text.prefix { $0 != " " }) }
        var testDescription: String { text }
    }

    static func lines(_ name: String) -> [String] {
        var parts = #filePath.split(separator: "/")
        parts.removeLast(2)
        let path = "/" + parts.joined(separator: "/") + "/Captures/dns/\(name).txt"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }

    static let good: [Sample] = lines("records").compactMap { line in
        guard let sign = line.range(of: " =>", options: .backwards) else { return nil }
        let rest = line[sign.upperBound...]
        return Sample(
            text: String(line[..<sign.lowerBound]),
            wire: bytes(rest.filter(\.isHexDigit)),
            isOurs: rest.hasPrefix("!")
        )
    }

    static let bad: [Sample] = lines("records-malformed").map { line in
        let isOurs = line.hasPrefix("! ")
        return Sample(text: String(line.dropFirst(isOurs ? 2 : 0)), wire: [], isOurs: isOurs)
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.compactMap(ASCII.hexDigit)
        return stride(from: 0, to: digits.count - 1, by: 2).map {
            digits[$0] << 4 | digits[$0 + 1]
        }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String(format: "%02X", $0) }.joined()
    }

    /// The records of a text whose names are whole, and what was wrong with it.
    static func read(_ text: String) -> (data: [(RecordType, [UInt8])], problems: [String]) {
        var reader = ZoneFileReader(
            Array(text.utf8),
            file: "zone",
            origin: .root,
            defaultTTL: 60
        )
        var data: [(RecordType, [UInt8])] = []
        while reader.next() { data.append((reader.type, reader.data)) }
        return (data, reader.diagnostics.map(\.description))
    }

    // DNAME has a form, and zones with one are refused for another reason.
    static let served = good.filter { $0.type != "DNAME" }

    @Test func `the captures are there`() {
        #expect(RecordFormTests.good.count > 140)
        #expect(RecordFormTests.bad.count > 150)
        #expect(Set(RecordFormTests.good.map(\.type)).count >= 68)
    }

    @Test(arguments: served)
    func `text becomes the data that go over the wire`(sample: Sample) throws {
        let outcome = RecordFormTests.read("a \(sample.text)")
        #expect(outcome.problems == [])
        let record = try #require(outcome.data.first)
        #expect("\(record.0)" == sample.type)
        #expect(RecordFormTests.hex(record.1) == RecordFormTests.hex(sample.wire))
    }

    @Test(arguments: good)
    func `what is shown is read back as the same data`(sample: Sample) throws {
        let type = try #require(RecordType(sample.type))
        let shown = RecordText.data(type, sample.wire.span)
        #expect(!shown.hasPrefix("\\#"), "\(sample.text) is shown as \(shown)")
        guard sample.type != "DNAME" else { return }
        let outcome = RecordFormTests.read("a \(sample.type) \(shown)")
        #expect(outcome.data.first?.1 == sample.wire, "\(sample.text) is shown as \(shown)")
    }

    @Test(arguments: served)
    func `the generic form of a known type is checked`(sample: Sample) throws {
        let type = try #require(RecordType(sample.type))
        let whole = "a TYPE\(type.rawValue) \\# \(sample.wire.count) "
        let outcome = RecordFormTests.read(whole + RecordFormTests.hex(sample.wire))
        #expect(outcome.data.first?.1 == sample.wire)
    }

    @Test(arguments: bad)
    func `malformed data are refused`(sample: Sample) {
        let outcome = RecordFormTests.read("a \(sample.text)")
        #expect(outcome.data.isEmpty)
        #expect(outcome.problems.count == 1)
    }

    @Test
    func `data that are cut off or mutated never trap, and are shown so that they can be read`() {
        var random = SeededRandom(seed: 5)
        var readable = 0
        for sample in RecordFormTests.served {
            guard let type = RecordType(sample.type) else { continue }
            for _ in 0..<60 {
                var wire = sample.wire
                switch random.next(below: 3) {
                case 0: wire = Array(wire.prefix(Int(random.next(below: UInt32(wire.count + 1)))))
                case 1: wire.append(UInt8(random.next(below: 256)))
                default: break
                }
                if !wire.isEmpty {
                    let place = Int(random.next(below: UInt32(wire.count)))
                    wire[place] = UInt8(random.next(below: 256))
                }
                let shown = RecordText.data(type, wire.span)
                let back = RecordFormTests.read("a \(sample.type) \(shown)").data.first?.1
                guard back != nil || !shown.hasPrefix("\\#") else { continue }
                #expect(back == wire, "\(type) \(RecordFormTests.hex(wire)) is shown as \(shown)")
                readable += 1
            }
        }
        #expect(readable > 2000)
    }

    @Test func `names fold in the types of RFC 4034 6,2 and in no other`() throws {
        let folded = [
            ("NS A.b.", "NS a.b."), ("SOA A. B. 1 2 3 4 5", "SOA a. b. 1 2 3 4 5"),
            ("DNAME A.b.", "DNAME a.b."), ("NAPTR 1 2 S T U Xy.", "NAPTR 1 2 S T U xy."),
            ("SRV 1 2 3 A.", "SRV 1 2 3 a."),
            (
                "RRSIG A 8 1 60 2 1 7 Ab. QUJD", "RRSIG A 8 1 60 2 1 7 ab. QUJD"
            ),
        ]
        for (upper, lower) in folded {
            let (a, b) = (RecordFormTests.read("x \(upper)"), RecordFormTests.read("x \(lower)"))
            let (first, second) = (try #require(a.data.first), try #require(b.data.first))
            #expect(CanonicalData.bytes(first.0, first.1.span) == second.1, "\(upper)")
        }
        for kept in ["NSEC Ab. A", "SVCB 1 Ab.", "TXT Ab", "LP 1 Ab.", "DSYNC CDS 1 1 Ab."] {
            let record = try #require(RecordFormTests.read("x \(kept)").data.first)
            #expect(CanonicalData.bytes(record.0, record.1.span) == record.1, "\(kept)")
        }
    }
}
