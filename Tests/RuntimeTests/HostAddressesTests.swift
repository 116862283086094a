// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Runtime

@Suite struct HostAddressesTests {
    static let entries: [HostAddresses.Entry] = [
        ("eth0", "192.0.2.1"), ("eth0", "2001:db8::1"), ("eth0.7", "198.51.100.1"),
        ("lo", "203.0.113.53"), ("eth1", "192.0.2.129"),
    ].compactMap { name, text in
        IPAddress(text).map { HostAddresses.Entry(interface: name, ip: $0) }
    }

    func places(_ wanted: [String]) -> [String] {
        HostAddresses.expand(
            wanted.compactMap { SocketAddress($0) },
            at: "eth0",
            HostAddressesTests.entries,
            above: ["eth0.7"]
        ).map { "\($0)" }.sorted()
    }

    @Test func `all addresses are those of the machine, but for interfaces above`() {
        #expect(
            places(["[::]:53"]) == [
                "192.0.2.129:53", "192.0.2.1:53", "203.0.113.53:53", "[2001:db8::1]:53",
            ]
        )
        #expect(
            places(["0.0.0.0:53"]) == ["192.0.2.129:53", "192.0.2.1:53", "203.0.113.53:53"]
        )
    }

    @Test func `an address is itself, unless no frame at the interface is for it`() {
        #expect(places(["192.0.2.1:53", "192.0.2.1:53"]) == ["192.0.2.1:53"])
        #expect(places(["198.51.100.1:53"]) == [])
        #expect(places(["127.0.0.1:53", "[::1]:53"]) == [])
    }

    @Test func `what there is has no address of the loopback kind`() {
        let all = HostAddresses.all()
        #expect(all.allSatisfy { $0 != IPAddress("127.0.0.1") && $0 != IPAddress("::1") })
        #expect(HostAddresses.above("lo", among: ["lo", "none-such0"]).isEmpty)
    }
}
