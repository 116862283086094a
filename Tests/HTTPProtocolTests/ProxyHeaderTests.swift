// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import HTTPProtocol

private func read(_ text: String) -> ProxyHeaderResult { ProxyHeader.read(Array(text.utf8).span) }

private let mark: [UInt8] = [
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
]

/// A header of version 2 with these parts behind its mark.
private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8]) -> [UInt8] {
    mark + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 255)] + rest
}

private let fourAddresses: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 7, 0xdb, 0x34, 0x01, 0xbb]
private let sixAddresses: [UInt8] =
    [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
    + [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [2] + [0xdb, 0x34, 0x01, 0xbb]

@Suite struct ProxyHeaderTests {
    @Test func `a line of version 1 names both ends`() throws {
        let text = "PROXY TCP4 192.0.2.1 198.51.100.7 56116 443\r\nGET / HTTP/1.1\r\n"
        let expected = ProxyHeader(
            length: 45,
            source: SocketAddress("192.0.2.1:56116"),
            destination: SocketAddress("198.51.100.7:443")
        )
        #expect(read(text) == .complete(expected))
        let six = "PROXY TCP6 2001:db8::1 2001:db8::2 56116 443\r\n"
        let other = ProxyHeader(
            length: six.utf8.count,
            source: SocketAddress("[2001:db8::1]:56116"),
            destination: SocketAddress("[2001:db8::2]:443")
        )
        #expect(read(six) == .complete(other))
    }

    // The worst cases of the specification, §2.1.
    @Test(arguments: [
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", 56),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                + "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", 104
        ),
    ])
    func `the longest lines are read`(text: String, length: Int) {
        guard case .complete(let header) = read(text) else {
            Issue.record("not read: \(text)")
            return
        }
        #expect(header.length == length)
        #expect(header.source?.port == 65_535)
    }

    @Test(arguments: [
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
    ])
    func `an unknown client is nobody, whatever else is said`(text: String) {
        #expect(read(text) == .complete(ProxyHeader(length: text.utf8.count)))
    }

    @Test(arguments: [
        "PROXY TCP4 192.0.2.1 198.51.100.7 56116\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 56116 443 \r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.7 56116 443\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.7 56116 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 056116 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 65536 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 56116 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.7 56116 443\r ",
        "PROXY TCP4 2001:db8::1 198.51.100.7 56116 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.7 56116 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.7 56116 443\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.7 56116 443\r\n",
        "PROXY \r\n", "PROXY UNKNOWN\n", "PROXY TCP4 \u{0}\r\n",
    ])
    func `a line that breaks a rule is malformed`(text: String) {
        #expect(read(text) == .malformed)
    }

    @Test func `a line ends within 107 octets`() {
        let head = "PROXY UNKNOWN "
        let longest = head + String(repeating: "x", count: 107 - head.utf8.count - 2) + "\r\n"
        #expect(read(longest) == .complete(ProxyHeader(length: 107)))
        #expect(ProxyHeader.read(Array(longest.utf8.dropLast()).span) == .needMore)
        let tooLong = head + String(repeating: "x", count: 108 - head.utf8.count - 2) + "\r\n"
        #expect(read(tooLong) == .malformed)
        #expect(read(head + String(repeating: "x", count: 500)) == .malformed)
    }

    @Test func `version 2 names both ends`() {
        let four = binary(0x21, 0x11, fourAddresses)
        let expected = ProxyHeader(
            length: 28,
            source: SocketAddress("192.0.2.1:56116"),
            destination: SocketAddress("198.51.100.7:443")
        )
        #expect(ProxyHeader.read((four + [0x16, 0x03]).span) == .complete(expected))
        let six = binary(0x21, 0x21, sixAddresses)
        let other = ProxyHeader(
            length: 52,
            source: SocketAddress("[2001:db8::1]:56116"),
            destination: SocketAddress("[2001:db8::2]:443")
        )
        #expect(ProxyHeader.read(six.span) == .complete(other))
    }

    @Test func `a proxy that speaks for itself names nobody`() {
        let plain = binary(0x20, 0x00, [])
        #expect(ProxyHeader.read(plain.span) == .complete(ProxyHeader(length: 16, isLocal: true)))
        // Whatever stands behind LOCAL is passed over, addresses and nonsense alike.
        let other = binary(0x20, 0x77, fourAddresses + [1, 2])
        #expect(ProxyHeader.read(other.span) == .complete(ProxyHeader(length: 30, isLocal: true)))
        let unspecified = binary(0x21, 0x00, [])
        #expect(ProxyHeader.read(unspecified.span) == .complete(ProxyHeader(length: 16)))
        let unix = binary(0x21, 0x31, [UInt8](repeating: 0x2f, count: 216))
        #expect(ProxyHeader.read(unix.span) == .complete(ProxyHeader(length: 232)))
    }

    @Test(arguments: [
        binary(0x11, 0x11, fourAddresses),  // another version
        binary(0x22, 0x11, fourAddresses),  // no command
        binary(0x21, 0x12, fourAddresses),  // datagrams
        binary(0x21, 0x41, fourAddresses),  // no family
        binary(0x21, 0x11, Array(fourAddresses.dropLast())),  // shorter than its addresses
        binary(0x21, 0x21, fourAddresses),
        binary(0x21, 0x11, fourAddresses + [0x04]),  // half a part
        binary(0x21, 0x11, fourAddresses + [0x04, 0, 2, 1]),  // a part beyond the end
        binary(0x21, 0x11, fourAddresses + [0x03, 0, 2, 1, 1]),  // a checksum of two octets
        binary(0x21, 0x11, fourAddresses + [0x03, 0, 4, 1, 2, 3, 4]),  // a wrong one
    ])
    func `a block that breaks a rule is malformed`(bytes: [UInt8]) {
        #expect(ProxyHeader.read(bytes.span) == .malformed)
    }

    @Test func `parts are passed over, and a right checksum is taken`() {
        let noted = binary(0x21, 0x11, fourAddresses + [0x04, 0, 3, 9, 9, 9, 0x01, 0, 0])
        #expect(ProxyHeader.read(noted.span).length == 37)
        // By a table of CRC-32C made in another way: from the reversed polynomial, octet by octet.
        var table = [UInt32](repeating: 0, count: 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
            table[index] = value
        }
        func crc(_ bytes: [UInt8]) -> UInt32 {
            ~bytes.reduce(UInt32.max) { $0 >> 8 ^ table[Int(($0 ^ UInt32($1)) & 255)] }
        }
        #expect(crc(Array("123456789".utf8)) == 0xE306_9283)  // the check value of CRC-32C
        var summed = binary(0x21, 0x11, fourAddresses + [0x03, 0, 4, 0, 0, 0, 0])
        let sum = crc(summed)
        for index in 0..<4 {
            summed[31 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - index * 8))
        }
        #expect(ProxyHeader.read(summed.span).length == 35)
        summed[20] ^= 1
        #expect(ProxyHeader.read(summed.span) == .malformed)
    }

    @Test func `a header is no longer than the limit`() {
        let most = ProxyHeader.limit - 16 - 12 - 3
        let filler = [UInt8](repeating: 0, count: most)
        let part: [UInt8] = [0x04, UInt8(most >> 8), UInt8(most & 255)]
        let longest = binary(0x21, 0x11, fourAddresses + part + filler)
        #expect(ProxyHeader.read(longest.span).length == ProxyHeader.limit)
        let tooLong = binary(0x21, 0x11, fourAddresses + part + filler + [0])
        // Said by its length alone: nobody waits for bytes that are not wanted.
        #expect(ProxyHeader.read(Array(tooLong.prefix(16)).span) == .malformed)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "P", "PRO", "PRI * HTTP/2.0\r\n\r\n", "PROXY", "PROXYTCP4",
        "\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\n", "\u{16}\u{3}\u{1}",
    ])
    func `what is no header is told apart from the beginning of one`(text: String) {
        let isBeginning = "PROXY ".hasPrefix(text) || text == "\r\n\r\n"
        #expect(read(text) == (isBeginning ? .needMore : .absent))
    }

    @Test func `every beginning of a header wants more, and ends where the whole does`() {
        let headers = [
            Array("PROXY TCP4 192.0.2.1 198.51.100.7 56116 443\r\n".utf8),
            binary(0x21, 0x11, fourAddresses + [0x04, 0, 1, 7]), binary(0x21, 0x21, sixAddresses),
        ]
        for header in headers {
            for count in 0..<header.count {
                #expect(ProxyHeader.read(Array(header.prefix(count)).span) == .needMore)
            }
            #expect(ProxyHeader.read((header + header).span).length == header.count)
        }
    }

    @Test func `mutated headers are judged inside their bytes`() {
        var random = SeededRandom(seed: 7)
        let headers = [
            Array("PROXY TCP6 2001:db8::1 ::ffff:198.51.100.7 56116 443\r\n".utf8),
            binary(0x21, 0x21, sixAddresses + [0x04, 0, 1, 7, 0x20, 0, 5, 1, 0, 0, 0, 0]),
        ]
        for _ in 0..<20_000 {
            var bytes = headers[Int(random.next() % 2)]
            for _ in 0...(random.next() % 3) {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 3 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                }
            }
            let result = ProxyHeader.read(bytes.span)
            if let length = result.length { #expect(length <= bytes.count && length > 0) }
            // A verdict does not change with what follows.
            if result != .needMore { #expect(ProxyHeader.read((bytes + [0]).span) == result) }
        }
    }

    @Test(arguments: [ProxyVersion.v1, .v2])
    func `what is written is read`(version: ProxyVersion) throws {
        let four = try #require(SocketAddress("192.0.2.1:56116"))
        let six = try #require(SocketAddress("[2001:db8::1]:443"))
        for (source, destination) in [(four, four), (six, six), (four, six), (six, four)] {
            let bytes = [UInt8](capacity: 256) {
                $0.writeProxyHeader(version, source: source, destination: destination)
            }
            let expected = ProxyHeader(
                length: bytes.count,
                source: source,
                destination: destination
            )
            #expect(ProxyHeader.read(bytes.span) == .complete(expected))
            for room in 0..<bytes.count {
                let short = [UInt8](capacity: room) {
                    $0.writeProxyHeader(version, source: source, destination: destination)
                }
                #expect(short.count < bytes.count)
            }
        }
        let own = [UInt8](capacity: 64) { $0.writeProxyHeader(ofOwn: version) }
        let plain = ProxyHeader(length: own.count, isLocal: version == .v2)
        #expect(ProxyHeader.read(own.span) == .complete(plain))
    }
}

extension ProxyHeaderResult {
    /// Bytes of the header; nil without a whole one.
    fileprivate var length: Int? {
        if case .complete(let header) = self { return header.length }
        return nil
    }
}
