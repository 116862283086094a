// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

/// What the kernel's own run of the program says to frames; where the kernel may be asked.
@Suite struct PacketFilterTests {
    static let places = [
        "192.0.2.53:53", "192.0.2.53:5300", "[2001:db8::53]:53",
    ].compactMap { SocketAddress($0) }

    /// True for a frame that is taken.
    func isTaken(_ frames: [[UInt8]]) throws -> [Bool]? {
        do throws(PacketRefusal) {
            return try PacketFilter.isTaken(
                frames,
                hardware: FrameFixture.server,
                places: PacketFilterTests.places
            )
        } catch {
            guard error.isForbidden else { throw error }
            return nil
        }
    }

    @Test func `datagrams for the listener are taken, and nothing else is`() throws {
        func with(_ base: FrameFixture, _ change: (inout FrameFixture) -> Void) -> [UInt8] {
            var fixture = base
            change(&fixture)
            return fixture.bytes
        }
        let four = FrameFixture()
        let taken: [[UInt8]] = [
            four.bytes, FrameFixture.ipv6.bytes, with(four) { $0.destinationPort = 5300 },
            with(four) { $0.data = [] }, with(four) { $0.fragment = 0 },
            with(four) { $0.padding = 40 }, with(.ipv6) { $0.data = [] },
        ]
        let passed: [[UInt8]] = [
            with(four) { $0.destinationPort = 54 }, with(.ipv6) { $0.destinationPort = 5300 },
            with(four) { $0.destination = "192.0.2.54" },
            with(.ipv6) { $0.destination = "2001:db8::54" },
            with(four) { $0.to[5] = 1 }, with(four) { $0.to[0] = 0 },
            with(four) { $0.to = [255, 255, 255, 255, 255, 255] },
            with(four) { $0.fragment = 0x2000 }, with(four) { $0.fragment = 1 },
            with(four) { $0.versionAndLength = 0x46 }, with(four) { $0.proto = 6 },
            with(four) { $0.type = 0x0806 }, with(four) { $0.type = 0x8100 },
            with(.ipv6) { $0.proto = 44 }, with(.ipv6) { $0.proto = 6 },
            with(.ipv6) { $0.versionAndLength = 0x40 },
            Array(FrameFixture.ipv6.bytes.prefix(61)), Array(four.bytes.prefix(41)),
        ]
        guard let verdicts = try isTaken(taken + passed) else { return }
        #expect(verdicts == taken.map { _ in true } + passed.map { _ in false })
    }

    @Test func `the key of a place has both families in one form`() throws {
        let four = try #require(SocketAddress("192.0.2.53:53"))
        #expect(
            PacketFilter.key(four)
                == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 53, 0, 53, 0, 0]
        )
        let six = try #require(SocketAddress("[2001:db8::1]:5300"))
        #expect(PacketFilter.key(six).prefix(4) == [0x20, 1, 0x0d, 0xb8])
        #expect(PacketFilter.key(six).suffix(5) == [1, 0x14, 0xb4, 0, 0])
    }

    @Test func `an interface that is not there is refused with its reason`() {
        let order = PacketOrder(interface: "none-such0", mode: nil, queues: nil, places: [])
        #expect(throws: PacketRefusal(.interface, SystemError(code: 19))) {
            try PacketPort.open(order)
        }
        let long = String(repeating: "x", count: 40)
        let other = PacketOrder(interface: long, mode: nil, queues: nil, places: [])
        #expect(throws: PacketRefusal(.interface, SystemError(code: 19))) {
            try PacketPort.open(other)
        }
        let loopback = PacketOrder(interface: "lo", mode: nil, queues: nil, places: [])
        #expect(throws: PacketRefusal(.interface, SystemError(code: 93))) {
            try PacketPort.open(loopback)
        }
    }
}
