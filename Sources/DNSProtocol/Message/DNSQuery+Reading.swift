// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Reading a query: one pass, no allocation, and every refusal decided here.
extension DNSQuery {
    /// Additional records that a query may carry: OPT and a signature, with room for what may come.
    static var additionalLimit: Int { 4 }

    /// Reads a message that was received.
    public static func read(_ bytes: Span<UInt8>) -> DNSQuery {
        var query = DNSQuery(verdict: .drop)
        query.take(bytes)
        return query
    }

    /// Becomes what a message that was received says: a batch is read in its place.
    public mutating func take(_ bytes: Span<UInt8>) {
        self = DNSQuery(verdict: .drop)
        // A response is never answered: two servers would talk to each other for ever.
        guard bytes.count >= DNSQuery.headerLength, bytes[2] & 0x80 == 0 else { return }
        id = UInt16(truncatingIfNeeded: DNSQuery.word(bytes, 0))
        flags = UInt16(truncatingIfNeeded: DNSQuery.word(bytes, 2))
        guard opcode == 0 else {
            verdict = .reject(.notImplemented)
            if DNSQuery.word(bytes, 10) > 0 { readOption(ofOther: bytes) }
            return
        }
        guard DNSQuery.word(bytes, 4) == 1, readQuestion(bytes) else {
            verdict = readWithoutQuestion(bytes)
            return
        }
        verdict = readRest(bytes)
        // Of a query that breaks the format nothing is answered but that: no subnet is echoed.
        if verdict == .reject(.formatError) { edns.subnet = nil }
    }

    // The OPT of a message that is no query: whatever its answer says, one goes along (RFC 6891
    // §6.1.1). What it asks for besides is for queries.
    @inline(never)
    private mutating func readOption(ofOther bytes: Span<UInt8>) {
        var position = DNSQuery.headerLength
        for _ in 0..<DNSQuery.word(bytes, 4) {
            guard let end = AdditionalRecord.skipName(bytes, at: position) else { return }
            position = end &+ 4
        }
        let others = DNSQuery.word(bytes, 6) &+ DNSQuery.word(bytes, 8)
        for index in 0..<others &+ DNSQuery.word(bytes, 10) {
            guard let record = AdditionalRecord(bytes, at: position) else { return }
            if index >= others, record.type == .OPT, bytes[position] == 0 {
                edns.isPresent = true
                edns.payloadSize = max(record.recordClass, 512)
                return
            }
            position = record.end
        }
    }

    /// The same with its question, of whatever operation: an answer repeats it.
    public func withQuestion(of bytes: Span<UInt8>) -> DNSQuery {
        var query = self
        guard bytes.count >= DNSQuery.headerLength, DNSQuery.word(bytes, 4) == 1 else {
            return self
        }
        return query.readQuestion(bytes) ? query : self
    }

    // RFC 7873 §5.4: a query without a question may ask for a cookie, and for nothing else.
    @inline(never)
    private mutating func readWithoutQuestion(_ bytes: Span<UInt8>) -> Verdict {
        guard DNSQuery.word(bytes, 4) == 0 else { return .reject(.formatError) }
        let rest = readRest(bytes)
        guard rest == .accept else { return rest }
        return .reject(edns.options.contains(.cookie) ? .noError : .formatError)
    }

    @inline(__always) static func word(_ bytes: Span<UInt8>, _ at: Int) -> Int {
        Int(bytes[at]) << 8 | Int(bytes[at &+ 1])
    }

    // RFC 1035 §4.1.2. A pointer in a question could only point into the header: refused.
    @inline(__always)
    private mutating func readQuestion(_ bytes: Span<UInt8>) -> Bool {
        guard let scanned = WireName.scan(bytes, at: DNSQuery.headerLength) else { return false }
        let position = DNSQuery.headerLength &+ scanned.length
        guard position &+ 4 <= bytes.count else { return false }
        name = scanned
        type = RecordType(UInt16(truncatingIfNeeded: DNSQuery.word(bytes, position)))
        recordClass = UInt16(truncatingIfNeeded: DNSQuery.word(bytes, position &+ 2))
        questionEnd = position &+ 4
        return true
    }

    private mutating func readRest(_ bytes: Span<UInt8>) -> Verdict {
        // An IXFR request carries the SOA it has in its authority section (RFC 1995 §3).
        let authority = DNSQuery.word(bytes, 8)
        guard DNSQuery.word(bytes, 6) == 0, authority == 0 || (type == .IXFR && authority == 1)
        else { return .reject(.formatError) }
        let additional = DNSQuery.word(bytes, 10)
        guard additional <= DNSQuery.additionalLimit else { return .reject(.formatError) }
        var position = questionEnd
        for index in 0..<authority &+ additional {
            guard index >= authority else {
                guard let record = AdditionalRecord(bytes, at: position) else {
                    return .reject(.formatError)
                }
                position = record.end
                continue
            }
            guard let end = readAdditional(bytes, at: position) else {
                return .reject(.formatError)
            }
            position = end
            // RFC 8945 §5.1: the signature is the last record.
            if isSigned, index &+ 1 < authority &+ additional { return .reject(.formatError) }
        }
        guard position == bytes.count else { return .reject(.formatError) }
        return edns.version == 0 ? .accept : .reject(.badVersion)
    }

    // The offset after the record at `position`; nil when the message must be refused.
    private mutating func readAdditional(_ bytes: Span<UInt8>, at position: Int) -> Int? {
        guard let record = AdditionalRecord(bytes, at: position) else { return nil }
        if record.type == .TSIG { isSigned = true }
        guard record.type == .OPT else { return record.end }
        // RFC 6891 §6.1.1: one OPT, owned by the root.
        guard !edns.isPresent, bytes[position] == 0 else { return nil }
        edns.isPresent = true
        edns.payloadSize = max(record.recordClass, 512)
        edns.version = UInt8(truncatingIfNeeded: record.ttl >> 16)
        edns.wantsDNSSEC = record.ttl & 0x8000 != 0
        edns.takesCompactDenial = record.ttl & 0x4000 != 0
        // What options of another version look like is not known (RFC 6891 §6.1.3).
        guard edns.version == 0 else { return record.end }
        return readOptions(bytes, from: record.dataStart, to: record.end) ? record.end : nil
    }

    private mutating func readOptions(
        _ bytes: Span<UInt8>,
        from start: Int,
        to end: Int
    ) -> Bool {
        var position = start
        while position < end {
            guard position &+ 4 <= end else { return false }
            let code = DNSQuery.word(bytes, position)
            let length = DNSQuery.word(bytes, position &+ 2)
            let data = position &+ 4
            guard length <= end &- data else { return false }
            // Options that are not known are ignored (RFC 6891 §6.1.2).
            switch code {
            case 3: edns.options.insert(.identifier)
            case 8:
                guard edns.subnet == nil,
                    let subnet = ClientSubnet(bytes, at: data, length: length)
                else { return false }
                edns.subnet = subnet
            case 10:
                guard readCookie(at: data, length: length) else { return false }
            case 11: edns.options.insert(.keepalive)
            case 12: edns.options.insert(.padding)
            default: break
            }
            position = data &+ length
        }
        return true
    }

    // RFC 7873 §4, §5.2.2: 8 octets of the client, then none or 8 to 32 of the server; of several
    // cookies the first counts.
    private mutating func readCookie(at data: Int, length: Int) -> Bool {
        guard length == 8 || (16...40).contains(length) else { return false }
        guard !edns.options.contains(.cookie) else { return true }
        edns.options.insert(.cookie)
        edns.cookieStart = UInt16(truncatingIfNeeded: data)
        edns.cookieLength = UInt8(truncatingIfNeeded: length)
        return true
    }
}

/// The fixed part of a record behind the question.
struct AdditionalRecord: BitwiseCopyable {
    let type: RecordType
    let recordClass: UInt16
    let ttl: UInt32
    let dataStart: Int
    let end: Int

    /// Finds the record's parts; nil when it runs over the end or its name is malformed.
    init?(_ bytes: Span<UInt8>, at start: Int) {
        guard let fixed = AdditionalRecord.skipName(bytes, at: start), fixed &+ 10 <= bytes.count
        else { return nil }
        type = RecordType(UInt16(truncatingIfNeeded: DNSQuery.word(bytes, fixed)))
        recordClass = UInt16(truncatingIfNeeded: DNSQuery.word(bytes, fixed &+ 2))
        let high = DNSQuery.word(bytes, fixed &+ 4)
        ttl = UInt32(truncatingIfNeeded: high << 16 | DNSQuery.word(bytes, fixed &+ 6))
        dataStart = fixed &+ 10
        end = dataStart &+ DNSQuery.word(bytes, fixed &+ 8)
        guard end <= bytes.count else { return nil }
    }

    // The name is stepped over, not followed: a pointer ends it, so no loop is possible.
    static func skipName(_ bytes: Span<UInt8>, at start: Int) -> Int? {
        var position = start
        while position < bytes.count, position &- start < WireName.maximumLength {
            let label = Int(bytes[position])
            if label == 0 { return position &+ 1 }
            if label >= 0xc0 { return position &+ 2 }
            guard label <= WireName.maximumLabel else { return nil }
            position &+= label &+ 1
        }
        return nil
    }
}
