// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Notices that a zone has changed (RFC 1996).
extension Authority {
    static var noticeOpcode: UInt8 { 4 }

    /// Appends the answer to a notice; ``AnswerOutcome/isNotice`` when it is one that is heard, or
    /// would be if it came from elsewhere.
    @inline(never) @_lifetime(output: copy output)
    static func answerNotice(
        _ query: DNSQuery,
        _ request: Span<UInt8>,
        _ peers: borrowing DNSPeers,
        _ context: AnswerContext,
        into output: inout OutputSpan<UInt8>
    ) -> AnswerOutcome {
        let start = output.count
        let seconds = UInt64(context.timestamp)
        let asked = query.withQuestion(of: request)
        var transaction: Transaction?
        var length = request.count
        switch peers.keys.check(request, seconds: seconds) {
        case .unsigned: break
        case .malformed: return refuse(asked, request, .formatError, context, into: &output)
        case .refused(var refusal):
            var outcome = refuse(asked, request, .notAuthorized, context, 600, into: &output)
            outcome.signature = SignatureState(refusal.error)
            if output.count > start {
                refusal.write(into: &output, from: start, seconds: seconds)
            }
            return outcome
        case .accepted(let found, let bare): (transaction, length) = (found, bare)
        }
        let notice = ZoneNotice(request.extracting(0..<length), isSigned: transaction != nil)
        var code = ResponseCode.formatError
        // §3.2: where what has no meaning is not zero, it is no notice.
        if let notice, query.flags & ZoneNotice.meaningless == 0 {
            switch peers.rules.hears(notice.zone, context.client, key: transaction?.key.name) {
            case nil: code = .notAuthorized
            case false?: code = .refused
            case true?: code = .noError
            }
        }
        // RFC 1996 §4.7: as the notice but for QR, AA included.
        var outcome = refuse(
            asked,
            request,
            code,
            context,
            transaction?.length ?? 0,
            isAuthoritative: code == .noError,
            into: &output
        )
        outcome.isNotice = code == .noError || code == .refused
        if transaction != nil {
            outcome.signature = .good
            transaction?.sign(&output, from: start, seconds: seconds)
        }
        return outcome
    }
}

/// What a notice says.
struct ZoneNotice {
    /// TC, RD, RA, Z, AD, CD and the code: nothing is described that they could say in a notice
    /// (RFC 1996 §3.2).
    static let meaningless: UInt16 = 0x03ff

    let zone: DomainName
    /// The new version, if it is told; nobody vouches for it (RFC 1996 §3.7).
    let serial: SerialNumber?

    /// Reads a notice, without its signature; nil for one that breaks the format.
    init?(_ message: Span<UInt8>, isSigned: Bool) {
        var bytes: [UInt8] = []
        for index in message.indices { bytes.append(message[index]) }
        if isSigned, bytes.count > 11 {
            // The signature is counted, and gone.
            let count = UInt16(bytes[10]) << 8 | UInt16(bytes[11])
            bytes[10] = UInt8((count &- 1) >> 8)
            bytes[11] = UInt8(truncatingIfNeeded: count &- 1)
        }
        guard let read = DNSMessage(bytes), read.questions.count == 1,
            let question = read.questions.first, question.type == .SOA,
            question.recordClass == RecordClass.internet
        else { return nil }
        zone = question.name.lowercased
        serial = read.answers.first { $0.owner == question.name }?.serial
    }
}

extension AnswerBook {
    /// Hands a notice on to those who look after zones, or for the log where it comes from nobody who
    /// may send it (RFC 1996 §3.10): a few of these, since anybody can send any number.
    @inline(never)
    func tell(_ request: Span<UInt8>, _ context: AnswerContext, _ outcome: AnswerOutcome) {
        var length = request.count
        var isSigned = false
        if case .found(let record) = TSIGRecord.read(request) {
            (length, isSigned) = (record.start, true)
        }
        guard let notice = ZoneNotice(request.extracting(0..<length), isSigned: isSigned) else {
            return
        }
        guard outcome.code == .noError else {
            notices?.postStray(notice.zone, from: context.client, seconds: context.timestamp)
            return
        }
        notices?.post(.changed(zone: notice.zone, serial: notice.serial, from: context.client))
    }
}
