// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Testing

private let loopback = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0)

/// Waits, bounded, until a loop reports something.
private func wait(_ loop: inout EventLoop) -> [Event] {
    let count = loop.wait(timeoutMilliseconds: 5_000)
    return (0..<count).map { loop.event($0) }
}

@Suite struct SocketTests {
    @Test func `bytes travel through a connection and its end is seen`() throws {
        let listener = try Socket.listen(loopback, backlog: 8, reusePort: false)
        defer { listener.close() }
        var loop = try EventLoop()
        loop.add(listener, token: 1, interest: [.read])
        let address = try #require(Socket.localAddress(listener))
        let client: FileDescriptor
        switch Socket.connect(to: address) {
        case .connected(let fd), .inProgress(let fd): client = fd
        case .failed(let error): throw error
        }
        #expect(wait(&loop).contains { $0.token == 1 && $0.isReadable })
        guard case .connection(let server, let from) = Socket.accept(listener) else {
            Issue.record("nothing to accept")
            return
        }
        defer { server.close() }
        #expect(from == Socket.localAddress(client))
        loop.add(server, token: 2, interest: [.read])
        #expect(
            Socket.send(client, Array("hello ".utf8).span, Array("world".utf8).span) == .count(11)
        )
        client.close()
        var pool = BufferPool(limit: 64)
        let block = pool.take()
        var length = 0
        var ended = false
        while !ended {
            _ = wait(&loop)
            switch pool.receive(server, into: block, at: length) {
            case .count(let count): length += count
            case .endOfStream: ended = true
            case .wouldBlock: continue
            case .failed(let error): throw error
            }
        }
        let bytes = pool.bytes(block, from: 0, count: length)
        let text = String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self)
        #expect(text == "hello world")
    }

    @Test func `the kernel tells the round trip of a connection, also once it is over`() throws {
        let listener = try Socket.listen(loopback, backlog: 8, reusePort: false)
        defer { listener.close() }
        #expect(Socket.roundTrip(listener) == nil)
        var loop = try EventLoop()
        loop.add(listener, token: 1, interest: [.read])
        let address = try #require(Socket.localAddress(listener))
        let client: FileDescriptor
        switch Socket.connect(to: address) {
        case .connected(let fd), .inProgress(let fd): client = fd
        case .failed(let error): throw error
        }
        _ = wait(&loop)
        guard case .connection(let server, _) = Socket.accept(listener) else {
            Issue.record("nothing to accept")
            return
        }
        defer { server.close() }
        let open = try #require(Socket.roundTrip(server))
        #expect(open > .zero && open < .seconds(1))
        Socket.resetOnClose(client)
        client.close()
        loop.add(server, token: 2, interest: [.read])
        _ = wait(&loop)
        #expect(Socket.roundTrip(server) != nil)
        #expect(Socket.roundTrip(.none) == nil)
    }

    @Test func `a refused connection says so`() throws {
        let listener = try Socket.listen(loopback, backlog: 1, reusePort: false)
        let address = try #require(Socket.localAddress(listener))
        listener.close()
        switch Socket.connect(to: address) {
        case .failed(let error): #expect(error == .connectionRefused)
        case .connected(let fd), .inProgress(let fd):
            defer { fd.close() }
            var loop = try EventLoop()
            loop.add(fd, token: 1, interest: [.write])
            _ = wait(&loop)
            #expect(Socket.error(fd) == .connectionRefused)
        }
    }

    @Test func `a batch of datagrams is answered in one send`() throws {
        let server = try Socket.bindDatagram(
            SocketAddress(IPAddress(v4: 0), port: 0),
            reusePort: true
        )
        let client = try Socket.bindDatagram(loopback, reusePort: false)
        defer {
            server.close()
            client.close()
        }
        let port = try #require(Socket.localAddress(server)).port
        var sender = DatagramBatch(capacity: 4, inputSize: 512, outputSize: 512)
        // A client's batch can only answer, so the first datagrams come from a connected socket.
        guard case .success = connectDatagram(client, to: port) else { return }
        for text in ["a", "bb", "ccc"] { _ = Socket.send(client, Array(text.utf8).span) }
        var loop = try EventLoop()
        loop.add(server, token: 1, interest: [.read])
        loop.add(client, token: 2, interest: [.read])
        _ = wait(&loop)
        let received = sender.receive(server)
        #expect(received == .count(3))
        for index in 0..<3 {
            sender.reply(index) { bytes, output in
                output.write(bytes)
                output.write("!")
            }
        }
        #expect(sender.send(server) == .count(3))
        _ = wait(&loop)
        var answers = DatagramBatch(capacity: 8, inputSize: 512, outputSize: 8)
        #expect(answers.receive(client) == .count(3))
        let lengths = (0..<3).map { answers.bytes($0).count }
        #expect(lengths == [2, 3, 4])
        #expect(answers.source(0)?.ip == loopback.ip)
    }

    @Test func `descriptors travel between processes' sockets`() throws {
        let (left, right) = try Socket.pair()
        let listener = try Socket.listen(loopback, backlog: 1, reusePort: true)
        try Socket.send(left, message: Array("sockets".utf8), descriptors: [listener])
        let got = try Socket.receiveMessage(right)
        #expect(String(decoding: got.message, as: UTF8.self) == "sockets")
        let passed = try #require(got.descriptors.first)
        #expect(passed != listener)
        #expect(Socket.localAddress(passed) == Socket.localAddress(listener))
        for fd in [left, right, listener, passed] { fd.close() }
    }

    @Test func `a mailbox wakes its loop once and keeps the order`() throws {
        let mailbox = try Mailbox<Int>()
        var loop = try EventLoop()
        loop.add(mailbox.descriptor, token: 7, interest: [.read])
        for number in 0..<5 { mailbox.post(number) }
        let tokens = wait(&loop).map(\.token)
        #expect(tokens == [7])
        #expect(mailbox.drain() == [0, 1, 2, 3, 4])
        #expect(mailbox.drain().isEmpty)
        let quiet = loop.wait(timeoutMilliseconds: 0)
        #expect(quiet == 0)
    }
}

private func connectDatagram(_ fd: FileDescriptor, to port: UInt16) -> Result<Void, SystemError> {
    Socket.attach(fd, to: SocketAddress(loopback.ip, port: port)).map { .failure($0) }
        ?? .success(())
}
