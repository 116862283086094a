// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Queries of a stub resolver and what their answers say (RFC 1035 §4, RFC 5452).
enum ResolverMessage {
    /// What a server answered to one question.
    enum Answer: Equatable, Sendable {
        /// Addresses, with the lowest TTL on the way to them, in seconds.
        case addresses([IPAddress], ttl: UInt32)
        /// The name exists without such addresses; for how many seconds that holds.
        case noData(ttl: UInt32)
        /// The name does not exist; for how many seconds that holds.
        case noName(ttl: UInt32)
        /// The answer did not fit a datagram: ask over TCP.
        case truncated
        /// The server cannot or will not answer: ask another.
        case refused(code: UInt8)
    }

    /// CNAME records followed within one answer.
    static let chainLimit = 16
    /// EDNS size announced: no fragment on any usual path (DNS flag day 2020).
    static let payloadSize: UInt16 = 1232

    /// A recursive query for `type`.
    static func query(id: UInt16, name: DomainName, type: RecordType) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: UInt16) {
            bytes += [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
        }
        append(id)
        append(0x0100)  // RD
        for count in [1, 0, 0, 1] as [UInt16] { append(count) }
        bytes += name.wire
        append(type.rawValue)
        append(1)
        bytes.append(0)  // OPT: root owner (RFC 6891 §6.1.2)
        append(RecordType.OPT.rawValue)
        append(payloadSize)
        for _ in 0..<3 { append(0) }
        return bytes
    }

    /// Reads an answer; nil when it is none to this query, which is then passed over.
    static func read(
        _ bytes: [UInt8],
        id: UInt16,
        name: DomainName,
        type: RecordType
    ) -> Answer? {
        var reader = AnswerReader(bytes: bytes)
        guard bytes.count >= 12, reader.integer16() == id, let flags = reader.integer16(),
            flags & 0x8000 != 0, flags >> 11 & 15 == 0, reader.integer16() == 1,
            let count = reader.integer16(), let authorities = reader.integer16(), reader.skip(2),
            reader.name() == name.lowercased.wire,
            reader.integer16() == type.rawValue, reader.integer16() == 1
        else { return nil }
        if flags & 0x0200 != 0 { return .truncated }
        switch flags & 15 {
        case 0:
            let found = addresses(&reader, count: Int(count), of: name, type)
            guard case .noData = found else { return found ?? .refused(code: 1) }
            return .noData(ttl: negativeTTL(&reader, count: Int(authorities)))
        case 3:
            for _ in 0..<count where reader.record() == nil { return .noName(ttl: 0) }
            return .noName(ttl: negativeTTL(&reader, count: Int(authorities)))
        case let code: return .refused(code: UInt8(code))
        }
    }

    /// How long a negative answer holds (RFC 2308 §5); not at all without an SOA.
    private static func negativeTTL(_ reader: inout AnswerReader, count: Int) -> UInt32 {
        for _ in 0..<count {
            guard let record = reader.record() else { return 0 }
            guard record.type == .SOA, record.group == RecordClass.internet,
                record.data.count >= 22
            else { continue }
            let minimum = reader.bytes[record.data].suffix(4)
                .reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return min(record.ttl, minimum)
        }
        return 0
    }

    /// Follows aliases from `name` through the answer section; nil for a malformed one.
    private static func addresses(
        _ reader: inout AnswerReader,
        count: Int,
        of name: DomainName,
        _ type: RecordType
    ) -> Answer? {
        var aliases: [[UInt8]: (target: [UInt8], ttl: UInt32)] = [:]
        var found: [[UInt8]: (addresses: [IPAddress], ttl: UInt32)] = [:]
        for _ in 0..<count {
            guard let record = reader.record() else { return nil }
            guard record.group == RecordClass.internet else { continue }
            if record.type == .CNAME, let target = reader.name(in: record) {
                aliases[record.owner] = (target, record.ttl)
            } else if record.type == type, let ip = reader.address(in: record) {
                let known = found[record.owner] ?? ([], .max)
                found[record.owner] = (known.addresses + [ip], min(known.ttl, record.ttl))
            }
        }
        var owner = name.lowercased.wire
        var ttl = UInt32.max
        for _ in 0..<chainLimit {
            if let here = found[owner] {
                return .addresses(here.addresses, ttl: min(ttl, here.ttl))
            }
            guard let alias = aliases[owner] else { return .noData(ttl: 0) }
            ttl = min(ttl, alias.ttl)
            owner = alias.target
        }
        return nil
    }
}
