// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@Suite struct ByteWordTests {
    @Test func `all octets are folded as they are one by one, beside any neighbour`() {
        var random = SeededRandom(seed: 1)
        for octet in 0...255 as ClosedRange<UInt8> {
            for place in 0..<8 {
                var octets = (0..<8).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                octets[place] = octet
                guard let word = octets.span.word(at: 0) else { continue }
                let folded = ASCII.lowercased(word: word)
                let each = (0..<8).map { UInt8(truncatingIfNeeded: folded >> UInt64($0 * 8)) }
                #expect(each == octets.map(ASCII.lowercased), "\(octets)")
            }
        }
    }

    @Test func `a word is read where there are eight octets, and nowhere else`() {
        let octets = Array(0..<20 as Range<UInt8>)
        func word(_ start: Int) -> UInt64? { octets.span.word(at: start) }
        #expect(word(0) == 0x0706_0504_0302_0100 && word(12) == 0x1312_1110_0f0e_0d0c)
        for start in [-1, 13, .max, .min] { #expect(word(start) == nil) }
        let none = Span<UInt8>().word(at: 0)
        #expect(none == nil)
    }

    @Test func `numbers are written in network order, or not at all`() {
        for room in 0...9 {
            var done: [Bool] = []
            let bytes = (0..<3).map { kind in
                [UInt8](capacity: room) { (output: inout OutputSpan<UInt8>) in
                    switch kind {
                    case 0: done.append(output.write(uint16: 0x0102))
                    case 1: done.append(output.write(uint32: 0x0102_0304))
                    default: done.append(output.write(uint64: 0x0102_0304_0506_0708))
                    }
                }
            }
            #expect(done == [room >= 2, room >= 4, room >= 8])
            #expect(bytes == zip(done, [2, 4, 8]).map { $0 ? Array(1...$1) : [] })
        }
    }

    @Test(arguments: ["192.0.2.53", "2001:db8:1:2:3:4:5:6", "0.0.0.0", "::"])
    func `addresses are written as far as asked for`(text: String) throws {
        let address = try #require(IPAddress(text))
        let octets = (0..<address.byteCount).map { address.byte($0) }
        for count in 0...address.byteCount {
            let bytes = [UInt8](capacity: 16) { (output: inout OutputSpan<UInt8>) in
                output.write(octets: count, of: address)
            }
            #expect(bytes == Array(octets[..<count]))
        }
        _ = [UInt8](capacity: 32) { (output: inout OutputSpan<UInt8>) in
            for count in [-1, address.byteCount + 1, .max, .min] {
                let isWritten = output.write(octets: count, of: address)
                #expect(!isWritten)
            }
        }
    }
}
