// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

@Suite struct FrameTests {
    func fault(_ fixture: FrameFixture) -> FrameFault? { fault(fixture.bytes) }

    func fault(_ bytes: [UInt8]) -> FrameFault? {
        guard case .failure(let fault) = Frame.read(bytes.span) else { return nil }
        return fault
    }

    func answer(_ question: [UInt8], _ data: [UInt8], room: Int = 2048) throws -> [UInt8] {
        let frame = try Frame.read(question.span).get()
        var bytes = [UInt8](repeating: 0xaa, count: room)
        bytes.replaceSubrange(frame.headCount..<frame.headCount + data.count, with: data)
        var span = bytes.mutableSpan
        let count = frame.writeHead(answering: question.span, dataCount: data.count, into: &span)
        return Array(bytes.prefix(count))
    }

    @Test(arguments: [FrameFixture(), .ipv6])
    func `a datagram is found in its frame`(fixture: FrameFixture) throws {
        for padding in [0, 1, 18] {
            var fixture = fixture
            fixture.padding = padding
            let frame = try Frame.read(fixture.bytes.span).get()
            #expect(frame.isIPv4 == fixture.isIPv4)
            #expect(frame.headCount == (fixture.isIPv4 ? 42 : 62))
            #expect(frame.dataCount == fixture.data.count)
            #expect(frame.source.ip == IPAddress(fixture.source))
            #expect(frame.source.port == 40_000)
            #expect(frame.destination.ip == IPAddress(fixture.destination))
            #expect(frame.destination.port == 53)
        }
    }

    @Test(arguments: [FrameFixture(), .ipv6])
    func `a frame that is cut anywhere is dropped`(fixture: FrameFixture) {
        let bytes = fixture.bytes
        for count in 0..<bytes.count {
            #expect(fault(Array(bytes.prefix(count))) == .malformed, "\(count) octets")
        }
        #expect(fault(bytes) == nil)
    }

    @Test(arguments: [FrameFixture(), .ipv6])
    func `lengths that do not fit each other are seen`(fixture: FrameFixture) {
        let head = fixture.isIPv4 ? 20 : 0
        let right = fixture.data.count + 8
        for ip in [0, 1, head, head + 7, head + right + 1, 0xffff] {
            var wrong = fixture
            wrong.ipLength = ip
            #expect(fault(wrong) == .malformed, "IP length \(ip)")
        }
        for udp in [0, 7, right + 1, 0xffff] {
            var wrong = fixture
            wrong.udpLength = udp
            #expect(fault(wrong) == .malformed, "UDP length \(udp)")
        }
        // Octets of IP behind the datagram are no part of it.
        var short = fixture
        short.udpLength = right - 3
        #expect((try? Frame.read(short.bytes.span).get())?.dataCount == right - 11)
    }

    @Test func `what is no whole datagram of UDP is none of ours`() {
        for (name, change) in [
            ("fragment", { $0.fragment = 0x2000 }), ("last fragment", { $0.fragment = 0x00b9 }),
            ("options", { $0.versionAndLength = 0x46 }),
            ("version", { $0.versionAndLength = 0x65 }),
            ("TCP", { $0.proto = 6 }), ("ARP", { $0.type = 0x0806 }),
            ("VLAN", { $0.type = 0x8100 }),
        ] as [(String, (inout FrameFixture) -> Void)] {
            var fixture = FrameFixture()
            change(&fixture)
            #expect(fault(fixture) == .malformed, "\(name)")
        }
        for proto in [0, 6, 43, 44, 60] as [UInt8] {
            var fixture = FrameFixture.ipv6
            fixture.proto = proto
            #expect(fault(fixture) == .malformed, "next header \(proto)")
        }
    }

    @Test(arguments: [FrameFixture(), .ipv6])
    func `every changed octet of a datagram is told by its checksum`(fixture: FrameFixture) {
        let bytes = fixture.bytes
        // Of IPv6 the traffic class, flow label and hop limit stand in no sum.
        let free: Set<Int> = fixture.isIPv4 ? [] : [14, 15, 16, 17, 21]
        for place in 14..<bytes.count where !free.contains(place) {
            var changed = bytes
            changed[place] ^= 0x10
            #expect(fault(changed) != nil, "octet \(place)")
        }
    }

    @Test func `checksums are held to RFC 768 and RFC 8200`() {
        for base in [FrameFixture(), .ipv6] {
            var wrong = base
            wrong.udpChecksum = 0x1234
            #expect(fault(wrong) == .checksum)
            var none = base
            none.udpChecksum = 0
            #expect(fault(none) == (base.isIPv4 ? nil : .checksum), "zero: none over IPv4 alone")
            // What a sender on the same machine leaves for a card to finish.
            var partial = base
            partial.isPartial = true
            #expect(fault(partial) == nil)
            partial.data = []
            #expect(fault(partial) == nil)
        }
        var damaged = FrameFixture()
        damaged.damagesIPv4 = true
        #expect(fault(damaged) == .checksum)
    }

    @Test func `a checksum that comes out as zero is all ones`() throws {
        // Two octets that make the sum of everything else 0xffff.
        var fixture = FrameFixture()
        fixture.data = [0, 0]
        fixture.udpChecksum = 0
        let bytes = fixture.bytes
        let sum = FrameFixture.sum(fixture.pseudoHead + bytes[34...])
        fixture.data = FrameFixture.octets(~sum)
        fixture.udpChecksum = nil
        let question = fixture.bytes
        #expect(question[40..<42] == [0xff, 0xff])
        #expect(fault(question) == nil)
        let answer = try answer(question, fixture.data)
        #expect(answer[40..<42] == [0xff, 0xff])
    }

    @Test func `nobody is answered who cannot have asked`() {
        for source in [
            "0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        ] {
            var fixture = FrameFixture()
            fixture.source = source
            #expect(fault(fixture) == .source, "\(source)")
        }
        for source in ["::", "::1", "ff02::1"] {
            var fixture = FrameFixture.ipv6
            fixture.source = source
            #expect(fault(fixture) == .source, "\(source)")
        }
        for fixture in [FrameFixture(), .ipv6] {
            var fixture = fixture
            fixture.source = fixture.destination
            #expect(fault(fixture) == .source, "our own address")
        }
        var port = FrameFixture()
        port.port = 0
        #expect(fault(port) == .source)
        var group = FrameFixture()
        group.from[0] |= 1
        #expect(fault(group) == .source)
    }

    @Test(arguments: [FrameFixture(), .ipv6])
    func `an answer goes back where the question came from`(fixture: FrameFixture) throws {
        for count in [0, 1, 2, 11, 12, 512, 1232, 1452] {
            let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
            let bytes = try answer(fixture.bytes, data)
            let back = try Frame.read(bytes.span).get()
            #expect(back.source.ip == IPAddress(fixture.destination) && back.source.port == 53)
            #expect(back.destination.ip == IPAddress(fixture.source))
            #expect(back.destination.port == 40_000)
            #expect(bytes[0..<6] == FrameFixture.client[...])
            #expect(bytes[6..<12] == FrameFixture.server[...])
            #expect(Array(bytes[back.headCount...]) == data)
            // Against sums made another way.
            var same = fixture
            (same.from, same.to) = (fixture.to, fixture.from)
            (same.source, same.destination) = (fixture.destination, fixture.source)
            (same.port, same.destinationPort) = (53, 40_000)
            same.data = data
            let udp = fixture.isIPv4 ? 34 : 54
            #expect(bytes[udp...] == same.bytes[udp...], "\(count) octets")
            if fixture.isIPv4 { #expect(FrameFixture.sum(Array(bytes[14..<34])) == 0xffff) }
        }
    }

    @Test func `an answer that does not fit is none`() throws {
        #expect(try answer(FrameFixture().bytes, [1, 2, 3], room: 45).count == 45)
        let question = FrameFixture().bytes
        let frame = try Frame.read(question.span).get()
        for (room, count) in [(44, 3), (0, 0), (2048, -1), (2048, 70_000)] {
            var bytes = [UInt8](repeating: 0, count: room)
            var span = bytes.mutableSpan
            let whole = frame.writeHead(answering: question.span, dataCount: count, into: &span)
            #expect(whole == 0)
        }
    }

    @Test func `no octets do harm`() {
        var random = SeededRandom(seed: 9)
        var passed = 0
        for round in 0..<60_000 {
            var bytes: [UInt8]
            if round % 3 == 0 {
                bytes = (0..<Int(random.next() % 200)).map { _ in UInt8(random.next() & 0xff) }
            } else {
                bytes = (round % 3 == 1 ? FrameFixture() : .ipv6).bytes
                for _ in 0..<Int(random.next() % 4) {
                    bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() & 0xff)
                }
                if random.next() % 4 == 0 {
                    bytes.removeLast(Int(random.next() % UInt64(bytes.count)))
                }
            }
            guard case .success(let frame) = Frame.read(bytes.span) else { continue }
            passed += 1
            #expect(frame.headCount + frame.dataCount <= bytes.count)
            var answer = [UInt8](repeating: 0, count: 100)
            var span = answer.mutableSpan
            _ = frame.writeHead(answering: bytes.span, dataCount: 20, into: &span)
            // Its sums are right whatever it answers; its sender may be one that nobody answers.
            let told = fault(answer)
            #expect(told == nil || told == .source)
        }
        #expect(passed > 5_000)
    }
}
