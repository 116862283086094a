// SPDX-License-Identifier: Apache-2.0
import Essentials
import Steering
import TestSupport
import Testing

@Suite struct PrefixTableTests {
    private static func table(
        _ rows: [(String, UInt32)],
        otherwise: UInt32 = 0
    ) -> PrefixTable {
        PrefixTable(
            rows.compactMap { text, value in Prefix(text).map { (prefix: $0, value: value) } },
            otherwise: otherwise
        )
    }

    private static func find(_ table: PrefixTable, _ text: String) throws -> [Int] {
        let match = table.find(try #require(IPAddress(text)))
        return [Int(match.value), Int(match.length), Int(match.coarseLength)]
    }

    @Test func `a match says how far its value reaches, however the networks were cut`() throws {
        let table = Self.table([
            ("10.0.0.0/9", 1), ("10.128.0.0/9", 1), ("10.1.0.0/16", 2), ("10.1.2.3/32", 1),
            ("2001:db8::/32", 3),
        ])
        #expect(try Self.find(table, "10.200.0.1") == [1, 9, 9])
        #expect(try Self.find(table, "10.0.0.1") == [1, 16, 16])
        #expect(try Self.find(table, "10.1.0.1") == [2, 23, 23])
        #expect(try Self.find(table, "10.1.2.3") == [1, 32, 32])
        #expect(try Self.find(table, "10.1.2.2") == [2, 32, 32])
        #expect(try Self.find(table, "200.0.0.1") == [0, 1, 1])
        #expect(try Self.find(table, "2001:db8:1::") == [3, 32, 32])
        #expect(try Self.find(table, "fe80::1") == [0, 1, 1])
    }

    @Test func `what is uniform everywhere has length 0 for everybody`() throws {
        let tables = [
            Self.table([], otherwise: 7),
            Self.table([("0.0.0.0/1", 7), ("128.0.0.0/1", 7), ("2001::/32", 9), ("::/0", 7)]),
        ]
        for table in tables {
            for text in ["192.0.2.1", "2001:db8::1", "2002::1", "::ffff:1.2.3.4", "2001::1"] {
                #expect(try Self.find(table, text) == [7, 0, 0], "\(text)")
            }
        }
    }

    @Test func `clients behind translators and tunnels are where their IPv4 address is`() throws {
        let table = Self.table([("192.0.2.0/24", 4), ("::/0", 6), ("2002::/16", 9)])
        #expect(try Self.find(table, "::ffff:192.0.2.7") == [4, 120, 120])
        #expect(try Self.find(table, "64:ff9b::192.0.2.7") == [4, 120, 120])
        #expect(try Self.find(table, "2002:c000:0207:5::1") == [4, 40, 40])
        // 192.0.2.7 inverted.
        #expect(try Self.find(table, "2001:0:102:304:0:ffff:3fff:fdf8") == [4, 120, 120])
        #expect(try Self.find(table, "2002:100::") == [0, 17, 17])
        #expect(try Self.find(table, "64:ff9b:1::192.0.2.7") == [6, 48, 48])
        #expect(try Self.find(table, "2003::1") == [6, 16, 16])
        #expect(try Self.find(table, "2001:1::1") == [6, 32, 32])
    }

    @Test func `one value for IPv4 and another for IPv6 leave whole ranges`() throws {
        let table = Self.table([("0.0.0.0/0", 4), ("::/0", 6)])
        #expect(try Self.find(table, "1.2.3.4") == [4, 0, 0])
        #expect(try Self.find(table, "2002:1::") == [4, 16, 16])
        #expect(try Self.find(table, "2001:0:1::") == [4, 32, 32])
        #expect(try Self.find(table, "::ffff:1.2.3.4") == [4, 96, 96])
    }

    @Test func `of two entries for a network the later counts, whatever the order of the others`()
        throws
    {
        let rows: [(String, UInt32)] = [("10.0.0.0/8", 1), ("10.0.0.0/8", 2), ("9.0.0.0/8", 3)]
        #expect(try Self.find(Self.table(rows), "10.0.0.1") == [2, 8, 8])
        #expect(try Self.find(Self.table(rows), "9.0.0.1") == [3, 8, 8])
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6])
    func `random networks have the values and the reach of a plain list`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let entries = PrefixModel.random(
            &random,
            count: 300,
            values: seed.isMultiple(of: 2) ? 3 : 40,
            v4: seed != 5
        )
        let model = PrefixModel(entries, otherwise: 1)
        let table = PrefixTable(entries, otherwise: 1)
        var wrong: [String] = []
        for address in model.probes(&random) {
            let match = table.find(address)
            guard let block = Prefix(address, length: Int(match.length)) else { continue }
            if match.value != model.value(address) { wrong.append("\(address): \(match)") }
            if model.values(in: block).count != 1 { wrong.append("\(block) has several values") }
            if let parent = Prefix(address, length: block.length - 1),
                model.values(in: parent).count == 1
            {
                wrong.append("\(block) is not the largest")
            }
        }
        #expect(wrong.isEmpty, "seed \(seed): \(wrong.prefix(5))")
    }

    @Test(arguments: [(7, true), (8, false)])
    func `networks in a corner of the addresses are found as well`(seed: UInt64, isIPv4: Bool) {
        var random = SeededRandom(seed: seed)
        var entries: [(prefix: Prefix, value: UInt32)] = []
        // Hundreds beside each other, and a few at the far end.
        for number in 0..<300 as Range<UInt32> {
            let near = random.next(below: 1 << 14) << 4
            let bits = number % 50 == 0 ? UInt32.max - (near & 0xff) : 0x0a00_0000 | near
            let address =
                isIPv4
                ? IPAddress(v4: bits)
                : IPAddress(v6: UInt128(bits) << 16 | 0x20 << 120)
            let length = address.bitWidth - (isIPv4 ? 4 : 20)
            guard let prefix = Prefix(address, length: length) else { continue }
            entries.append((prefix, number % 5))
        }
        let model = PrefixModel(entries, otherwise: 9)
        let table = PrefixTable(entries, otherwise: 9)
        for address in model.probes(&random) {
            #expect(table.find(address).value == model.value(address), "\(address)")
        }
    }

    @Test(arguments: [11, 12])
    func `the blocks cover the addresses once, in order`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let entries = PrefixModel.random(&random, count: 400, values: 3)
        let table = PrefixTable(entries, otherwise: 0)
        var next: (v4: UInt128, v6: UInt128) = (0, 0)
        var isWhole = true
        for (prefix, value) in table.blocks {
            let match = table.find(prefix.address)
            #expect(Int(match.length) == prefix.length && match.value == value, "\(prefix)")
            let size: UInt128 = 1 << UInt128(min(prefix.address.bitWidth - prefix.length, 127))
            if prefix.address.isIPv4 {
                isWhole = isWhole && next.v4 == prefix.address.bits
                next.v4 += size
            } else {
                for range in PrefixModel.ranges where range.prefix.address.bits == next.v6 {
                    next.v6 += 1 << UInt128(128 - range.prefix.length)
                }
                isWhole = isWhole && next.v6 == prefix.address.bits
                next.v6 &+= size
            }
        }
        #expect(isWhole && next.v4 == 1 << 32 && next.v6 == 0, "seed \(seed)")
    }

    @Test(arguments: [21, 22, 23])
    func `a refinement has the combined values, their reach, and that of the coarse key`(
        seed: UInt64
    ) {
        var random = SeededRandom(seed: seed)
        let lists = (0..<3).map { _ in PrefixModel.random(&random, count: 60, values: 3) }
        // A third list without IPv4 leaves that uniform in its table.
        let all = [lists[0], lists[1], lists[2].filter { !$0.prefix.address.isIPv4 }]
        let models = all.map { PrefixModel($0, otherwise: 0) }
        var asked: [[UInt32]] = []
        let combine = { (tuple: [UInt32]) in (tuple[0] * 4 + tuple[1] * 2 + tuple[2]) % 7 }
        let coarse = { (value: UInt32) in value / (seed == 23 ? 7 : 3) }
        let table = PrefixTable(
            refining: all.map { PrefixTable($0, otherwise: 0) },
            combine: { tuple in
                asked.append(tuple)
                return combine(tuple)
            },
            coarse: coarse
        )
        #expect(Set(asked).count == asked.count)
        var wrong: [String] = []
        let joint = PrefixModel(joining: models, combine)
        for address in joint.probes(&random) {
            let match = table.find(address)
            if match.value != joint.value(address) {
                wrong.append("\(address): \(match)")
            }
            for (length, key) in [
                (match.length, { $0 }), (match.coarseLength, coarse),
            ] as [(UInt8, (UInt32) -> UInt32)] {
                guard let block = Prefix(address, length: Int(length)) else { continue }
                if Set(joint.values(in: block).map(key)).count != 1 {
                    wrong.append("\(block) of \(address) is not uniform")
                }
                if let parent = Prefix(address, length: Int(length) - 1),
                    Set(joint.values(in: parent).map(key)).count == 1
                {
                    wrong.append("\(block) of \(address) is not the largest")
                }
            }
            if match.coarseLength > match.length { wrong.append("\(address): \(match)") }
        }
        #expect(wrong.isEmpty, "seed \(seed): \(wrong.prefix(5))")
    }

    @Test func `a large table finds the same as a small one`() {
        var random = SeededRandom(seed: 31)
        var rows: [(prefix: Prefix, value: UInt32)] = []
        for index in 0..<20_000 {
            let bits = UInt32(truncatingIfNeeded: random.next())
            let (v4, v6) = (IPAddress(v4: bits), IPAddress(v6: 0x2a << 120 | UInt128(bits) << 80))
            if let prefix = Prefix(v4, length: 24) { rows.append((prefix, UInt32(index))) }
            if let prefix = Prefix(v6, length: 48) { rows.append((prefix, UInt32(index))) }
        }
        let table = PrefixTable(rows, otherwise: .max)
        var expected: [Prefix: UInt32] = [:]
        for row in rows { expected[row.prefix] = row.value }
        let wrong = expected.filter { prefix, value in
            table.find(prefix.address).value != value
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(3))")
        #expect(table.runCount > 60_000)
    }

    @Test func `networks in order make the same table as a list, and others are refused`() {
        var random = SeededRandom(seed: 41)
        let entries = PrefixModel.random(&random, count: 300, values: 5)
        let table = PrefixTable(entries, otherwise: 2)
        var writer = PrefixTableWriter(otherwise: 2)
        for block in table.blocks where block.value != 2 {
            let isTaken = writer.append(block.prefix, block.value)
            let isTakenTwice = writer.append(block.prefix, 9)
            #expect(isTaken && !isTakenTwice)
        }
        let written = writer.finish()
        #expect(
            written.blocks.map { "\($0.prefix) \($0.value)" }
                == table.blocks.map { "\($0.prefix) \($0.value)" }
        )
    }
}
