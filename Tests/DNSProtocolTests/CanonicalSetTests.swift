// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

/// The form of record sets that signatures are made of (RFC 4034 §6).
@Suite struct CanonicalSetTests {
    // A message with one question and records of one set; owners are pointers to the question.
    static func message(_ owner: String, _ type: RecordType, _ data: [[UInt8]]) -> [UInt8] {
        let words: [UInt8] = [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 1]
        var bytes: [UInt8] = [0, 0, 0x84, 0, 0, 1]
        bytes += [UInt8(data.count >> 8), UInt8(data.count & 255), 0, 0, 0, 0]
        bytes += (DomainName(owner)?.wire ?? []) + words
        for item in data {
            bytes += [0xc0, 12] + words + [0, 0, 14, 16, UInt8(item.count >> 8)]
            bytes += [UInt8(item.count & 255)] + item
        }
        return bytes
    }

    static func form(
        _ owner: String,
        _ type: RecordType,
        _ data: [[UInt8]],
        capacity: Int = 1 << 16
    ) -> (labels: UInt8, bytes: [UInt8])? {
        let message = message(owner, type, data)
        let base = 16 + (DomainName(owner)?.wire.count ?? 0)
        let head = SignatureHead(
            covered: type,
            algorithm: 13,
            originalTTL: 7,
            expiration: 2,
            inception: 1,
            keyTag: 99
        )
        var set: CanonicalSet?
        let scratch = [UInt8](capacity: capacity) { (scratch: inout OutputSpan<UInt8>) in
            set = CanonicalSet(
                message.span,
                from: base,
                head: head,
                signer: [2, 0x65, 0x78, 0].span,
                into: &scratch
            )
        }
        return set.map { ($0.head.labels, $0.signedBytes(scratch.span)) }
    }

    // The data of the records, each behind the same head, taken apart again.
    static func data(_ owner: String, _ type: RecordType, _ data: [[UInt8]]) throws -> [[UInt8]] {
        let bytes = try #require(form(owner, type, data)).bytes
        let name = try #require(DomainName(owner)).lowercased.wire
        var rest = bytes.dropFirst(22)
        var found: [[UInt8]] = []
        while !rest.isEmpty {
            #expect(Array(rest.prefix(name.count)) == name)
            rest = rest.dropFirst(name.count)
            let head: [UInt8] = [
                UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 1, 0, 0, 0, 7,
            ]
            #expect(Array(rest.prefix(8)) == head)
            rest = rest.dropFirst(8)
            let length = rest.prefix(2).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(2)
            found.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return found
    }

    @Test func `records are put in order, and copies left out`() throws {
        let set: [[UInt8]] = [[9, 9, 9, 9], [1, 2, 3, 4], [9, 9, 9, 9], [1, 2, 3, 3]]
        let found = try CanonicalSetTests.data("A.Ex", .A, set)
        #expect(found == [[1, 2, 3, 3], [1, 2, 3, 4], [9, 9, 9, 9]])
        // §6.3: a missing octet comes before any other.
        let texts: [[UInt8]] = [[1, 2, 0], [1, 2], [1]]
        #expect(try CanonicalSetTests.data("ex", RecordType(10), texts) == texts.reversed())
    }

    @Test(arguments: [1, 2, 63, 64, 65, 500])
    func `any number of records is put in order`(count: Int) throws {
        var random = SeededRandom(seed: UInt64(count))
        let set = (0..<count).map { index in
            [UInt8(index >> 8), UInt8(index & 255), UInt8(random.next(below: 256)), 0]
        }
        var shuffled = set
        for index in shuffled.indices.dropFirst() {
            shuffled.swapAt(index, Int(random.next(below: UInt32(index + 1))))
        }
        #expect(try CanonicalSetTests.data("a.ex", .A, shuffled) == set)
    }

    @Test func `names in data are written out in lower case where the list says so`() throws {
        // MX with a pointer to the owner in mixed case.
        let mail = try CanonicalSetTests.data("MaiL.Ex", .MX, [[0, 10, 0xc0, 12]])
        let lower: [UInt8] = [4, 0x6d, 0x61, 0x69, 0x6c, 2, 0x65, 0x78, 0]
        #expect(mail == [[0, 10] + lower])
        let upper: [UInt8] = [2, 0x45, 0x58, 0]
        let srv = try CanonicalSetTests.data("a.ex", .SRV, [[0, 1, 0, 2, 0, 3] + upper])
        #expect(srv == [[0, 1, 0, 2, 0, 3, 2, 0x65, 0x78, 0]])
        let naptr: [UInt8] = [0, 1, 0, 2, 1, 0x53, 0, 1, 0x41]
        #expect(
            try CanonicalSetTests.data("a.ex", .NAPTR, [naptr + upper])
                == [naptr + [2, 0x65, 0x78, 0]]
        )
        // RFC 6840 §5.1, RFC 9460: these keep their case.
        for (type, data) in [
            (RecordType.NSEC, upper + [0, 1, 0x40]), (.HTTPS, [0, 1] + upper), (.TXT, [1, 0x41]),
        ] {
            #expect(try CanonicalSetTests.data("a.ex", type, [data]) == [data])
        }
    }

    // §3.1.3, also with the examples there.
    @Test(arguments: [
        ("www.example.com", 3), ("*.example.com", 2), ("example.com", 2), (".", 0), ("*", 0),
        ("a.*.example.com", 4),
    ])
    func `labels are counted without a leading asterisk`(owner: String, labels: UInt8) throws {
        let found = try #require(CanonicalSetTests.form(owner, .A, [[1, 2, 3, 4]]))
        #expect(found.labels == labels)
        #expect(found.bytes[3] == labels)
    }

    @Test func `what is malformed, or has no room, is not signed`() {
        #expect(CanonicalSetTests.form("a.ex", .A, []) == nil)
        // A pointer to itself, one forwards, a name over the end.
        #expect(CanonicalSetTests.form("a.ex", .NS, [[0xc0, 34]]) == nil)
        #expect(CanonicalSetTests.form("a.ex", .NS, [[0xc1, 0]]) == nil)
        #expect(CanonicalSetTests.form("a.ex", .NS, [[5, 1]]) == nil)
        #expect(CanonicalSetTests.form("a.ex", .MX, [[0]]) == nil)
        #expect(CanonicalSetTests.form("a.ex", .NAPTR, [[0, 1, 0, 2, 9]]) == nil)
        let good: [[UInt8]] = [[1, 2, 3, 4], [4, 3, 2, 1]]
        let size = try? #require(CanonicalSetTests.form("a.ex", .A, good)).bytes.count
        #expect(size != nil)
        for capacity in 0..<45 {
            #expect(CanonicalSetTests.form("a.ex", .A, good, capacity: capacity) == nil)
        }
    }
}
