// SPDX-License-Identifier: Apache-2.0
import Essentials
import Testing

@testable import Runtime

/// A batch of frames is as one of a socket, and leads back to where each came from.
@Suite struct FrameBatchTests {
    func add(_ fixture: FrameFixture, to batch: inout DatagramBatch) throws {
        let bytes = fixture.bytes
        let frame = try Frame.read(bytes.span).get()
        let data = Array(bytes.dropFirst(frame.headCount).prefix(frame.dataCount))
        batch.append(data.span, frame)
    }

    func octets(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

    @Test func `frames become datagrams with their sources`() throws {
        var batch = DatagramBatch(capacity: 3, inputSize: 20, outputSize: 64)
        var long = FrameFixture.ipv6
        long.data = Array(0..<30)
        try add(FrameFixture(), to: &batch)
        try add(long, to: &batch)
        #expect(batch.count == 2)
        let cut = (0..<2).map { batch.isCut($0) }
        #expect(cut == [false, true])
        #expect(octets(batch.bytes(0)) == FrameFixture().data)
        #expect(octets(batch.bytes(1)) == Array(0..<20))
        #expect(batch.source(0) == SocketAddress("192.0.2.1:40000"))
        #expect(batch.source(1) == SocketAddress("[2001:db8::1]:40000"))
        #expect(batch.source(2) == nil)
        #expect(octets(batch.bytes(2)) == [])
    }

    @Test func `a batch takes no more than it holds, and begins anew`() throws {
        var batch = DatagramBatch(capacity: 2, inputSize: 20, outputSize: 64)
        for _ in 0..<5 { try add(FrameFixture(), to: &batch) }
        #expect(batch.count == 2)
        batch.clear()
        #expect(batch.count == 0)
        #expect(octets(batch.bytes(0)) == [])
        try add(.ipv6, to: &batch)
        #expect(batch.source(0) == SocketAddress("[2001:db8::1]:40000"))
    }

    @Test func `answers name their questions, also where some have none`() throws {
        var batch = DatagramBatch(capacity: 4, inputSize: 20, outputSize: 64)
        for _ in 0..<4 { try add(FrameFixture(), to: &batch) }
        for index in [1, 3] {
            batch.reply(index) { _, output in
                output.append(UInt8(index))
                output.append(0xee)
            }
        }
        batch.reply(2) { _, _ in }
        #expect(batch.replyCount == 2)
        let questions = (-1..<3).map { batch.question(of: $0) }
        #expect(questions == [4, 1, 3, 4])
        let answers = (0..<3).map { octets(batch.answer($0)) }
        #expect(answers == [[1, 0xee], [3, 0xee], []])
    }

    @Test(arguments: ["0.0.0.0:0", "[::]:0"])
    func `an answer that comes later leaves from the address that was asked`(
        place: String
    ) throws {
        let bound = try #require(SocketAddress(place))
        let server = try Socket.bindDatagram(bound, reusePort: false)
        let localhost = try #require(SocketAddress("127.0.0.1:0"))
        let client = try Socket.bindDatagram(localhost, reusePort: false)
        defer {
            server.close()
            client.close()
        }
        let asked = try #require(SocketAddress("127.0.0.5:53"))
        let source = try #require(Socket.localAddress(client))
        let frame = Frame(isIPv4: true, dataCount: 0, source: source, destination: asked)
        var batch = DatagramBatch(capacity: 2, inputSize: 20, outputSize: 64)
        batch.append(Span(), frame)
        let found = batch.wayBack(0)
        let way = try #require(found)
        #expect(way.send(server, [1, 2, 3]))
        var answers = DatagramBatch(capacity: 2, inputSize: 20, outputSize: 64)
        #expect(answers.receive(client) == .count(1))
        #expect(octets(answers.bytes(0)) == [1, 2, 3])
        #expect(answers.source(0)?.ip == asked.ip)
    }

    @Test func `a socket receives into a batch that had frames as ever`() throws {
        let localhost = try #require(SocketAddress("127.0.0.1:0"))
        let server = try Socket.bindDatagram(localhost, reusePort: false)
        let client = try Socket.bindDatagram(localhost, reusePort: false)
        defer {
            server.close()
            client.close()
        }
        var batch = DatagramBatch(capacity: 2, inputSize: 20, outputSize: 64)
        for _ in 0..<2 { try add(.ipv6, to: &batch) }
        batch.clear()
        try add(FrameFixture(), to: &batch)
        // What frames have left in the second place must not cut what a socket has for it.
        var queries = DatagramBatch(capacity: 2, inputSize: 20, outputSize: 64)
        let address = try #require(Socket.localAddress(server))
        for _ in 0..<2 {
            let frame = Frame(isIPv4: true, dataCount: 0, source: address, destination: localhost)
            queries.append(Span(), frame)
        }
        for index in 0..<2 { queries.reply(index) { _, output in output.append(7) } }
        #expect(queries.send(client) == .count(2))
        #expect(batch.receive(server) == .count(2))
        for index in 0..<2 {
            #expect(octets(batch.bytes(index)) == [7])
            #expect(batch.isCut(index) == false)
            #expect(batch.source(index) == Socket.localAddress(client))
        }
    }
}
