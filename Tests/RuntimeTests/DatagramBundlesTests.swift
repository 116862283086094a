// SPDX-License-Identifier: Apache-2.0
import Essentials
import Glibc
import Testing

@testable import Runtime

@Suite struct DatagramBundlesTests {
    /// Answers as (way, octets), and the bundles that they make, by their places.
    func bundles(
        _ answers: [(way: Int, length: Int)],
        limit: Int = 1232,
        marks: (Int) -> UInt64 = { UInt64($0) }
    ) -> [[Int]] {
        var plan = DatagramBundles(capacity: answers.count)
        // What an earlier batch left is no part of this one.
        plan.add(length: answers[0].length, limit: 1232, mark: marks(answers[0].way)) { _ in true }
        plan.begin()
        for answer in answers {
            plan.add(length: answer.length, limit: limit, mark: marks(answer.way)) {
                answers[$0].way == answer.way
            }
        }
        #expect(plan.answerCount == answers.count)
        return (0..<plan.count).map { bundle in
            var places = [plan.first(of: bundle)]
            while places.count < plan.size(of: bundle) {
                places.append(plan.next(after: places[places.count - 1]))
            }
            #expect(places.allSatisfy { answers[$0].length == plan.length(of: bundle) })
            return places
        }
    }

    @Test func `answers of one length that go one way leave together, wherever they lie`() {
        let answers = [(1, 60), (2, 60), (1, 60), (1, 61), (2, 60), (3, 60), (1, 60), (1, 61)]
        #expect(bundles(answers) == [[0, 2, 6], [1, 4], [3, 7], [5]])
    }

    @Test func `ways that are taken for one at first sight are kept apart`() {
        let answers = [(1, 60), (1, 60), (2, 60), (2, 60), (1, 60)]
        #expect(bundles(answers) { _ in 7 } == [[0, 1, 4], [2, 3]])
    }

    @Test func `what no path takes for certain leaves alone`() {
        let answers = [(1, 1233), (1, 1233), (1, 1232), (1, 1232), (1, 513), (1, 513)]
        #expect(bundles(answers) == [[0], [1], [2, 3], [4, 5]])
        #expect(bundles(answers, limit: 512) == [[0], [1], [2], [3], [4], [5]])
    }

    @Test func `a message holds 64 answers, and what fits a packet`() {
        let small = bundles(Array(repeating: (1, 60), count: 130))
        #expect(small.map(\.count) == [64, 64, 2])
        let large = bundles(Array(repeating: (1, 1232), count: 64))
        #expect(large.map(\.count) == [52, 12])
        #expect(large.allSatisfy { $0.count * 1232 <= 65_507 })
    }

    @Test func `an answer beyond the capacity is not taken`() {
        var plan = DatagramBundles(capacity: 1)
        for _ in 0..<3 { plan.add(length: 60, limit: 1232, mark: 1) { _ in true } }
        #expect(plan.answerCount == 1 && plan.count == 1)
    }

    @Test func `what is refused together is tried with short answers, and then no more`() {
        var limit = BundleLimit()
        #expect(limit.octets == nil)
        limit.note(isKnown: true)
        #expect(limit.octets == 1232)
        limit.noteRefusal(length: 900)
        #expect(limit.octets == 512)
        limit.noteRefusal(length: 100)
        limit.noteRefusal(length: 900)
        #expect(limit.octets == 0, "what follows in the same batch")
        limit.note(isKnown: false)
        #expect(limit.octets == 0)
    }
}

/// A server and three who ask it.
private struct Askers {
    let server: FileDescriptor
    let clients: [FileDescriptor]

    /// A socket at any address of a family, and three connected to it.
    static func make(_ any: String, _ local: String) throws -> Self {
        let server = try Socket.bindDatagram(#require(SocketAddress(any)), reusePort: true)
        let port = try #require(Socket.localAddress(server)).port
        let own = try #require(SocketAddress(local))
        let clients = try (0..<3).map { _ in
            let client = try Socket.bindDatagram(own, reusePort: false)
            #expect(Socket.attach(client, to: SocketAddress(own.ip, port: port)) == nil)
            return client
        }
        return Self(server: server, clients: clients)
    }

    func close() { for socket in [server] + clients { socket.close() } }

    /// Each client asks `count` times in turn; the answer to `n` is `n` and `n % lengths` octets.
    ///
    /// Returns the bytes of the datagrams that each client gets, in some order, and the numbers of
    /// answers sent and of those that left together.
    func exchange(
        _ count: Int,
        lengths: Int,
        _ limit: inout BundleLimit
    ) -> (got: [[[UInt8]]], sent: Int, bundled: Int) {
        for number in 0..<count {
            for client in clients { _ = Socket.send(client, [UInt8(number)].span) }
        }
        var batch = DatagramBatch(capacity: 64, inputSize: 8, outputSize: 16)
        guard case .count(let received) = batch.receive(server) else { return ([], 0, 0) }
        for index in 0..<received {
            batch.reply(index) { bytes, output in
                output.write(bytes)
                for _ in 0..<Int(bytes[0]) % lengths { output.append(0xee) }
            }
        }
        guard case .count(let sent) = batch.send(server, &limit) else { return ([], 0, 0) }
        let bundled = batch.bundledCount
        let got = clients.map { client in
            var answers = DatagramBatch(capacity: 64, inputSize: 512, outputSize: 8)
            guard case .count(let count) = answers.receive(client) else { return [[UInt8]]() }
            return (0..<count).map { index in
                let bytes = answers.bytes(index)
                return bytes.indices.map { bytes[$0] }
            }
        }
        return (got, sent, bundled)
    }

    func expected(_ count: Int, lengths: Int) -> Set<[UInt8]> {
        Set((0..<count).map { [UInt8($0)] + Array(repeating: 0xee, count: $0 % lengths) })
    }
}

/// Bundles as sockets take them.
@Suite struct BundledMessagesTests {
    @Test(arguments: [("0.0.0.0:0", "127.0.0.1:0"), ("[::]:0", "[::1]:0")])
    func `each asker gets each answer as a datagram of its own`(any: String, local: String) throws {
        let sockets = try Askers.make(any, local)
        defer { sockets.close() }
        var limit = BundleLimit()
        for lengths in [1, 2, 3] {
            let (got, sent, bundled) = sockets.exchange(20, lengths: lengths, &limit)
            #expect(sent == 60 && bundled == 60)
            #expect(got.map(\.count) == [20, 20, 20])
            for datagrams in got {
                #expect(Set(datagrams) == sockets.expected(20, lengths: lengths))
            }
        }
        #expect(limit.octets == 1232)
        // All of different lengths, and one alone: nothing leaves together.
        for (count, lengths) in [(7, 7), (1, 1)] {
            let (got, sent, bundled) = sockets.exchange(count, lengths: lengths, &limit)
            #expect(sent == count * 3 && bundled == 0)
            for datagrams in got {
                #expect(Set(datagrams) == sockets.expected(count, lengths: lengths))
            }
        }
    }

    @Test func `what the kernel refuses together goes one by one, and is not tried again`() throws {
        let sockets = try Askers.make("127.0.0.1:0", "127.0.0.1:0")
        defer { sockets.close() }
        // Without checksums a socket of IPv4 sends datagrams, but does not have them made.
        var on: CInt = 1
        let result = unsafe setsockopt(sockets.server.raw, SOL_SOCKET, SO_NO_CHECK, &on, 4)
        #expect(result == 0)
        var limit = BundleLimit()
        for turn in 0..<2 {
            let (got, sent, bundled) = sockets.exchange(20, lengths: 2, &limit)
            #expect(sent == 60 && bundled == 0, "turn \(turn)")
            for datagrams in got { #expect(Set(datagrams) == sockets.expected(20, lengths: 2)) }
            #expect(limit.octets == 0)
        }
    }

    @Test func `an asker that cannot be answered takes nothing from others, nor the bundles`()
        throws
    {
        let sockets = try Askers.make("127.0.0.1:0", "127.0.0.1:0")
        defer { sockets.close() }
        var batch = DatagramBatch(capacity: 8, inputSize: 20, outputSize: 64)
        let client = try #require(Socket.localAddress(sockets.clients[0]))
        // Nothing can be sent to port 0.
        for port in [0, 0, 0, client.port, client.port] {
            let asker = SocketAddress(client.ip, port: port)
            let frame = Frame(isIPv4: true, dataCount: 1, source: asker, destination: client)
            batch.append(([7] as [UInt8]).span, frame)
        }
        for index in 0..<batch.count { batch.reply(index) { _, output in output.append(9) } }
        var limit = BundleLimit()
        #expect(batch.send(sockets.server, &limit) == .count(2))
        #expect(limit.octets == 1232)
    }
}
