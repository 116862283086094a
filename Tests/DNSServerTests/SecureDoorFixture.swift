// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import Steering
import TestSupport
import Testing

/// A client that speaks DNS over TLS with a door that is driven by hand.
struct SecureClient: ~Copyable {
    var sessions: TLSSessions
    let handle: Handle
    let socket: FileDescriptor
    var stream: [UInt8] = []
    var hasEnded = false

    init(_ fixture: borrowing DoorFixture, _ context: TLSClientContext) throws {
        let socket = try fixture.connect()
        var sessions = TLSSessions(limit: 4)
        let handle = sessions.connect(socket, context, name: "ns.example.com")
        self.socket = socket
        self.sessions = sessions
        self.handle = handle ?? .none
    }

    deinit { socket.close() }

    /// Takes steps with the door until the handshake is over.
    mutating func shakeHands(_ fixture: inout DoorFixture) -> TLSProgress {
        var progress = TLSProgress.wantsRead
        for _ in 0..<20_000 where progress == .wantsRead || progress == .wantsWrite {
            progress = sessions.handshake(handle, nil)
            fixture.turn()
        }
        return progress
    }

    /// Sends all of the bytes, while the door takes them; reads only with `reads`.
    mutating func send(_ bytes: [UInt8], _ fixture: inout DoorFixture, reads: Bool = true) {
        var rest = bytes[...]
        for _ in 0..<20_000 where !rest.isEmpty || sessions.hasBacklog(handle) {
            if rest.isEmpty {
                _ = sessions.flush(handle)
            } else if case .count(let count) = sessions.send(handle, Array(rest).span) {
                rest = rest.dropFirst(count)
            }
            fixture.turn()
            if reads { read() }
        }
    }

    /// Adds what has come to ``stream``.
    mutating func read(limit: Int = 1 << 20) {
        var result = IOResult.count(0)
        var count = 0
        while case .count = result, count < limit {
            let size = min(65_536, limit - count)
            let piece = [UInt8](capacity: size) { (output: inout OutputSpan<UInt8>) in
                result = sessions.receive(handle, into: &output)
            }
            stream += piece
            count += piece.count
        }
        switch result {
        case .endOfStream, .failed: hasEnded = true
        case .count, .wouldBlock: break
        }
    }

    /// What the messages of ``stream`` have for ids.
    var ids: [UInt16?] { messages(stream).map { $0?.id } }
}

/// Certificates, and doors with them.
struct SecureParts {
    let maker: CertificateMaker

    init() throws { maker = try CertificateMaker() }

    func context(
        _ name: String = "ns",
        _ kind: CertificateMaker.Kind = .ecdsa,
        tickets: TLSTickets? = nil
    ) throws -> TLSServerContext {
        let pair = try maker.make(name, names: ["ns.example.com"], kind)
        let certificate = try TLSCertificate(
            certificate: maker.bytes(pair.certificate),
            key: maker.bytes(pair.key)
        )
        var settings = TLSServerSettings()
        settings.protocols = [.dot]
        return try TLSServerContext(
            settings,
            table: TLSCertificateTable([certificate]),
            tickets: tickets
        )
    }

    func client(_ protocols: [TLSProtocol] = [.dot]) throws -> TLSClientContext {
        var settings = TLSClientSettings()
        settings.authorities = maker.authority
        settings.protocols = protocols
        return try TLSClientContext(settings)
    }

    func fixture(
        _ context: TLSServerContext,
        _ settings: DNSDoorSettings = DNSDoorSettings(),
        handshakes: RateMachine? = nil,
        signer: TLSSigner? = nil,
        keptQueries: Int = 0
    ) throws -> DoorFixture {
        let zone = try ZoneFixture(["example.com": TruncationTests.zone])
        var snapshot = zone.snapshot
        snapshot.sampleInterval = keptQueries > 0 ? 1 : 0
        return try DoorFixture.make(
            snapshot,
            settings,
            security: DNSListenerSecurity(context, handshakes: handshakes),
            signer: signer,
            keptQueries: keptQueries
        )
    }
}

extension DoorFixture {
    /// How often handshakes failed for this reason.
    func failures(_ failure: TLSFailure) -> UInt64 {
        shared.handshakeFailures.first { $0.word == "\(failure.word)" }?.count ?? 0
    }
}
