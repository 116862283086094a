// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import TestSupport
import Testing

/// A server and a client that connects to it again and again.
private struct Pair: ~Copyable {
    let listener: FileDescriptor
    let address: SocketAddress
    var server: TLSSessions
    var client: TLSSessions
    var resumptions: TLSResumptions
    let context: TLSServerContext
    /// Kept, since its files go with it.
    let maker: CertificateMaker
    var now = Instant.start

    init(least: TLSVersion = .tls12, most: TLSVersion = .tls13) throws {
        let maker = try CertificateMaker()
        let files = try maker.make("a", names: ["a.example", "b.example"])
        let certificate = try TLSCertificate(
            certificate: maker.bytes(files.certificate),
            key: maker.bytes(files.key)
        )
        var settings = TLSServerSettings()
        settings.least = least
        settings.most = most
        let context = try TLSServerContext(
            settings,
            table: TLSCertificateTable([certificate]),
            tickets: TLSTickets()
        )
        let any = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0)
        let listener = try Socket.listen(any, backlog: 8, reusePort: false)
        let address = try #require(Socket.localAddress(listener))
        self.context = context
        self.listener = listener
        self.address = address
        self.maker = maker
        server = TLSSessions(limit: 16)
        client = TLSSessions(limit: 16)
        resumptions = TLSResumptions()
    }

    deinit { listener.close() }

    func peer(isVerified: Bool = true) throws -> TLSClientContext {
        var settings = TLSClientSettings()
        settings.authorities = maker.authority
        settings.isVerified = isVerified
        return try TLSClientContext(settings)
    }

    /// One connection with an answer of the server; true when it resumed a session.
    mutating func connect(
        _ peer: TLSClientContext,
        name: String = "a.example",
        to number: Int = 0,
        between: (inout Pair) throws -> Void = { _ in }
    ) throws -> Bool {
        guard case .inProgress(let near) = Socket.connect(to: address) else {
            throw SystemError.connectionRefused
        }
        var far = FileDescriptor.none
        while far.isNone {
            if case .connection(let fd, _) = Socket.accept(listener) { far = fd }
        }
        defer {
            near.close()
            far.close()
        }
        let resumption = resumptions.resumption(of: number, peer, name: name, now: now)
        let s = server.accept(far, context) ?? .none
        let c = client.connect(near, peer, name: name, resuming: resumption) ?? .none
        var progress = (TLSProgress.wantsRead, TLSProgress.wantsRead)
        for _ in 0..<20_000 where progress != (.established, .established) {
            if progress.1 != .established { progress.1 = client.handshake(c, nil) }
            if case .wantsSignature = progress.0 { server.allowSignature(s) }
            if progress.0 != .established { progress.0 = server.handshake(s, context) }
        }
        #expect(progress == (.established, .established))
        let isResumed = client.facts(c).isResumed
        let isSame = server.facts(s).isResumed == isResumed
        #expect(isSame)
        try between(&self)
        // Tickets of TLS 1.3 come with the first bytes.
        _ = server.send(s, Array("hello".utf8).span)
        var heard = 0
        for _ in 0..<20_000 where heard < 5 {
            var result = IOResult.wouldBlock
            _ = [UInt8](capacity: 64) { result = client.receive(c, into: &$0) }
            if case .count(let count) = result { heard += count }
        }
        #expect(heard == 5)
        client.close(c, saying: true)
        server.close(s, saying: true)
        return isResumed
    }
}

@Suite struct TLSResumptionTests {
    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `the second connection to a server resumes the first, and so on`(
        version: TLSVersion
    ) throws {
        var pair = try Pair(least: version, most: version)
        let peer = try pair.peer()
        var seen: [Bool] = []
        for _ in 0..<4 { seen.append(try pair.connect(peer)) }
        #expect(seen == [false, true, true, true])
        let other = try pair.connect(peer, to: 1)
        #expect(!other, "another server has sessions of its own")
    }

    @Test func `another name, or another way to speak, resumes nothing`() throws {
        var pair = try Pair()
        let lax = try pair.peer(isVerified: false)
        let strict = try pair.peer()
        _ = try pair.connect(lax)
        let afterLax = try pair.connect(strict)
        let again = try pair.connect(strict)
        let otherName = try pair.connect(strict, name: "b.example")
        #expect([afterLax, again, otherName] == [false, true, false])
    }

    @Test func `a late ticket of an unverified connection is not taken by a verified one`() throws {
        var pair = try Pair(least: .tls13)
        let lax = try pair.peer(isVerified: false)
        let strict = try pair.peer()
        _ = try pair.connect(lax) { pair in
            // A reload comes while the first answer is awaited.
            _ = pair.resumptions.resumption(of: 0, strict, name: "a.example", now: pair.now)
        }
        let isResumed = try pair.connect(strict)
        #expect(!isResumed)
    }

    @Test func `a certificate is looked at again after an hour, however often it was resumed`()
        throws
    {
        var pair = try Pair()
        let peer = try pair.peer()
        var seen: [Bool] = []
        for minutes in [0, 20, 40, 59, 61, 62] {
            pair.now = .start + .seconds(Int64(minutes) * 60)
            seen.append(try pair.connect(peer))
        }
        #expect(seen == [false, true, true, true, false, true])
    }

    @Test func `there is a bound on servers`() throws {
        var pair = try Pair()
        let peer = try pair.peer()
        for number in 0..<TLSResumptions.limit {
            _ = pair.resumptions.resumption(of: number, peer, name: "a", now: pair.now)
        }
        let isNone = pair.resumptions.resumption(of: -1, peer, name: "a", now: pair.now) == nil
        #expect(isNone)
    }
}
