// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol
internal import Runtime

/// Requests in TLS early data (RFC 8470): they may be copies of what a client sent before, made by
/// whoever has seen it, until the client's part of the handshake has come.
extension HTTPDoor {
    /// Notes whether a request came before the end of the handshake.
    ///
    /// A head of which only the beginning came so is whole only after the end, and as good as any.
    mutating func noteEarly(_ c: Int) {
        guard tls.isEarly(clients[c].tls) else { return }
        clients[c].exchange.isEarly = true
        count(.earlyRequests)
    }

    /// True for requests that do no harm when they come twice (RFC 8470 §4).
    ///
    /// A change of protocol would let bytes of the other protocol come in the same way.
    func mayBeEarly(_ head: RequestHead) -> Bool {
        switch head.method {
        case .get, .head, .options, .query: !head.wantsUpgrade
        case .post, .put, .delete, .connect, .trace, .patch, .other: false
        }
    }

    /// What a client says in the field is not copied beside what is written here.
    mutating func hideEarlyField(_ c: Int) {
        let name: [10 of UInt8] = [0x65, 0x61, 0x72, 0x6c, 0x79, 0x2d, 0x64, 0x61, 0x74, 0x61]
        let pending = clients[c].input
        let bytes = buffers.bytes(pending.block, from: Int(pending.start), count: pending.count)
        fields.hide(named: name.span, in: bytes)
    }
}
