// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import Essentials
import Testing

@Suite struct DNSQueryTests {
    @Test func `a plain question is read`() {
        let query = QueryBytes("WwW.example.com", .MX).read
        #expect(query.verdict == .accept)
        #expect(query.id == 0x1234)
        #expect(query.opcode == 0)
        #expect(query.type == .MX)
        #expect(query.recordClass == RecordClass.internet)
        #expect(query.name.length == 17)
        #expect(query.name.labelCount == 3)
        #expect(query.questionEnd == 12 + 17 + 4)
        #expect(!query.edns.isPresent)
        let lower = QueryBytes("www.EXAMPLE.com").read
        #expect(query.name.hash.value == lower.name.hash.value, "case does not count")
    }

    @Test func `the root is a name`() {
        let query = QueryBytes(".", .NS).read
        #expect(query.verdict == .accept)
        #expect(query.name.length == 1)
        #expect(query.name.labelCount == 0)
    }

    @Test(arguments: [0, 1, 11])
    func `what is shorter than a header is dropped`(length: Int) {
        let bytes = Array(QueryBytes().bytes.prefix(length))
        let query = DNSQuery.read(bytes.span)
        #expect(query.verdict == .drop)
    }

    @Test func `a response is dropped`() {
        #expect(QueryBytes().with { $0.flags = 0x8180 }.read.verdict == .drop)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 15] as [UInt16])
    func `other operations are not implemented`(opcode: UInt16) {
        let query = QueryBytes().with { $0.flags = opcode << 11 }.read
        #expect(query.verdict == .reject(.notImplemented))
        #expect(query.questionEnd == 12, "nothing but the header is repeated")
    }

    @Test(arguments: [1, 4, 5, 6, 15] as [UInt16])
    func `the OPT of other operations is seen, behind whatever stands before it`(opcode: UInt16) {
        let plain = QueryBytes().with { $0.flags = opcode << 11 }
        #expect(!plain.read.edns.isPresent)
        let record = [1, 0x78, 0] + plain.words([1, 1, 0, 60, 4, 0x0102, 0x0304])
        let crowded = plain.with {
            ($0.counts[1], $0.counts[2]) = (1, 2)
            $0.body += record + record + record
        }
        for message in [plain, crowded] {
            let query = message.edns(size: 4000, flags: 0x8000).read
            #expect(query.edns.isPresent && query.edns.payloadSize == 4000)
            #expect(query.verdict == .reject(.notImplemented) && !query.edns.wantsDNSSEC)
        }
        // Counted, and not there; cut short; of another owner.
        #expect(!plain.with { $0.counts[3] = 9 }.read.edns.isPresent)
        let cut = Array(crowded.edns().bytes.dropLast(3))
        #expect(!DNSQuery.read(cut.span).edns.isPresent)
        #expect(!plain.edns(owner: [1, 0x78, 0]).read.edns.isPresent)
    }

    static let malformed: [(String, QueryBytes)] = [
        ("no question", QueryBytes().with { $0.counts[0] = 0 }),
        ("two questions", QueryBytes().with { $0.counts[0] = 2 }),
        ("an answer", QueryBytes().with { $0.counts[1] = 1 }),
        ("an authority", QueryBytes().with { $0.counts[2] = 1 }),
        ("trailing octet", QueryBytes().with { $0.body.append(0) }),
        ("no type", QueryBytes().with { $0.body.removeLast(4) }),
        ("half a class", QueryBytes().with { $0.body.removeLast() }),
        ("a pointer", QueryBytes().with { $0.body = [0xc0, 0x0c, 0, 1, 0, 1] }),
        ("a pointer after a label", QueryBytes().with { $0.body = [1, 97, 0xc0, 12, 0, 1, 0, 1] }),
        ("an extended label", QueryBytes().with { $0.body = [0x41, 97, 0, 0, 1, 0, 1] }),
        ("a label over the end", QueryBytes().with { $0.body = [63, 97, 98] }),
        (
            "a name of 256 octets",
            QueryBytes().with {
                let label = [UInt8](repeating: 97, count: 63)
                $0.body = (0..<3).flatMap { _ in [63] + label } + [62] + label.dropLast()
                $0.body += [0, 0, 1, 0, 1]
            }
        ),
        ("two OPT", QueryBytes().edns().edns()),
        ("OPT below a name", QueryBytes().edns(owner: [1, 97, 0])),
        ("OPT missing", QueryBytes().with { $0.counts[3] = 1 }),
        ("OPT cut", QueryBytes().edns().with { $0.body.removeLast() }),
        ("an option over the end", QueryBytes().edns(options: [0, 10, 0, 8, 1])),
        ("half an option", QueryBytes().edns(options: [0, 10, 0])),
        (
            "five additional records",
            (0..<5).reduce(QueryBytes()) { query, _ in
                query.with {
                    $0.counts[3] += 1
                    $0.body += [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]
                }
            }
        ),
        (
            "a signature before OPT",
            QueryBytes().with {
                $0.counts[3] = 1
                $0.body += [0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0]
            }.edns()
        ),
    ]

    @Test(arguments: malformed.indices)
    func `malformed messages are refused`(index: Int) {
        let (name, query) = DNSQueryTests.malformed[index]
        #expect(query.read.verdict == .reject(.formatError), "\(name)")
    }

    @Test func `a name of 255 octets is read`() {
        let label = [UInt8](repeating: 97, count: 63)
        let query = QueryBytes().with {
            $0.body = (0..<3).flatMap { _ in [63] + label } + [61] + label.dropLast(2)
            $0.body += [0, 0, 1, 0, 1]
        }.read
        #expect(query.verdict == .accept)
        #expect(query.name.length == 255)
    }

    @Test func `EDNS is read, unknown options are not minded`() {
        let bytes = QueryBytes()
        let options = bytes.option(65_001, [1, 2, 3]) + bytes.option(10, [1, 2, 3, 4, 5, 6, 7, 8])
        let query = bytes.edns(size: 4096, flags: 0x8000, options: options).read
        #expect(query.verdict == .accept)
        #expect(query.edns.isPresent)
        #expect(query.edns.payloadSize == 4096)
        #expect(query.edns.wantsDNSSEC)
        #expect(QueryBytes().edns(size: 100).read.edns.payloadSize == 512)
    }

    @Test func `an EDNS version from the future is named`() {
        let query = QueryBytes().edns(version: 1).read
        #expect(query.verdict == .reject(.badVersion))
        #expect(query.questionEnd > 12)
    }

    @Test func `a signature is seen`() {
        let query = QueryBytes().edns().with {
            $0.counts[3] += 1
            $0.body += [1, 107, 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 2, 9, 9]
        }.read
        #expect(query.verdict == .accept)
        #expect(query.isSigned)
    }

    @Test func `an IXFR request may bring its SOA`() {
        let query = QueryBytes("example.com", .IXFR).with {
            $0.counts[2] = 1
            $0.body += [0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 1, 0]
        }.read
        #expect(query.verdict == .accept)
        #expect(query.type == .IXFR)
    }

    static let subnets: [([UInt8], String?)] = [
        ([0, 1, 24, 0, 192, 0, 2], "192.0.2.0"),
        ([0, 1, 0, 0], "0.0.0.0"),
        ([0, 1, 32, 0, 192, 0, 2, 1], "192.0.2.1"),
        ([0, 1, 20, 0, 10, 1, 0x20], "10.1.32.0"),
        ([0, 2, 48, 0, 0x20, 1, 0xd, 0xb8, 0, 1], "2001:db8:1::"),
        ([0, 2, 0, 0], "::"),
        ([0, 0, 0, 0], "0.0.0.0"),  // of no family: who is not told of (`dig +subnet=0`)
        ([0, 1, 24, 1, 192, 0, 2], nil),  // scope in a query
        ([0, 3, 24, 0, 192, 0, 2], nil),  // unknown family
        ([0, 0, 24, 0, 192, 0, 2], nil),
        ([0, 0, 0, 1], nil),
        ([1, 1, 24, 0, 192, 0, 2], nil),  // unknown family 257
        ([0, 1, 33, 0, 192, 0, 2, 1, 0], nil),  // too long a prefix
        ([0, 2, 129, 0] + [UInt8](repeating: 0, count: 17), nil),
        ([0, 1, 24, 0, 192, 0], nil),  // too few octets
        ([0, 1, 24, 0, 192, 0, 2, 0], nil),  // too many
        ([0, 1, 20, 0, 10, 1, 0x21], nil),  // a bit past the prefix
        ([0, 1, 24], nil),
        ([], nil),
    ]

    @Test(arguments: subnets.indices)
    func `client subnets are checked as RFC 7871 asks`(index: Int) {
        let (data, address) = DNSQueryTests.subnets[index]
        let bytes = QueryBytes()
        let query = bytes.edns(options: bytes.option(8, data)).read
        #expect(query.verdict == (address == nil ? .reject(.formatError) : .accept))
        #expect(query.edns.subnet.map { "\($0.address)" } == address)
    }

    @Test func `two client subnets are refused`() {
        let bytes = QueryBytes()
        let subnet = bytes.option(8, [0, 1, 0, 0])
        let query = bytes.edns(options: subnet + subnet).read
        #expect(query.verdict == .reject(.formatError))
    }

    /// A client subnet is read before what breaks the format, and none is echoed all the same.
    @Test func `no client subnet is answered to a query that breaks the format`() {
        let bytes = QueryBytes()
        let subnet = bytes.option(8, [0, 1, 24, 0, 192, 0, 2])
        let wrong = [
            bytes.edns(options: subnet + subnet), bytes.edns(options: subnet + [0, 10, 0, 9, 1]),
            bytes.edns(options: subnet).edns(), bytes.edns(options: subnet).with { $0.body += [0] },
        ]
        for query in wrong.map(\.read) {
            #expect(query.verdict == .reject(.formatError) && query.edns.isPresent)
            #expect(query.edns.subnet == nil)
        }
        #expect(bytes.edns(options: subnet).read.edns.subnet != nil)
    }

    // 50,000 mutated queries: each either reads or is refused; an out of bounds index would trap.
    @Test func `mutated queries never trap`() {
        var random = SeededRandom(seed: 7)
        let options = QueryBytes().option(8, [0, 1, 24, 0, 192, 0, 2])
        let seeds = [
            QueryBytes().bytes, QueryBytes("a.b.c.d.e.example.com", .AAAA).edns().bytes,
            QueryBytes(".", .NS).edns(flags: 0x8000, options: options).bytes,
        ]
        var accepted = 0
        for round in 0..<50_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0...random.next(below: 4) { Mutation.apply(to: &bytes, &random) }
            let query = DNSQuery.read(bytes.span)
            #expect(query.questionEnd <= max(bytes.count, 12))
            if query.verdict == .accept { accepted += 1 }
        }
        #expect(accepted > 1000 && accepted < 45_000, "the mutations are neither void nor blunt")
    }
}

/// Small changes such as a broken or hostile peer makes.
enum Mutation {
    static func apply(to bytes: inout [UInt8], _ random: inout SeededRandom) {
        guard !bytes.isEmpty else { return bytes.append(0) }
        let place = Int(random.next(below: UInt32(bytes.count)))
        switch random.next(below: 6) {
        case 0: bytes[place] ^= 1 << UInt8(random.next(below: 8))
        case 1: bytes[place] = [0, 1, 0x3f, 0x40, 0xc0, 0xff][Int(random.next(below: 6))]
        case 2: bytes.removeLast(Int(random.next(below: UInt32(bytes.count))))
        case 3: bytes.insert(UInt8(random.next(below: 256)), at: place)
        case 4: bytes.remove(at: place)
        default: bytes += bytes[place...].prefix(40)
        }
    }
}
