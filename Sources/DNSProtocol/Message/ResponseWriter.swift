// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Builds one response behind whatever the output already holds.
///
/// The writer keeps where its message starts and how long it may become; the counts of the header
/// are filled in at the end. Every `write` that does not fit leaves the output as it was.
public struct ResponseWriter: BitwiseCopyable {
    /// Where the message starts in the output.
    public let start: Int
    /// The most octets of the message, the room for OPT included.
    public let limit: Int
    let announcedSize: UInt16
    // Octets kept back for the OPT record, which must not be lost to other records.
    @usableFromInline let reserved: Int
    /// Records in the answer section.
    public var answerCount: UInt16 = 0
    /// Records in the authority section.
    public var authorityCount: UInt16 = 0
    /// Records in the additional section, OPT not counted.
    public var additionalCount: UInt16 = 0
    /// Answers from our own data carry the AA bit.
    public var isAuthoritative = false
    /// Something that belongs into the answer did not fit.
    public var isTruncated = false
    /// The answer is one of a zone that denies compactly, to one who takes that (RFC 9824 §5.1).
    public var isCompact = false

    private let echoesSubnet: Bool

    static var optLength: Int { 11 }

    /// Begins a response: header and question are written, case preserved.
    ///
    /// `limit` is cut to the room that the output has; nothing is written, now or later, when that
    /// does not take header, question and OPT. `announcedSize` is what OPT tells the asker.
    /// `echoesSubnet` answers a client subnet that the query states with its scope. `optionLength`
    /// octets are kept back for further options, if the query knows EDNS.
    @_lifetime(output: copy output)
    public init(
        answering query: DNSQuery,
        _ request: Span<UInt8>,
        limit: Int,
        announcedSize: UInt16,
        echoesSubnet: Bool = false,
        optionLength: Int = 0,
        into output: inout OutputSpan<UInt8>
    ) {
        start = output.count
        self.announcedSize = announcedSize
        self.echoesSubnet = echoesSubnet && query.edns.subnet != nil
        let subnet = echoesSubnet ? query.edns.subnet?.optionLength ?? 0 : 0
        let options = subnet &+ optionLength
        reserved = query.edns.isPresent ? ResponseWriter.optLength &+ options : 0
        let question = min(query.questionEnd, request.count)
        let most = min(limit, output.freeCapacity)
        // Records without their head would be no message: then there is no room for anything.
        guard question &+ reserved <= most else {
            self.limit = 0
            return
        }
        self.limit = most
        output.write(request.extracting(0..<question))
    }

    /// Octets that records may still take.
    @inlinable public func room(_ output: borrowing OutputSpan<UInt8>) -> Int {
        limit &- reserved &- (output.count &- start)
    }

    /// The octets of the message as it stands, with OPT and the options that room is kept for.
    public func length(_ output: borrowing OutputSpan<UInt8>) -> Int {
        output.count &- start &+ reserved
    }

    /// Ends the message: OPT, flags and counts.
    ///
    /// `scope` is for a client subnet that is echoed (RFC 7871 §7.2.1). `optionLength` octets of
    /// options are still to be written behind.
    @_lifetime(output: copy output)
    public func finish(
        _ code: ResponseCode,
        query: DNSQuery,
        scope: UInt8 = 0,
        optionLength: Int = 0,
        into output: inout OutputSpan<UInt8>
    ) {
        guard output.count &- start >= DNSQuery.headerLength else { return }
        if reserved > 0 { writeOPT(code, query, scope, optionLength, into: &output) }
        let hasQuestion = query.questionEnd > DNSQuery.headerLength
        // QR, opcode as asked, AA, TC, RD as asked; RA and AD are 0 (RFC 4035 §3.1.6), CD of a query
        // is as asked (§3). In other messages than queries its bit has no meaning.
        var high = 0x80 | UInt8(truncatingIfNeeded: query.flags >> 8) & 0x79
        if isAuthoritative { high |= 0x04 }
        if isTruncated { high |= 0x02 }
        output[start &+ 2] = high
        let checking = query.opcode == 0 ? UInt8(truncatingIfNeeded: query.flags) & 0x10 : 0
        output[start &+ 3] = UInt8(truncatingIfNeeded: code.rawValue & 15) | checking
        put(hasQuestion ? 1 : 0, at: 4, into: &output)
        put(answerCount, at: 6, into: &output)
        put(authorityCount, at: 8, into: &output)
        put(additionalCount &+ (reserved > 0 ? 1 : 0), at: 10, into: &output)
    }

    // RFC 6891 §6.1.2: root, OPT, our size, extended code, version 0, DO as asked, options.
    @_lifetime(output: copy output)
    private func writeOPT(
        _ code: ResponseCode,
        _ query: DNSQuery,
        _ scope: UInt8,
        _ optionLength: Int,
        into output: inout OutputSpan<UInt8>
    ) {
        output.write(0)
        let head = UInt64(RecordType.OPT.rawValue) << 48 | UInt64(announcedSize) << 32
        let flags: UInt64 = (query.edns.wantsDNSSEC ? 0x8000 : 0) | (isCompact ? 0x4000 : 0)
        output.write(uint64: head | UInt64(code.rawValue >> 4 & 0xff) << 24 | flags)
        guard echoesSubnet, let subnet = query.edns.subnet else {
            output.write(uint16: UInt16(truncatingIfNeeded: optionLength))
            return
        }
        output.write(uint16: UInt16(truncatingIfNeeded: subnet.optionLength &+ optionLength))
        subnet.write(scope: scope, into: &output)
    }

    @_lifetime(output: copy output)
    private func put(_ value: UInt16, at offset: Int, into output: inout OutputSpan<UInt8>) {
        output[start &+ offset] = UInt8(truncatingIfNeeded: value >> 8)
        output[start &+ offset &+ 1] = UInt8(truncatingIfNeeded: value)
    }

    /// Takes all records out again: the message ends with its question.
    @_lifetime(output: copy output)
    public mutating func clear(_ query: DNSQuery, _ output: inout OutputSpan<UInt8>) {
        let end = start &+ query.questionEnd
        guard output.count > end else { return }
        output.removeLast(output.count &- end)
        (answerCount, authorityCount, additionalCount) = (0, 0, 0)
    }

    /// Writes the fixed part of a record that is made up for the answer; false without room for
    /// `length` octets of data behind it.
    @_lifetime(output: copy output)
    public func writeRecordHead(
        ownerOffset: Int,
        type: RecordType,
        recordClass: UInt16 = 1,
        ttl: UInt32,
        dataLength length: Int,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard room(output) >= 12 &+ length else { return false }
        let owner = UInt64(truncatingIfNeeded: 0xc000 | ownerOffset & 0x3fff)
        let kind = UInt64(type.rawValue) << 32 | UInt64(recordClass) << 16
        output.write(uint64: owner << 48 | kind | UInt64(ttl >> 16))
        output.write(uint32: ttl << 16 | UInt32(truncatingIfNeeded: length & 0xffff))
        return true
    }
}
