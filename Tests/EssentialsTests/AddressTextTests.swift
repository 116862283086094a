// SPDX-License-Identifier: Apache-2.0
import Essentials
import Glibc
import Testing

@Suite struct AddressTextTests {
    @Test func `addresses are read as the C library reads them`() {
        var random = SeededRandom(seed: 3)
        let seeds = [
            "192.0.2.1", "255.255.255.255", "2001:db8::1", "::", "::ffff:192.0.2.1",
            "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3::6:1.2.3.4",
        ]
        let alphabet = Array("0123456789abcdefF:.g ".utf8)
        for round in 0..<60_000 {
            var bytes = Array(seeds[round % seeds.count].utf8)
            for _ in 0..<Int(random.next() % 4) where !bytes.isEmpty {
                let place = Int(random.next() % UInt64(bytes.count))
                let byte = alphabet[Int(random.next() % UInt64(alphabet.count))]
                switch random.next() % 3 {
                case 0: bytes[place] = byte
                case 1: bytes.remove(at: place)
                default: bytes.insert(byte, at: place)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(IPAddress(bytes.span) == reference(text), "\(text)")
        }
    }

    private func reference(_ text: String) -> IPAddress? {
        var four = in_addr()
        if unsafe inet_pton(AF_INET, text, &four) == 1 {
            return IPAddress(v4: UInt32(bigEndian: four.s_addr))
        }
        var six = in6_addr()
        guard unsafe inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        let parts = unsafe six.__in6_u.__u6_addr32
        let words = [parts.0, parts.1, parts.2, parts.3]
        let bits = words.reduce(UInt128(0)) { $0 << 32 | UInt128(UInt32(bigEndian: $1)) }
        return IPAddress(v6: bits)
    }
}
