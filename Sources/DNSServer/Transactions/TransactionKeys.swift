// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials
internal import Runtime

/// The keys of a configuration, by which signed requests are judged (RFC 8945 §5.2).
public struct TransactionKeys: Sendable {
    /// All keys; names are told apart without regard to case.
    public let keys: [TransactionKey]

    /// These keys.
    public init(_ keys: [TransactionKey] = []) { self.keys = keys }

    /// The key of a name.
    public func key(_ name: DomainName) -> TransactionKey? { keys.first { $0.name == name } }

    /// Judges the signature of a request; `seconds` is the time since 1970.
    ///
    /// Not for the steady state: it allocates, as every signed message does.
    public func check(_ message: Span<UInt8>, seconds: UInt64) -> TransactionCheck {
        let record: TSIGRecord
        switch TSIGRecord.read(message) {
        case .absent: return .unsigned
        case .malformed: return .malformed
        case .found(let found): record = found
        }
        guard let key = key(record.key), key.algorithm.name == record.algorithm else {
            return .refused(TransactionRefusal(record, .badKey, nil))
        }
        let body = message.extracting(DNSQuery.headerLength..<record.start)
        let expected = key.mac([record.signedHeader(message)], body, record.variables)
        let judgement = TSIGJudgement.judge(
            record,
            key.algorithm,
            expected: expected,
            least: key.leastLength,
            now: seconds
        )
        let transaction = Transaction(key, requestMAC: record.mac, id: record.originalID)
        switch judgement {
        case .accepted: return .accepted(transaction, length: record.start)
        case .malformed: return .malformed
        case .refused(.badSignature):
            return .refused(TransactionRefusal(record, .badSignature, nil))
        case .refused(let error):
            return .refused(TransactionRefusal(record, error, transaction))
        }
    }
}

/// What became of a request's signature.
public enum TransactionCheck: Sendable {
    /// There is none.
    case unsigned
    /// The message breaks the format: FORMERR, not signed.
    case malformed
    /// NOTAUTH, with a record that says why.
    case refused(TransactionRefusal)
    /// Good: the message without it has `length` octets, and the transaction signs the response.
    case accepted(Transaction, length: Int)
}

/// A signature that is not good, and how that is told.
public struct TransactionRefusal: Sendable {
    /// Why.
    public let error: TSIGError
    /// The signature in question.
    public let record: TSIGRecord
    // Signs the response where the peer has shown that it has the key (RFC 8945 §5.3.2).
    private var transaction: Transaction?

    init(_ record: TSIGRecord, _ error: TSIGError, _ transaction: Transaction?) {
        self.record = record
        self.error = error
        self.transaction = transaction
    }

    /// Ends a response, of which code and question are written, by the record that says why.
    @_lifetime(output: copy output)
    public mutating func write(
        into output: inout OutputSpan<UInt8>,
        from start: Int,
        seconds: UInt64
    ) {
        if transaction != nil {
            // §5.2.3: the client's time and fudge sign, and the other data are the server's.
            let isTime = error == .badTime
            transaction?.sign(
                &output,
                from: start,
                seconds: isTime ? record.timeSigned : seconds,
                error: error,
                other: isTime ? Transaction.time(seconds) : [],
                fudge: isTime ? record.fudge : Transaction.fudge
            )
            return
        }
        var reply = record
        reply.mac = []
        reply.error = error.rawValue
        reply.other = []
        guard reply.write(into: &output) else { return }
        Transaction.countRecord(in: &output, from: start)
    }
}
