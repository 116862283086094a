// SPDX-License-Identifier: Apache-2.0
import Configuration
import Essentials
import Runtime
import Testing

@testable import ControlPlane

@Suite struct LinkTests {
    private static let keys = [
        SocketKey(.http, ListenAddress(nil, port: 8080)),
        SocketKey(.dns, ListenAddress(IPAddress("2001:db8::1"), port: 53)),
    ]

    @Test(arguments: [
        LinkRequest.setup, .configuration, .serving(handover: 3), .upgrade, .prepared,
        .upgradeProblem, .open(keys), .open([]), .stamps(from: 3),
        .file("site.crt"), .packets(keys[1]),
        .adopted(generation: 7, keys),
    ])
    func `a request survives its way`(request: LinkRequest) throws {
        let text = Array(request.json.text().utf8)
        let read = try JSONReader.read(text)
        #expect(LinkRequest(json: read) == request)
    }

    @Test(arguments: ["{}", "{\"ask\":\"shutdown\"}", "[]"])
    func `nonsense is no request`(text: String) throws {
        #expect(LinkRequest(json: try JSONReader.read(Array(text.utf8))) == nil)
    }

    @Test func `a place with a bad port or address is no place`() throws {
        for text in [
            "{\"door\":\"http\",\"ip\":null,\"port\":65536}",
            "{\"door\":\"http\",\"ip\":\"1.2.3\",\"port\":1}",
            "{\"door\":\"ftp\",\"ip\":null,\"port\":1}", "{\"door\":\"http\",\"port\":1}",
        ] {
            #expect(SocketKey(json: try JSONReader.read(Array(text.utf8))) == nil, "\(text)")
        }
    }

    @Test func `an answer with more descriptors than a message takes arrives whole`() throws {
        let (a, b) = try Socket.pair()
        defer {
            a.close()
            b.close()
        }
        let count = LinkWire.descriptorsPerMessage * 2 + 3
        let reply = LinkReply(
            json: ["n": 1],
            descriptors: Array(repeating: a, count: count)
        )
        try LinkWire.send(a, reply: reply)
        var received = 0
        var answer: JSONValue?
        while answer == nil {
            let message = try #require(LinkWire.receive(b))
            received += message.descriptors.count
            for fd in message.descriptors { fd.close() }
            answer = message.json["answer"]
        }
        #expect(received == count)
        #expect(answer?["n"]?.integer == 1)
    }

    @Test func `the other side's end is told from a message`() throws {
        let (a, b) = try Socket.pair()
        a.close()
        let message = LinkWire.receive(b)
        b.close()
        #expect(message == nil)
    }
}

@Suite struct SocketKeeperTests {
    private static let local = IPAddress(v4: 0x7f00_0001)

    @Test func `each worker gets a socket and all share the port that the system chose`() throws {
        var keeper = SocketKeeper(workers: 3)
        let key = SocketKey(.http, ListenAddress(Self.local, port: 0))
        let sockets = try keeper.open([key])
        #expect(sockets.map(\.worker) == [0, 1, 2])
        #expect(Set(sockets.map(\.bound.port)).count == 1)
        #expect(sockets.first?.bound.port != 0)
        let again = try keeper.open([key])
        #expect(again == sockets, "a place that is open is not opened twice")
    }

    @Test func `DNS gets UDP and TCP on one port and the admin service a single socket`() throws {
        var keeper = SocketKeeper(workers: 2)
        let dns = try keeper.open([SocketKey(.dns, ListenAddress(Self.local, port: 0))])
        #expect(dns.count == 4)
        #expect(dns.count(where: \.isStream) == 2)
        #expect(Set(dns.map(\.bound.port)).count == 1)
        let admin = try keeper.open([SocketKey(.admin, ListenAddress(Self.local, port: 0))])
        #expect(admin.count == 1)
    }

    @Test func `a taken port is told with code, cause and remedy, and nothing stays open`() throws {
        let taken = try Socket.listen(
            SocketAddress(Self.local, port: 0),
            backlog: 1,
            reusePort: true
        )
        defer { taken.close() }
        let port = try #require(Socket.localAddress(taken)).port
        var keeper = SocketKeeper(workers: 2)
        let keys = [
            SocketKey(.admin, ListenAddress(Self.local, port: 0)),
            SocketKey(.http, ListenAddress(Self.local, port: port)),
        ]
        var problem: ReloadProblem?
        do {
            _ = try keeper.open(keys)
        } catch {
            problem = error.problem
        }
        #expect(problem?.code == "M3102")
        #expect(problem?.text.contains("127.0.0.1:\(port)") == true)
        #expect(keeper.keys.isEmpty)
    }

    @Test func `a privileged port without the right to it names the remedy`() {
        let key = SocketKey(.http, ListenAddress(nil, port: 80))
        let failure = ListenFailure(key: key, error: .accessDenied, isRoot: false)
        #expect(failure.problem.code == "M3101")
        #expect(failure.problem.text.contains("start as root"))
        #expect(failure.problem.text.contains("8080"))
    }

    @Test func `only the places kept stay open`() throws {
        var keeper = SocketKeeper(workers: 1)
        let a = SocketKey(.http, ListenAddress(Self.local, port: 0))
        let b = SocketKey(.admin, ListenAddress(Self.local, port: 0))
        let bound = try keeper.open([a, b]).first { $0.key == a }?.bound
        keeper.keep(only: [b])
        #expect(keeper.keys == [b])
        let address = try #require(bound)
        try Socket.checkFree(address, stream: true)
    }
}
