// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import TestSupport
import Testing

private let loopback = SocketAddress(IPAddress(v4: 0x7f00_0001), port: 0)

/// Both ends of a connection, each with a session of its own table.
private struct Ends: ~Copyable {
    var server: TLSSessions
    var client: TLSSessions
    let serverFD: FileDescriptor
    let clientFD: FileDescriptor
    var serverHandle = Handle.none
    var clientHandle = Handle.none
    let context: TLSServerContext

    init(_ context: TLSServerContext, _ peer: TLSClientContext?, name: String = "") throws {
        let listener = try Socket.listen(loopback, backlog: 8, reusePort: false)
        defer { listener.close() }
        let address = try #require(Socket.localAddress(listener))
        guard case .inProgress(let fd) = Socket.connect(to: address) else {
            throw SystemError.connectionRefused
        }
        clientFD = fd
        var accepted = FileDescriptor.none
        while accepted.isNone {
            if case .connection(let fd, _) = Socket.accept(listener) { accepted = fd }
        }
        serverFD = accepted
        server = TLSSessions(limit: 4)
        client = TLSSessions(limit: 4)
        self.context = context
        serverHandle = server.accept(serverFD, context) ?? .none
        if let peer { clientHandle = client.connect(clientFD, peer, name: name) ?? .none }
    }

    deinit {
        serverFD.close()
        clientFD.close()
    }

    /// Lets the server sign, unless that is for another thread.
    mutating func allow(isSlow: Bool) -> TLSProgress {
        guard !isSlow else { return .failed(.other) }
        server.allowSignature(serverHandle)
        return server.handshake(serverHandle, context)
    }

    /// Carries both handshakes on until neither waits for the other.
    mutating func agree(
        onSignature: (inout Ends, Bool) -> TLSProgress = { $0.allow(isSlow: $1) }
    ) -> (server: TLSProgress, client: TLSProgress) {
        var (s, c) = (TLSProgress.wantsRead, TLSProgress.wantsRead)
        for _ in 0..<20_000 {
            if c == .wantsRead || c == .wantsWrite { c = client.handshake(clientHandle, nil) }
            if case .wantsSignature(let isSlow) = s { s = onSignature(&self, isSlow) }
            if s == .wantsRead || s == .wantsWrite { s = server.handshake(serverHandle, context) }
            if c != .wantsRead, s != .wantsRead { break }
        }
        return (s, c)
    }
}

private func context(
    _ maker: CertificateMaker,
    _ pairs: [CertificateMaker.Pair],
    _ settings: TLSServerSettings = TLSServerSettings(),
    tickets: TLSTickets? = nil
) throws -> TLSServerContext {
    let certificates = try pairs.map { pair in
        try TLSCertificate(
            certificate: maker.bytes(pair.certificate),
            key: maker.bytes(pair.key)
        )
    }
    return try TLSServerContext(
        settings,
        table: TLSCertificateTable(certificates),
        tickets: tickets
    )
}

private func client(
    _ maker: CertificateMaker,
    _ change: (inout TLSClientSettings) -> Void = { _ in }
) throws -> TLSClientContext {
    var settings = TLSClientSettings()
    settings.authorities = maker.authority
    change(&settings)
    return try TLSClientContext(settings)
}

@Suite struct TLSTests {
    @Test func `both sides agree, and bytes travel until a side says that it is done`() throws {
        let maker = try CertificateMaker()
        let pair = try maker.make("a", names: ["a.example"])
        var settings = TLSServerSettings()
        settings.protocols = [.http2, .http1]
        let server = try context(maker, [pair], settings, tickets: TLSTickets())
        let peer = try client(maker) { $0.protocols = [.http1] }
        var ends = try Ends(server, peer, name: "a.example")
        let (s, c) = ends.agree()
        #expect(s == .established)
        #expect(c == .established)
        let facts = ends.server.facts(ends.serverHandle)
        #expect(facts.version == TLSVersion.tls13.rawValue)
        #expect(facts.chosen == .http1)
        #expect(!facts.isResumed)

        let sent = ends.client.send(
            ends.clientHandle,
            Array("hello ".utf8).span,
            Array("world".utf8).span
        )
        #expect(sent == .count(11))
        let got = receive(&ends.server, ends.serverHandle, 11)
        #expect(got == "hello world")
        let mayHaveMore = ends.server.mayHaveMore(ends.serverHandle)
        #expect(!mayHaveMore, "the next read would be for nothing")
        ends.client.close(ends.clientHandle, saying: true)
        var end = IOResult.wouldBlock
        while end == .wouldBlock { end = read(&ends.server, ends.serverHandle).0 }
        #expect(end == .endOfStream)
    }

    @Test func `a full handshake asks before its signature, a resumed one does not`() throws {
        let maker = try CertificateMaker()
        let pair = try maker.make("a", names: ["a.example"])
        let server = try context(maker, [pair], tickets: TLSTickets())
        var asked = 0
        var ends = try Ends(server, client(maker), name: "a.example")
        let (s, c) = ends.agree { ends, isSlow in
            asked += 1
            #expect(!isSlow)
            return ends.allow(isSlow: isSlow)
        }
        #expect(s == .established)
        #expect(c == .established)
        #expect(asked == 1)
        // Nobody allows it: the client is left without an answer, and nothing was signed.
        var refused = try Ends(server, client(maker), name: "a.example")
        let outcome = refused.agree { _, _ in .failed(.other) }
        #expect(outcome.server == .failed(.other))
        #expect(outcome.client == .wantsRead)
    }

    @Test func `a slow signature is made by another thread, and nobody touches it meanwhile`()
        throws
    {
        let maker = try CertificateMaker()
        let pair = try maker.make("a", names: ["a.example"], .longRSA)
        let server = try context(maker, [pair], tickets: TLSTickets())
        let signer = try TLSSigner(workers: 2)
        var loop = try EventLoop()
        loop.add(signer.descriptor(worker: 1), token: 7, interest: .read)
        let owner = Handle(index: 5, generation: 3)
        for version in [TLSVersion.tls12, .tls13] {
            let peer = try client(maker) { $0.most = version }
            var ends = try Ends(server, peer, name: "a.example")
            let (s, c) = ends.agree { ends, isSlow in
                #expect(isSlow)
                ends.server.allowSignature(ends.serverHandle)
                let isLent = ends.server.lend(
                    ends.serverHandle,
                    to: signer,
                    owner: owner,
                    worker: 1
                )
                #expect(isLent)
                let isAway = ends.server.isAway(ends.serverHandle)
                #expect(isAway)
                ends.server.close(ends.serverHandle, saying: true)
                #expect(ends.server.count == 1, "it is not closed while it is lent")
                while loop.wait(timeoutMilliseconds: 5_000) == 0 {}
                let returns = signer.takeReturns(worker: 1)
                #expect(returns.map(\.owner) == [owner])
                #expect(signer.takeReturns(worker: 0).isEmpty)
                let progress = ends.server.takeBack(returns[0])
                #expect(progress == .wantsRead)
                return progress
            }
            #expect(s == .established)
            #expect(c == .established)
            let sent = ends.client.send(ends.clientHandle, Array("hello".utf8).span)
            #expect(sent == .count(5))
            #expect(receive(&ends.server, ends.serverHandle, 5) == "hello")
        }
    }

    @Test func `a name gets its own certificate, exact before wildcard, else the default`() throws {
        let maker = try CertificateMaker()
        let pairs = [
            try maker.make("default", names: ["default.example"]),
            try maker.make("wild", names: ["*.a.example"]),
            try maker.make("exact", names: ["www.a.example", "192.0.2.1"]),
        ]
        let server = try context(maker, pairs)
        let table = server.table
        #expect(table.places(for: "www.a.example") == [2])
        #expect(table.places(for: "other.a.example") == [1])
        #expect(table.places(for: "a.b.a.example") == [], "a wildcard stands for one label")
        #expect(table.places(for: "a.example") == [])
        #expect(table.places(for: ".a.example") == [])
        for name in ["www.a.example", "other.a.example", "default.example"] {
            var ends = try Ends(server, client(maker), name: name)
            let (s, c) = ends.agree()
            #expect(s == .established, "\(name)")
            #expect(c == .established, "\(name)")
            let isCovered = ends.server.covers(ends.serverHandle, host: Array(name.utf8).span)
            #expect(isCovered)
        }
        var stranger = try Ends(server, client(maker), name: "stranger.example")
        let outcome = stranger.agree()
        #expect(outcome.client == .failed(.nameMismatch))
        #expect(outcome.server == .failed(.certificateRefused))
    }

    @Test func `a host is covered by the name asked for and by the certificate shown`() throws {
        let maker = try CertificateMaker()
        let pair = try maker.make("a", names: ["a.example", "*.b.example"])
        let server = try context(maker, [pair])
        var ends = try Ends(server, client(maker), name: "a.example")
        _ = ends.agree()
        for (host, isCovered) in [
            ("A.Example", true), ("x.b.example", true), ("c.example", false), ("b.example", false),
        ] {
            let found = ends.server.covers(ends.serverHandle, host: Array(host.utf8).span)
            #expect(found == isCovered, "\(host)")
        }
    }

    @Test func `an unknown name is refused where the listener says so`() throws {
        let maker = try CertificateMaker()
        let pair = try maker.make("a", names: ["a.example"])
        var settings = TLSServerSettings()
        settings.unknownName = .refuse
        let server = try context(maker, [pair], settings)
        var ends = try Ends(server, client(maker), name: "b.example")
        let (s, c) = ends.agree()
        #expect(s == .failed(.unknownName))
        #expect(c == .failed(.unknownName))
    }

    @Test(arguments: [
        (TLSVersion.tls12, "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        (
            TLSVersion.tls12, "ECDHE-ECDSA-AES128-GCM-SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
        ),
        (TLSVersion.tls13, TLSServerSettings.modernCiphers, "TLS_AES_128_GCM_SHA256"),
    ])
    func `RSA and ECDSA stand side by side`(
        version: TLSVersion,
        ciphers: String,
        cipher: String
    ) throws {
        let maker = try CertificateMaker()
        let pairs = [
            try maker.make("default", names: ["default.example"]),
            try maker.make("rsa", names: ["a.example"], .rsa),
            try maker.make("ecdsa", names: ["a.example"], .ecdsa),
        ]
        let server = try context(maker, pairs)
        let peer = try client(maker) {
            $0.most = version
            $0.ciphers = ciphers
        }
        var ends = try Ends(server, peer, name: "a.example")
        let (s, c) = ends.agree()
        #expect(s == .established)
        #expect(c == .established)
        var scratch = Scratch(capacity: 256)
        scratch.write { _ = ends.server.writeCipher(ends.serverHandle, into: &$0) }
        #expect(text(scratch.bytes) == cipher)
        scratch.write { _ = ends.server.writeName(ends.serverHandle, into: &$0) }
        #expect(text(scratch.bytes) == "a.example")
    }

    @Test func `what the socket does not take waits, and nothing is lost or doubled`() throws {
        let maker = try CertificateMaker()
        let pair = try maker.make("a", names: ["a.example"])
        var ends = try Ends(context(maker, [pair]), client(maker), name: "a.example")
        _ = ends.agree()
        let total = 20 << 20
        let piece = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var (sent, got, blocked) = (0, 0, 0)
        var isWhole = true
        while got < total {
            while sent < total {
                let from = sent % piece.count
                let rest = piece[from...].prefix(total - sent)
                let result =
                    rest.count > 10
                    ? ends.server.send(
                        ends.serverHandle,
                        Array(rest.prefix(10)).span,
                        Array(rest.dropFirst(10)).span
                    ) : ends.server.send(ends.serverHandle, Array(rest).span)
                guard case .count(let count) = result, count > 0 else {
                    #expect(result == .wouldBlock)
                    blocked += 1
                    break
                }
                sent += count
            }
            let (result, bytes) = read(&ends.client, ends.clientHandle)
            guard result != .endOfStream else { break }
            for byte in bytes {
                isWhole = isWhole && byte == piece[got % piece.count]
                got += 1
            }
            _ = ends.server.flush(ends.serverHandle)
        }
        #expect(got == total)
        #expect(isWhole)
        #expect(blocked > 0, "the socket was never full: nothing was proven")
        let isEmpty = !ends.server.hasBacklog(ends.serverHandle)
        #expect(isEmpty)
    }

    @Test func `failures have stable words`() throws {
        let maker = try CertificateMaker()
        let server = try context(maker, [maker.make("a", names: ["a.example"])])
        func outcome(
            _ server: TLSServerContext,
            name: String = "a.example",
            _ change: (inout TLSClientSettings) -> Void
        ) throws -> (TLSProgress, TLSProgress) {
            var ends = try Ends(server, client(maker, change), name: name)
            return ends.agree()
        }
        let cipher = try outcome(server) {
            $0.most = .tls12
            $0.ciphers = "ECDHE-RSA-AES128-GCM-SHA256"
        }
        #expect(cipher.0 == .failed(.cipher))
        let group = try outcome(server) { $0.groups = "P-521" }
        #expect(group.0 == .failed(.group))
        let stranger = try CertificateMaker()
        let authority = try outcome(server) { $0.authorities = stranger.authority }
        #expect(authority.1 == .failed(.unknownAuthority))
        #expect(authority.0 == .failed(.certificateRefused))
        var settings = TLSServerSettings()
        settings.least = .tls13
        let modern = try context(maker, [maker.make("b", names: ["a.example"])], settings)
        let version = try outcome(modern) { $0.most = .tls12 }
        #expect(version.0 == .failed(.version))
        let old = try context(maker, [maker.make("c", names: ["a.example"], days: -1)])
        let expired = try outcome(old) { _ in }
        #expect(expired.1 == .failed(.certificateExpired))
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `a certificate that is refused still tells when it ends`(version: TLSVersion) throws {
        let maker = try CertificateMaker()
        let old = try context(maker, [maker.make("a", names: ["a.example"], days: -1)])
        let strange = try context(maker, [maker.make("b", names: ["b.example"], days: 9)])
        for (server, days) in [(old, -1), (strange, 9)] as [(TLSServerContext, Int64)] {
            var ends = try Ends(server, client(maker) { $0.most = version }, name: "a.example")
            let (_, progress) = ends.agree()
            guard case .failed = progress else {
                Issue.record("\(progress)")
                continue
            }
            let shown = ends.client.peerCertificateEnds(ends.clientHandle)
            let now = Clock.realtime() / 1_000_000_000
            #expect(abs(shown - (now + days * 86_400)) < 3_600)
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", TLSFailure.plainText), ("SSH-2.0-OpenSSH_9\r\n", .notTLS),
        ("", .peerClosed),
    ])
    func `what is no client hello is told apart`(bytes: String, failure: TLSFailure) throws {
        let maker = try CertificateMaker()
        let server = try context(maker, [maker.make("a", names: ["a.example"])])
        var ends = try Ends(server, nil)
        if !bytes.isEmpty { _ = Socket.send(ends.clientFD, Array(bytes.utf8).span) }
        Socket.shutdownWrite(ends.clientFD)
        var progress = TLSProgress.wantsRead
        while progress == .wantsRead {
            progress = ends.server.handshake(ends.serverHandle, server)
        }
        #expect(progress == .failed(failure))
    }

    @Test func `a pair that does not belong together is refused`() throws {
        let maker = try CertificateMaker()
        let (a, b) = (
            try maker.make("a", names: ["a.example"]), try maker.make("b", names: ["b.example"])
        )
        func problem(_ certificate: [UInt8], _ key: [UInt8]) -> TLSCertificateProblem? {
            do throws(TLSCertificateProblem) {
                _ = try TLSCertificate(certificate: certificate, key: key)
                return nil
            } catch {
                return error
            }
        }
        let (text, key) = (try maker.bytes(a.certificate), try maker.bytes(a.key))
        #expect(problem(text, key) == nil)
        #expect(problem(text, try maker.bytes(b.key)) == .mismatch)
        #expect(problem(key, key) == .badCertificate)
        #expect(problem(text, text) == .badKey)
        #expect(problem(Array(text.prefix(300)), key) == .badCertificate)
        #expect(problem(text + text.prefix(300), key) == .badCertificate, "a damaged chain")
        let certificate = try TLSCertificate(certificate: text, key: key)
        #expect(certificate.names == ["a.example"])
        #expect(certificate.keyKind == .ecdsa)
        #expect(certificate.notAfter - certificate.notBefore == 20 * 86_400)
    }

    private func read(_ sessions: inout TLSSessions, _ handle: Handle) -> (IOResult, [UInt8]) {
        var scratch = Scratch(capacity: 65_536)
        var result = IOResult.wouldBlock
        scratch.write { result = sessions.receive(handle, into: &$0) }
        let bytes = scratch.bytes
        return (result, (0..<bytes.count).map { bytes[$0] })
    }

    private func receive(_ sessions: inout TLSSessions, _ handle: Handle, _ count: Int) -> String {
        var all: [UInt8] = []
        while all.count < count { all += read(&sessions, handle).1 }
        return String(decoding: all, as: UTF8.self)
    }

    private func text(_ bytes: Span<UInt8>) -> String {
        String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self)
    }
}
