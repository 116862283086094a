// SPDX-License-Identifier: Apache-2.0
import DNSProtocol
import DNSServer
import Essentials
import Runtime
import TestSupport
import Testing

/// Who may take zones by TLS (RFC 9103 §7, §8.4).
@Suite struct SecureTransferTests {
    let tests = TransferTests()

    /// The code of the first message and how many records come, over TLS of a version.
    func take(
        _ takers: [TransferRules.Peer],
        _ version: TLSVersion,
        signer: TransactionKey?,
        since serial: UInt32? = nil,
        protocols: [TLSProtocol] = [.dot]
    ) throws -> (code: ResponseCode?, records: Int) {
        let parts = try SecureParts()
        let snapshot = try tests.snapshot(
            ["example.com": TransferTests.zone],
            takers: takers,
            keys: [try TransactionTests.key()]
        )
        var fixture = try DoorFixture.make(
            snapshot,
            security: DNSListenerSecurity(parts.context())
        )
        var settings = TLSClientSettings()
        settings.authorities = parts.maker.authority
        settings.protocols = protocols
        settings.most = version
        var client = try SecureClient(fixture, TLSClientContext(settings))
        #expect(client.shakeHands(&fixture) == .established)
        var request = TransferTests.request("example.com", since: serial)
        if let signer {
            let seconds = UInt64(Clock.realtime() / 1_000_000_000)
            request = TransactionPeer(signer).sign(request, seconds: seconds)
        }
        client.send(framed(request), &fixture)
        for _ in 0..<100 {
            fixture.turn()
            client.read()
        }
        let found = messages(client.stream)
        return (found.first??.code, found.reduce(0) { $0 + ($1?.answers.count ?? 0) })
    }

    @Test func `no zone goes out by TLS before 1.3`() throws {
        let key = try TransactionTests.key()
        let taker = TransferRules.Peer(network: Prefix("127.0.0.0/8"), key: key.name)
        for serial in [nil, 3] as [UInt32?] {
            let new = try take([taker], .tls13, signer: key, since: serial)
            #expect(new.code == .noError && new.records > 10)
            let old = try take([taker], .tls12, signer: key, since: serial)
            #expect(old.code == .refused && old.records == 0)
        }
    }

    @Test func `no zone goes out by TLS to who has not chosen the protocol for it`() throws {
        let key = try TransactionTests.key()
        let taker = TransferRules.Peer(network: Prefix("127.0.0.0/8"), key: key.name)
        for serial in [nil, 3] as [UInt32?] {
            let cases: [([TLSProtocol], ResponseCode)] = [([], .refused), ([.dot], .noError)]
            for (protocols, code) in cases {
                let found = try take(
                    [taker],
                    .tls13,
                    signer: key,
                    since: serial,
                    protocols: protocols
                )
                #expect(found.code == code && (found.records > 10) == (code == .noError))
            }
        }
    }

    @Test func `by TLS a peer is known by its address and its key`() throws {
        let key = try TransactionTests.key()
        let here = Prefix("127.0.0.0/8")
        for (taker, signer, code) in [
            (TransferRules.Peer(network: here, key: nil), nil, ResponseCode.refused),
            (TransferRules.Peer(network: nil, key: key.name), key, .refused),
            (TransferRules.Peer(network: Prefix("192.0.2.0/24"), key: key.name), key, .refused),
            (TransferRules.Peer(network: here, key: key.name), nil, .refused),
            (TransferRules.Peer(network: here, key: key.name), key, .noError),
        ] as [(TransferRules.Peer, TransactionKey?, ResponseCode)] {
            #expect(try take([taker], .tls13, signer: signer).code == code, "\(taker)")
        }
    }
}
