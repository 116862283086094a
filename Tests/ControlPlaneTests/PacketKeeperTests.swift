// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Runtime
import Testing

@testable import ControlPlane

@Suite struct PacketKeeperTests {
    static let text = """
        listeners:
          - { dns: ":53", xdp: { interface: eth0, mode: native, queues: 2 } }
          - { dns: "192.0.2.1:5300" }
        zones: { example.com: { soa: { primary: ns1.example.net, mailbox: h@example.net }, records: { "@": { ns: [ns1.example.net] } } } }
        """
    static let key = SocketKey(.dns, ListenAddress(nil, port: 53))

    func keeper(_ now: Instant = .start) throws -> PacketKeeper {
        let read = ConfigurationReader().read(Array(PacketKeeperTests.text.utf8), file: "a.yaml")
        let settings = try #require(read.configuration).settings
        let wanted = PacketKeeper.wanted(settings)
        #expect(Set(wanted.keys) == [PacketKeeperTests.key])
        let xdp = try #require(wanted[PacketKeeperTests.key])
        #expect(xdp.interface == "eth0" && xdp.mode == .native && xdp.queues == 2)
        var keeper = PacketKeeper()
        keeper.entries[PacketKeeperTests.key] = .init(settings: xdp, number: 0, triesAt: now)
        return keeper
    }

    @Test func `what was refused is tried again, ever later`() throws {
        var keeper = try keeper()
        let refusal = PacketRefusal(.attach, SystemError(code: 16))
        var now = Instant.start
        var waits: [Int64] = []
        for _ in 0..<12 {
            now = keeper.deadline
            let isNews = keeper.note(refusal, of: PacketKeeperTests.key, now: now)
            #expect(isNews == waits.isEmpty)
            waits.append((keeper.deadline - now).milliseconds)
        }
        #expect(waits.prefix(4) == [100, 200, 400, 800])
        #expect(waits.last == 60_000)
        let other = PacketRefusal(.interface, SystemError(code: 19))
        let isNews = keeper.note(other, of: PacketKeeperTests.key, now: now)
        #expect(isNews)
    }

    @Test func `what is in use is looked at, and not tried`() throws {
        var keeper = try keeper()
        #expect(keeper.deadline == .start)
        keeper.entries[PacketKeeperTests.key]?.port = PacketPort(
            mode: .generic,
            isZeroCopy: false,
            mtu: 1500,
            index: 2,
            link: .none,
            queues: []
        )
        #expect(keeper.deadline == .never)
        keeper.looksAt = Instant(nanoseconds: 5)
        #expect(keeper.deadline == Instant(nanoseconds: 5))
    }

    @Test(arguments: [
        (PacketRefusal.Step.program, 1, "M3130"), (.socket, 1, "M3130"), (.attach, 13, "M3130"),
        (.interface, 19, "M3131"), (.interface, 93, "M3131"), (.attach, 16, "M3132"),
        (.socket, 16, "M3132"), (.attach, 17, "M3132"), (.attach, 95, "M3133"),
        (.program, 22, "M3133"), (.socket, 12, "M3133"),
    ])
    func `every refusal has its code, cause and remedy`(
        step: PacketRefusal.Step,
        error: Int32,
        code: String
    ) throws {
        let refusal = PacketRefusal(step, SystemError(code: error))
        #expect(refusal.code == code)
        let text = refusal.text("eth0")
        #expect(text.contains("'eth0'") && text.contains("served by sockets"), "\(text)")
        let json = try JSONReader.read(Array(refusal.json.text().utf8))
        #expect(PacketRefusal(json: json) == refusal)
    }

    @Test func `queues survive their way to another process`() throws {
        let descriptors = (10..<15).map { FileDescriptor(raw: $0) }
        let port = PacketPort(
            mode: .native,
            isZeroCopy: true,
            mtu: 1500,
            index: 7,
            link: descriptors[0],
            queues: [
                PacketQueue(number: 0, socket: descriptors[1], memory: descriptors[2]),
                PacketQueue(number: 3, socket: descriptors[3], memory: descriptors[4]),
            ]
        )
        #expect(port.descriptors == descriptors)
        let json = try JSONReader.read(Array(port.json.text().utf8))
        let read = try #require(PacketPort(json: json, descriptors: descriptors))
        #expect(read.queues == port.queues && read.link == port.link && read.mode == .native)
        #expect(read.isZeroCopy && read.mtu == 1500 && read.index == 7)
        #expect(PacketPort(json: json, descriptors: Array(descriptors.dropLast())) == nil)
        #expect(PacketPort(json: [:], descriptors: descriptors) == nil)
    }

    @Test func `only an interface of the configuration is given`() throws {
        let reply = PacketGrant.answer(PacketKeeperTests.key, nil, [])
        #expect(reply.json["error"] != nil && reply.descriptors.isEmpty)
        guard case .failure = PacketGrant.read(reply) else {
            Issue.record("taken for a port")
            return
        }
    }
}
