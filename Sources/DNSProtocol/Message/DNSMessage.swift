// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// A whole message decoded into values, for texts and tests: every name expanded.
///
/// Strict: what does not decode to the last octet is nil. Not for the data path.
public struct DNSMessage: Sendable, Equatable {
    /// The question.
    public struct Question: Sendable, Equatable {
        /// The name, case as sent.
        public var name: DomainName
        /// The type.
        public var type: RecordType
        /// The class.
        public var recordClass: UInt16
    }

    /// One record; its data is uncompressed.
    public struct Record: Sendable, Equatable {
        /// The owner, case as sent.
        public var owner: DomainName
        /// The type.
        public var type: RecordType
        /// The class; of OPT, the payload size.
        public var recordClass: UInt16
        /// The TTL; of OPT, extended code, version and flags.
        public var ttl: UInt32
        /// The data in uncompressed wire form.
        public var data: [UInt8]

        /// A record of class IN.
        public init(owner: DomainName, type: RecordType, ttl: UInt32, data: [UInt8]) {
            self.owner = owner
            self.type = type
            recordClass = DNSProtocol.RecordClass.internet
            self.ttl = ttl
            self.data = data
        }
    }

    /// The id.
    public var id: UInt16 = 0
    /// The second pair of header octets.
    public var flags: UInt16 = 0
    /// The questions: one, or none in some refusals.
    public var questions: [Question] = []
    /// The answer section.
    public var answers: [Record] = []
    /// The authority section.
    public var authorities: [Record] = []
    /// The additional section without OPT.
    public var additionals: [Record] = []
    /// The OPT record.
    public var option: Record?

    /// Header and OPT together (RFC 6891 §6.1.3).
    public var code: ResponseCode {
        ResponseCode(flags & 15 | UInt16(truncatingIfNeeded: (option?.ttl ?? 0) >> 24) << 4)
    }
    /// AA: from the server's own data.
    public var isAuthoritative: Bool { flags & 0x0400 != 0 }
    /// TC: something is missing.
    public var isTruncated: Bool { flags & 0x0200 != 0 }
    /// QR: an answer, not a question.
    public var isResponse: Bool { flags & 0x8000 != 0 }

    /// True when it names no other question than this one; messages behind the first of a stream
    /// may name none (RFC 7766 §7, RFC 5936 §2.2.1).
    public func isAbout(_ name: DomainName, _ type: RecordType) -> Bool {
        questions.allSatisfy {
            $0.name == name && $0.type == type
                && $0.recordClass == DNSProtocol.RecordClass.internet
        }
    }

    /// Decodes a message; nil when any octet of it is malformed or left over.
    public init?(_ bytes: Span<UInt8>) {
        guard bytes.count >= DNSQuery.headerLength else { return nil }
        id = UInt16(truncatingIfNeeded: DNSQuery.word(bytes, 0))
        flags = UInt16(truncatingIfNeeded: DNSQuery.word(bytes, 2))
        var position = DNSQuery.headerLength
        for _ in 0..<DNSQuery.word(bytes, 4) {
            guard let question = Question(bytes, &position) else { return nil }
            questions.append(question)
        }
        guard let answers = DNSMessage.records(bytes, DNSQuery.word(bytes, 6), &position),
            let authorities = DNSMessage.records(bytes, DNSQuery.word(bytes, 8), &position),
            let others = DNSMessage.records(bytes, DNSQuery.word(bytes, 10), &position),
            position == bytes.count
        else { return nil }
        self.answers = answers
        self.authorities = authorities
        additionals = others.filter { $0.type != .OPT }
        let options = others.filter { $0.type == .OPT }
        guard options.count <= 1 else { return nil }
        option = options.first
    }

    /// Decodes a message held in an array.
    public init?(_ bytes: [UInt8]) { self.init(bytes.span) }

    private static func records(
        _ bytes: Span<UInt8>,
        _ count: Int,
        _ position: inout Int
    ) -> [Record]? {
        var records: [Record] = []
        for _ in 0..<count {
            guard let record = Record(bytes, &position) else { return nil }
            records.append(record)
        }
        return records
    }
}

extension DNSMessage.Question {
    fileprivate init?(_ bytes: Span<UInt8>, _ position: inout Int) {
        guard let name = DomainName(expanding: bytes, at: &position), position + 4 <= bytes.count
        else { return nil }
        self.name = name
        type = RecordType(UInt16(truncatingIfNeeded: DNSQuery.word(bytes, position)))
        recordClass = UInt16(truncatingIfNeeded: DNSQuery.word(bytes, position + 2))
        position += 4
    }
}

extension DNSMessage.Record {
    init?(_ bytes: Span<UInt8>, _ position: inout Int) {
        guard let fixed = AdditionalRecord(bytes, at: position),
            let owner = DomainName(expanding: bytes, at: &position)
        else { return nil }
        self.owner = owner
        type = fixed.type
        recordClass = fixed.recordClass
        ttl = fixed.ttl
        data = []
        guard let expanded = DNSMessage.Record.expanded(type, bytes, fixed.dataStart..<fixed.end)
        else { return nil }
        data = expanded
        guard RecordDataForm.isWellFormed(type, data.span) else { return nil }
        position = fixed.end
    }

    // Data with their names expanded: the types of RFC 1035, and those that old servers compressed
    // as well (RFC 3597 §4).
    private static func expanded(
        _ type: RecordType,
        _ bytes: Span<UInt8>,
        _ range: Range<Int>
    ) -> [UInt8]? {
        let whole = bytes.extracting(0..<range.upperBound)
        var data: [UInt8] = []
        var place = range.lowerBound
        let others: [RecordType] = [.RP, .AFSDB, .RT, .SIG, .PX, .NAPTR, .SRV]
        if type.hasCompressibleNames || others.contains(type) {
            for field in RecordDataForm.fields(type) ?? [] {
                if field == .name {
                    guard let name = DomainName(expanding: whole, at: &place) else { return nil }
                    data += name.wire
                    continue
                }
                guard let end = RecordDataForm.end(of: field, in: whole, at: place) else {
                    return nil
                }
                for index in place..<end { data.append(whole[index]) }
                place = end
            }
        }
        guard place <= range.upperBound else { return nil }
        for index in place..<range.upperBound { data.append(whole[index]) }
        return data
    }
}

extension DNSMessage.Record: CustomStringConvertible {
    /// As a zone file would hold it.
    public var description: String {
        "\(owner) \(ttl) IN \(type) \(RecordText.data(type, data.span))"
    }
}

extension DomainName {
    /// Reads a name that may be compressed, and moves `position` behind it.
    ///
    /// Pointers must lead strictly backwards (RFC 1035 §4.1.4 "prior"), so no loop is possible; and
    /// no name needs more of them than it has labels, so none is long to follow.
    init?(expanding bytes: Span<UInt8>, at position: inout Int) {
        var wire: [UInt8] = []
        var place = position
        var floor = position
        var isFollowing = false
        var pointers = 0
        while place < bytes.count {
            let label = Int(bytes[place])
            if label >= 0xc0 {
                pointers += 1
                guard place + 1 < bytes.count, pointers <= WireName.maximumLength / 2 else {
                    return nil
                }
                if !isFollowing { position = place + 2 }
                isFollowing = true
                place = DNSQuery.word(bytes, place) & 0x3fff
                guard place < floor else { return nil }
                floor = place
                continue
            }
            guard label <= WireName.maximumLabel, place + label < bytes.count,
                wire.count + label + 1 <= WireName.maximumLength
            else { return nil }
            for index in place...place + label { wire.append(bytes[index]) }
            place += label + 1
            guard label == 0 else { continue }
            if !isFollowing { position = place }
            self.init(wire: wire)
            return
        }
        return nil
    }
}
