// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The signature at the end of a message (RFC 8945 §4.2).
///
///     key name | TSIG | ANY | TTL 0 | length |
///     algorithm name | time signed (48) | fudge (16) | MAC size (16) | MAC |
///     original id (16) | error (16) | other length (16) | other data
///
/// Names are kept in lower case, which is how they are signed.
public struct TSIGRecord: Sendable, Equatable {
    /// Octets of the message that stand before the signature.
    public var start = 0
    /// The name of the key, in lower case.
    public var key: DomainName
    /// The name of the algorithm, in lower case.
    public var algorithm: DomainName
    /// When it was made, in seconds since 1970; 48 bits.
    public var timeSigned: UInt64
    /// How many seconds the clocks may be apart.
    public var fudge: UInt16 = 300
    /// The MAC, perhaps a part of it.
    public var mac: [UInt8] = []
    /// The id of the message when it was signed: forwarders change ids.
    public var originalID: UInt16
    /// What was wrong with the request.
    public var error: UInt16 = 0
    /// The server's time after BADTIME; else empty.
    public var other: [UInt8] = []

    /// A signature that is still to be made.
    public init(
        key: DomainName,
        algorithm: DomainName,
        timeSigned: UInt64,
        originalID: UInt16
    ) {
        self.key = key.lowercased
        self.algorithm = algorithm.lowercased
        self.timeSigned = timeSigned & 0xffff_ffff_ffff
        self.originalID = originalID
    }

    /// What a message has of it.
    public enum Reading: Sendable, Equatable {
        /// None: the message is not signed.
        case absent
        /// One that is not the last record, not alone, or not well-formed: FORMERR (§5.1).
        case malformed
        /// This one.
        case found(TSIGRecord)
    }

    /// Looks for the signature of a message.
    public static func read(_ message: Span<UInt8>) -> Reading {
        guard message.count >= DNSQuery.headerLength else { return .malformed }
        var position = DNSQuery.headerLength
        for _ in 0..<DNSQuery.word(message, 4) {
            guard let end = AdditionalRecord.skipName(message, at: position) else {
                return .malformed
            }
            position = end &+ 4
        }
        let additional = DNSQuery.word(message, 10)
        let count = DNSQuery.word(message, 6) &+ DNSQuery.word(message, 8) &+ additional
        for index in 0..<count {
            guard let fixed = AdditionalRecord(message, at: position) else { return .malformed }
            guard fixed.type == .TSIG else {
                position = fixed.end
                continue
            }
            guard index &+ 1 == count, additional > 0, fixed.end == message.count,
                let record = TSIGRecord(message, at: position, fixed)
            else { return .malformed }
            return .found(record)
        }
        return .absent
    }

    private init?(_ message: Span<UInt8>, at start: Int, _ fixed: AdditionalRecord) {
        var place = start
        // §4.2: class ANY and a TTL of 0.
        guard fixed.recordClass == 255, fixed.ttl == 0,
            let key = DomainName(expanding: message, at: &place),
            let length = WireName.length(in: message, at: fixed.dataStart)
        else { return nil }
        place = fixed.dataStart &+ length
        guard place &+ 16 <= fixed.end,
            let algorithm = DomainName(wire: Array(copying: message, fixed.dataStart..<place))
        else { return nil }
        self.start = start
        self.key = key.lowercased
        self.algorithm = algorithm.lowercased
        timeSigned = 0
        for index in place..<place &+ 6 { timeSigned = timeSigned << 8 | UInt64(message[index]) }
        fudge = UInt16(truncatingIfNeeded: DNSQuery.word(message, place &+ 6))
        let macLength = DNSQuery.word(message, place &+ 8)
        place &+= 10
        guard place &+ macLength &+ 6 <= fixed.end else { return nil }
        mac = Array(copying: message, place..<place &+ macLength)
        place &+= macLength
        originalID = UInt16(truncatingIfNeeded: DNSQuery.word(message, place))
        error = UInt16(truncatingIfNeeded: DNSQuery.word(message, place &+ 2))
        let otherLength = DNSQuery.word(message, place &+ 4)
        place &+= 6
        guard place &+ otherLength == fixed.end else { return nil }
        other = Array(copying: message, place..<fixed.end)
    }
}

/// What is signed, and how the record is written.
extension TSIGRecord {
    /// What is signed behind the message (RFC 8945 §4.3.3).
    public var variables: [UInt8] {
        key.wire + [0, 255, 0, 0, 0, 0] + algorithm.wire + timers
            + TSIGRecord.octets(error) + TSIGRecord.octets(UInt16(clamping: other.count)) + other
    }

    /// What is signed behind all but the first message of a stream (RFC 8945 §5.3.1).
    public var timers: [UInt8] {
        stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: timeSigned >> $0) }
            + TSIGRecord.octets(fudge)
    }

    /// The header as it was signed: with the id of then, and without the signature in the count.
    public func signedHeader(_ message: Span<UInt8>) -> [UInt8] {
        guard message.count >= DNSQuery.headerLength else { return [] }
        let count = DNSQuery.word(message, 10)
        return TSIGRecord.octets(originalID) + Array(copying: message, 2..<10)
            + TSIGRecord.octets(UInt16(truncatingIfNeeded: max(count &- 1, 0)))
    }

    /// Octets of the record.
    public var length: Int {
        key.wire.count &+ 10 &+ algorithm.wire.count &+ 16 &+ mac.count &+ other.count
    }

    /// Writes the record, all of it or nothing.
    @discardableResult @_lifetime(output: copy output)
    public func write(into output: inout OutputSpan<UInt8>) -> Bool {
        let data = algorithm.wire.count &+ 16 &+ mac.count &+ other.count
        let head =
            key.wire + [0, 250, 0, 255, 0, 0, 0, 0] + TSIGRecord.octets(UInt16(clamping: data))
        let middle = algorithm.wire + timers + TSIGRecord.octets(UInt16(clamping: mac.count)) + mac
        let end =
            TSIGRecord.octets(originalID) + TSIGRecord.octets(error)
            + TSIGRecord.octets(UInt16(clamping: other.count)) + other
        return output.write((head + middle + end).span)
    }

    static func octets(_ word: UInt16) -> [UInt8] { [UInt8(word >> 8), UInt8(word & 255)] }
}

extension Array where Element == UInt8 {
    init(copying span: Span<UInt8>, _ range: Range<Int>) {
        self.init(copying: span.extracting(range))
    }
}
