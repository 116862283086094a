// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials
internal import Runtime

/// The asking side of a transaction: signs a request, and checks the messages that answer it.
///
/// Of a response of several messages the first and the last must be signed, and at least every
/// hundredth between them (RFC 8945 §5.3.1).
public struct TransactionClient: ~Copyable {
    /// Why a response is not believed.
    public enum Fault: Error, Equatable, Sendable {
        /// It has no signature where there must be one.
        case unsigned
        /// It breaks the format.
        case malformed
        /// Another key or algorithm signed it.
        case strangeKey
        /// The signature is not that of the message.
        case badSignature
        /// The clocks are too far apart.
        case badTime
        /// The peer refuses our signature, for this reason.
        case refused(UInt16)
    }

    /// Unsigned messages that may stand between two signed ones.
    static let unsignedLimit = 99

    private let key: TransactionKey
    private var priorMAC: [UInt8] = []
    private var isFirst = true
    private var unsigned = 0
    // All that came since the latest signature.
    private var digest: KeyedDigestStream?

    /// A client with a key.
    public init(_ key: TransactionKey) { self.key = key }

    /// The request with its signature.
    public mutating func sign(_ request: [UInt8], seconds: UInt64) -> [UInt8] {
        guard request.count >= DNSQuery.headerLength else { return request }
        var record = TSIGRecord(
            key: key.name,
            algorithm: key.algorithm.name,
            timeSigned: seconds,
            originalID: UInt16(request[0]) << 8 | UInt16(request[1])
        )
        record.fudge = Transaction.fudge
        record.mac = key.mac([], request.span, record.variables)
        priorMAC = record.mac
        isFirst = true
        unsigned = 0
        begin()
        return [UInt8](capacity: request.count + record.length) { output in
            output.write(request.span)
            record.write(into: &output)
            Transaction.countRecord(in: &output, from: 0)
        }
    }

    private mutating func begin() {
        digest = key.digest()
        digest?.add(TSIGRecord.counted(priorMAC))
    }

    /// Checks the next message of the response; the octets that it has without its signature.
    public mutating func take(
        _ message: Span<UInt8>,
        seconds: UInt64
    ) throws(Fault) -> Int {
        let record: TSIGRecord
        switch TSIGRecord.read(message) {
        case .malformed: throw .malformed
        case .absent:
            guard !isFirst, unsigned < TransactionClient.unsignedLimit else { throw .unsigned }
            unsigned += 1
            digest?.add(message)
            return message.count
        case .found(let found): record = found
        }
        guard record.key == key.name, record.algorithm == key.algorithm.name else {
            throw .strangeKey
        }
        // §5.3.2: these two are told without a signature, by whoever it is.
        let error = TSIGError(rawValue: record.error)
        if record.mac.isEmpty, error == .badKey || error == .badSignature {
            throw .refused(record.error)
        }
        digest?.add(record.signedHeader(message))
        digest?.add(message.extracting(DNSQuery.headerLength..<record.start))
        digest?.add(isFirst ? record.variables : record.timers)
        guard let expected = digest.take()?.finish() else { throw .badSignature }
        let judgement = TSIGJudgement.judge(
            record,
            key.algorithm,
            expected: expected,
            least: key.leastLength,
            now: record.error == TSIGError.badTime.rawValue ? record.timeSigned : seconds
        )
        switch judgement {
        case .accepted: break
        case .malformed: throw .malformed
        case .refused(.badTime): throw .badTime
        case .refused: throw .badSignature
        }
        guard record.error == 0 else { throw .refused(record.error) }
        priorMAC = record.mac
        isFirst = false
        unsigned = 0
        begin()
        return record.start
    }

    /// True when the latest message was signed: a response ends with one that is.
    public var isSettled: Bool { !isFirst && unsigned == 0 }
}
