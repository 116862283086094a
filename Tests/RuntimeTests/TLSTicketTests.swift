// SPDX-License-Identifier: Apache-2.0
import Runtime
import TestSupport
import Testing

private func key(_ seed: UInt8) -> [UInt8] {
    (0..<UInt8(TLSTickets.keyBytes)).map { $0 &* 7 &+ seed }
}

@Suite struct TLSTicketTests {
    @Test func `a file holds one to four whole keys, each a secret with a name of its own`() {
        #expect(TLSTickets.fault(in: key(1)) == nil)
        #expect(TLSTickets.fault(in: key(1) + key(2) + key(3) + key(4)) == nil)
        #expect(TLSTickets.fault(in: []) != nil)
        #expect(TLSTickets.fault(in: Array(key(1).dropLast())) != nil)
        #expect(TLSTickets.fault(in: key(1) + [10]) != nil, "an editor's line break")
        #expect(TLSTickets.fault(in: key(1) + key(2) + key(3) + key(4) + key(5)) != nil)
        #expect(TLSTickets.fault(in: Array(repeating: 0, count: 80)) != nil)
        #expect(TLSTickets.fault(in: key(1) + key(1)) != nil)
    }

    @Test func `bad keys change nothing`() throws {
        let tickets = try #require(TLSTickets(keys: key(1)))
        #expect(!tickets.adopt([1, 2, 3]))
        #expect(tickets.adopt(key(2) + key(1)))
        #expect(TLSTickets(keys: [1]) == nil)
    }
}

@Suite struct TLSStapleTests {
    @Test func `only a good answer about this very certificate is stapled`() throws {
        let maker = try CertificateMaker()
        let now = try maker.now()
        let (a, b) = (
            try maker.make("a", names: ["a.example"]), try maker.make("b", names: ["b.b"])
        )
        func certificate(_ pair: CertificateMaker.Pair, withIssuer: Bool) throws -> TLSCertificate {
            let chain = withIssuer ? try maker.bytes(maker.authority) : []
            return try TLSCertificate(
                certificate: maker.bytes(pair.certificate) + chain,
                key: maker.bytes(pair.key)
            )
        }
        func verdict(
            _ pair: CertificateMaker.Pair,
            _ response: [UInt8],
            withIssuer: Bool = true,
            later: Int64 = 0
        ) throws -> TLSStapleProblem? {
            let certificate = try certificate(pair, withIssuer: withIssuer)
            do throws(TLSStapleProblem) {
                let ends = try certificate.staple(response, now: now + later)
                #expect(ends > now)
                return nil
            } catch {
                return error
            }
        }
        let good = try maker.response(to: a, status: "V", days: 2)
        #expect(try verdict(a, good) == nil)
        #expect(try verdict(a, good, withIssuer: false) == nil)
        #expect(try verdict(b, good) == .other)
        #expect(try verdict(b, good, withIssuer: false) == .other)
        #expect(try verdict(a, good, later: 3 * 86_400) == .over)
        #expect(try verdict(a, good, later: -86_400) == .early)
        #expect(try verdict(a, Array(good.dropLast())) == .damaged)
        #expect(try verdict(a, good + [0]) == .damaged)
        #expect(try verdict(a, []) == .damaged)
        // The signature is the last thing in it.
        var forged = good
        forged[forged.count - 400] ^= 1
        #expect(try verdict(a, forged) != nil)
        #expect(try verdict(a, maker.response(to: a, status: "R", days: 2)) == .notGood)
        #expect(try verdict(a, maker.response(to: a, status: "V", days: nil)) == .endless)
        // tryLater (RFC 6960 §4.2.1).
        #expect(try verdict(a, [0x30, 3, 0x0a, 1, 3]) == .refused)
    }
}
