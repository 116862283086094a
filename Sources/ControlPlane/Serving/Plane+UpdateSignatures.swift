// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import DNSServer
internal import Essentials
internal import Runtime

/// Whose signature an update has, and how its answer is signed.
enum UpdateSignature: Sendable {
    /// None.
    case unsigned
    /// A good one.
    case good(Transaction)
    /// One that is not good.
    case refused(TransactionRefusal)
}

/// Signatures of updates and of their answers (RFC 3007 §2, RFC 8945).
extension Plane {
    /// The update without its signature, and the key that made that; or the code of the answer.
    func judge(
        _ message: [UInt8],
        _ signature: inout UpdateSignature
    ) -> (plain: [UInt8], key: DomainName?, refusal: ResponseCode?) {
        switch assembly.transactionKeys.check(message.span, seconds: Plane.seconds) {
        case .unsigned: return (message, nil, nil)
        case .malformed: return ([], nil, .formatError)
        case .refused(let refusal):
            signature = .refused(refusal)
            return ([], nil, .notAuthorized)
        case .accepted(let transaction, let length):
            signature = .good(transaction)
            return (Plane.withoutSignature(message, length), transaction.key.name, nil)
        }
    }

    // One additional record less.
    private static func withoutSignature(_ message: [UInt8], _ length: Int) -> [UInt8] {
        var plain = Array(message.prefix(length))
        guard plain.count >= 12 else { return [] }
        let count = UInt16(plain[10]) << 8 | UInt16(plain[11])
        plain[10] = UInt8(truncatingIfNeeded: (count &- 1) >> 8)
        plain[11] = UInt8(truncatingIfNeeded: count &- 1)
        return plain
    }

    /// The answer, signed as the update was; empty when it cannot be signed.
    func signed(_ answer: ZoneUpdater.Answer) -> [UInt8] {
        let bare = UpdateAnswer.bare(answer.request.message, answer.code)
        switch answer.signature {
        case .unsigned: return bare
        case .good(var transaction):
            var isSigned = false
            let bytes = [UInt8](capacity: bare.count + transaction.length) { output in
                output.write(bare.span)
                isSigned = transaction.sign(&output, from: 0, seconds: Plane.seconds)
            }
            // Without its signature it would not be believed.
            return isSigned ? bytes : []
        case .refused(var refusal):
            return [UInt8](capacity: bare.count + refusal.record.length + 128) { output in
                output.write(bare.span)
                refusal.write(into: &output, from: 0, seconds: Plane.seconds)
            }
        }
    }

    /// Seconds since 1970.
    static var seconds: UInt64 { UInt64(clamping: Clock.realtime() / 1_000_000_000) }
}
