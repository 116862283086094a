// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime

/// Frames made field by field, with checksums added octet by octet: nothing of the code under test.
struct FrameFixture {
    static let client: [UInt8] = [0x02, 0, 0, 0, 0, 0x0a]
    static let server: [UInt8] = [0x02, 0, 0, 0, 0, 0x0b]

    var isIPv4 = true
    var from: [UInt8] = FrameFixture.client
    var to: [UInt8] = FrameFixture.server
    var source = "192.0.2.1"
    var destination = "192.0.2.53"
    var port: UInt16 = 40_000
    var destinationPort: UInt16 = 53
    var data = Array("some octets".utf8)
    /// Octets behind the packet, as short frames have.
    var padding = 0
    var fragment: UInt16 = 0x4000
    var versionAndLength: UInt8?
    var proto: UInt8 = 17
    var type: UInt16?
    /// Lengths other than the right ones.
    var ipLength: Int?
    var udpLength: Int?
    var udpChecksum: UInt16?
    /// Leaves the sum of the pseudo header in the place of the checksum, as offloading does.
    var isPartial = false
    var damagesIPv4 = false

    static let ipv6 = FrameFixture(
        isIPv4: false,
        source: "2001:db8::1",
        destination: "2001:db8::53"
    )

    static func octets(_ number: UInt16) -> [UInt8] {
        [UInt8(number >> 8), UInt8(number & 0xff)]
    }

    static func octets(_ address: String) -> [UInt8] {
        let ip = IPAddress(address) ?? IPAddress(v4: 0)
        return (0..<ip.byteCount).map { ip.byte($0) }
    }

    /// The ones' complement sum of octets in pairs (RFC 1071), the plain way.
    static func sum(_ bytes: [UInt8]) -> UInt16 {
        var sum = 0
        var place = 0
        while place < bytes.count {
            let low = place + 1 < bytes.count ? Int(bytes[place + 1]) : 0
            sum += Int(bytes[place]) * 256 + low
            if sum > 0xffff { sum -= 0xffff }
            place += 2
        }
        return UInt16(sum)
    }

    var pseudoHead: [UInt8] {
        let length = UInt16(udpLength ?? data.count + 8)
        return FrameFixture.octets(source) + FrameFixture.octets(destination) + [0, 17]
            + FrameFixture.octets(length)
    }

    var bytes: [UInt8] {
        let length = udpLength ?? data.count + 8
        var udp = FrameFixture.octets(port) + FrameFixture.octets(destinationPort)
        udp += FrameFixture.octets(UInt16(length)) + [0, 0] + data
        var check = ~FrameFixture.sum(pseudoHead + udp.prefix(length))
        if check == 0 { check = 0xffff }
        if isPartial { check = FrameFixture.sum(pseudoHead) }
        udp.replaceSubrange(6..<8, with: FrameFixture.octets(udpChecksum ?? check))
        let ethernet = to + from + FrameFixture.octets(type ?? (isIPv4 ? 0x0800 : 0x86dd))
        return ethernet + (isIPv4 ? ipv4(udp.count) : ipv6(udp.count)) + udp
            + [UInt8](repeating: 0xee, count: padding)
    }

    private func ipv4(_ count: Int) -> [UInt8] {
        var head: [UInt8] = [versionAndLength ?? 0x45, 0]
        head += FrameFixture.octets(UInt16(ipLength ?? count + 20)) + [0x12, 0x34]
        head += FrameFixture.octets(fragment) + [57, proto, 0, 0]
        head += FrameFixture.octets(source) + FrameFixture.octets(destination)
        let check = ~FrameFixture.sum(head) ^ (damagesIPv4 ? 1 : 0)
        head.replaceSubrange(10..<12, with: FrameFixture.octets(check))
        return head
    }

    private func ipv6(_ count: Int) -> [UInt8] {
        [versionAndLength ?? 0x60, 1, 2, 3] + FrameFixture.octets(UInt16(ipLength ?? count))
            + [proto, 57] + FrameFixture.octets(source) + FrameFixture.octets(destination)
    }
}
