// SPDX-License-Identifier: Apache-2.0
public import DNSProtocol
internal import Essentials
internal import Runtime

/// One signed request, whose response is signed by the same key (RFC 8945 §5.3).
///
/// A response of several messages is a chain: each signature covers the one before it (§5.3.1).
public struct Transaction: Sendable {
    /// The key of the request.
    public let key: TransactionKey
    // Of the request, then of each message as it was signed.
    private var priorMAC: [UInt8]
    private let originalID: UInt16
    private var isFirst = true

    /// How far apart clocks may be, in seconds (RFC 8945 §10).
    public static let fudge: UInt16 = 300

    init(_ key: TransactionKey, requestMAC: [UInt8], id: UInt16) {
        self.key = key
        priorMAC = requestMAC
        originalID = id
    }

    /// Octets that a signature takes.
    public var length: Int {
        key.name.wire.count + 26 + key.algorithm.name.wire.count + key.algorithm.length + 6
    }

    /// Signs the message that begins at `start`; false, with nothing written, without room or
    /// memory.
    ///
    /// `error`, `other` and the client's own `fudge` are for requests whose time or length of
    /// signature was wrong.
    @discardableResult @_lifetime(output: copy output)
    public mutating func sign(
        _ output: inout OutputSpan<UInt8>,
        from start: Int,
        seconds: UInt64,
        error: TSIGError = .none,
        other: [UInt8] = [],
        fudge: UInt16 = Transaction.fudge
    ) -> Bool {
        guard start >= 0, output.count &- start >= DNSQuery.headerLength else { return false }
        var record = TSIGRecord(
            key: key.name,
            algorithm: key.algorithm.name,
            timeSigned: seconds,
            originalID: UInt16(output[start]) << 8 | UInt16(output[start &+ 1])
        )
        record.fudge = fudge
        record.error = error.rawValue
        record.other = other
        let (prior, end) = (TSIGRecord.counted(priorMAC), output.count)
        let rest = isFirst ? record.variables : record.timers
        record.mac = key.mac([prior], output.span.extracting(start..<end), rest)
        guard !record.mac.isEmpty, record.write(into: &output) else { return false }
        Transaction.countRecord(in: &output, from: start)
        priorMAC = record.mac
        isFirst = false
        return true
    }

    /// A time as other data have it: 48 bits.
    static func time(_ seconds: UInt64) -> [UInt8] {
        stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: seconds >> $0) }
    }

    /// One additional record more.
    @_lifetime(output: copy output)
    static func countRecord(in output: inout OutputSpan<UInt8>, from start: Int) {
        guard output.count &- start >= DNSQuery.headerLength else { return }
        let count = UInt16(output[start &+ 10]) << 8 | UInt16(output[start &+ 11])
        output[start &+ 10] = UInt8(truncatingIfNeeded: (count &+ 1) >> 8)
        output[start &+ 11] = UInt8(truncatingIfNeeded: count &+ 1)
    }
}

extension TSIGRecord {
    /// A MAC that is signed along: its length, then itself (RFC 8945 §4.3.1).
    static func counted(_ mac: [UInt8]) -> [UInt8] {
        guard !mac.isEmpty else { return [] }
        return [UInt8(truncatingIfNeeded: mac.count >> 8), UInt8(truncatingIfNeeded: mac.count)]
            + mac
    }
}
