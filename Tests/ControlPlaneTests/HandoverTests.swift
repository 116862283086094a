// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Runtime
import Testing

@testable import ControlPlane

@Suite struct HandoverTests {
    private func kept(sockets: Int) -> Handover.Kept {
        Handover.Kept(
            path: "a.yaml",
            program: "/usr/bin/martlet",
            workers: 3,
            account: Account(name: "martlet", user: 7, group: 8),
            stateFolder: "/state",
            stateLock: FileDescriptor(raw: 4),
            image: FileDescriptor(raw: 5),
            imageSize: 1234,
            ring: FileDescriptor(raw: 6),
            sockets: (0..<sockets).map { worker in
                OpenSocket(
                    key: SocketKey(.http, ListenAddress(nil, port: 8080)),
                    worker: worker,
                    isStream: true,
                    bound: SocketAddress(IPAddress(v6: 0), port: 8080),
                    descriptor: FileDescriptor(raw: Int32(20 + worker))
                )
            },
            startedAt: 1_800_000_000_000_000_000,
            generation: 9,
            restarts: 2,
            upgrades: 5
        )
    }

    private func handover(sockets: Int = 3) -> Handover {
        let process = Handover.Process(
            identifier: 100,
            link: FileDescriptor(raw: 9),
            killAt: Instant(nanoseconds: 77)
        )
        return Handover(
            kept: kept(sockets: sockets),
            child: process,
            retiring: [process, process],
            reloads: true
        )
    }

    @Test func `what is handed over survives its way`() throws {
        let before = handover()
        let text = Array(before.json.text().utf8)
        let after = try #require(Handover(json: try JSONReader.read(text)))
        #expect(after.json == before.json)
        #expect(after.kept.sockets == before.kept.sockets)
        #expect(after.kept.account == before.kept.account)
        #expect(after.child.killAt == before.child.killAt)
        #expect(after.retiring.count == 2)
    }

    @Test func `half of it is nothing`() throws {
        let members = try #require(handover().json.members)
        let optional: Set = [
            "state", "account", "user", "group", "reloads", "restarts", "upgrades", "startedAt",
            "generation", "retiring",
        ]
        for member in members where !optional.contains(member.name) {
            let rest = JSONValue.object(members.filter { $0.name != member.name })
            #expect(Handover(json: rest) == nil, "\(member.name)")
        }
        let other = members.map { member in
            member.name == "format" ? JSONMember("format", .integer(2)) : member
        }
        #expect(Handover(json: .object(other)) == nil)
    }

    @Test(arguments: ["", "5", "5:x", "1:10", "-5:10", "5:-1", "99999999999:1", "200:10"])
    func `a place where nothing is gives no supervisor`(place: String) {
        #expect(throws: StartRefusal.self) { try Handover.receive(place) }
    }

    @Test func `sockets that were handed over are kept, given out, and not opened again`() throws {
        let local = ListenAddress(IPAddress(v4: 0x7f00_0001), port: 0)
        var first = SocketKeeper(workers: 2)
        let opened = try first.open([SocketKey(.http, local)])
        let copies = opened.map { socket in
            var copy = socket
            copy.descriptor = socket.descriptor.duplicate()
            return copy
        }
        var second = SocketKeeper(workers: 2, holding: copies)
        #expect(try second.open([SocketKey(.http, local)]) == copies)
        #expect(Set(second.all.map(\.descriptor)) == Set(copies.map(\.descriptor)))
    }

    @Test func `a supervisor that others asked for an upgrade without one says so`() throws {
        let json: JSONValue = ["ask": "upgrade"]
        #expect(LinkRequest(json: json) == .upgrade)
        #expect(LinkRequest(json: ["ask": "serving"]) == .serving(handover: 0))
    }
}
