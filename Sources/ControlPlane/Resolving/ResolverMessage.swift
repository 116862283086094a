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
        /// The server only says who else might know: ask another.
        case unresolved

        /// True when another server may know more.
        var isRefusal: Bool {
            switch self {
            case .refused, .unresolved: true
            case .addresses, .noData, .noName, .truncated: false
            }
        }
    }

    /// CNAME records followed within one answer.
    static let chainLimit = 16
    /// EDNS size announced: no fragment on any usual path (DNS flag day 2020).
    static let payloadSize: UInt16 = 1232

    /// A recursive query for `type`; with `subnet`, for clients of that network (RFC 7871 §7.1).
    static func query(
        id: UInt16,
        name: DomainName,
        type: RecordType,
        subnet: Prefix? = nil
    ) -> [UInt8] {
        ClientQuery(id: id, name: name, type: type, subnet: subnet).bytes
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
        let code = UInt8(flags & 15)
        guard code == 0 || code == 3 else { return .refused(code: code) }
        guard let way = way(&reader, count: Int(count), of: name, type) else {
            return code == 3 ? .noName(ttl: 0) : .refused(code: 1)
        }
        if code == 0, !way.addresses.isEmpty { return .addresses(way.addresses, ttl: way.ttl) }
        let authority = authority(&reader, count: Int(authorities))
        // Neither the way nor its end is known for longer than the other.
        let ttl = min(way.ttl, authority.negativeTTL ?? 0)
        guard code == 0 else { return .noName(ttl: ttl) }
        // RFC 2308 §2.2: name servers without an SOA are a referral, not an answer; and what a server
        // that does not recurse says of names that are not its own says nothing of their data.
        let (isAuthority, recurses) = (flags & 0x0400 != 0, flags & 0x0080 != 0)
        if authority.negativeTTL == nil,
            authority.refers || !recurses && (!isAuthority || way.hasAlias)
        {
            return .unresolved
        }
        return .noData(ttl: ttl)
    }

    /// What the authority section says of a negative answer.
    private struct Authority {
        /// How long it holds (RFC 2308 §5); nil without an SOA.
        var negativeTTL: UInt32?
        /// There are name servers to be asked.
        var refers = false
    }

    private static func authority(_ reader: inout AnswerReader, count: Int) -> Authority {
        var found = Authority()
        for _ in 0..<count {
            guard let record = reader.record() else { break }
            guard record.group == RecordClass.internet else { continue }
            if record.type == .NS { found.refers = true }
            guard record.type == .SOA, record.data.count >= 22 else { continue }
            let minimum = reader.bytes[record.data].suffix(4)
                .reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            found.negativeTTL = min(record.ttl, minimum)
            break
        }
        return found
    }

    /// Where a name leads to within an answer.
    private struct Way {
        var addresses: [IPAddress] = []
        /// The lowest on the way.
        var ttl = UInt32.max
        /// It leads through a CNAME.
        var hasAlias = false
    }

    /// Follows aliases from `name` through the answer section; nil for a malformed one.
    private static func way(
        _ reader: inout AnswerReader,
        count: Int,
        of name: DomainName,
        _ type: RecordType
    ) -> Way? {
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
        var way = Way()
        for _ in 0..<chainLimit {
            if let here = found[owner] {
                way.addresses = here.addresses
                way.ttl = min(way.ttl, here.ttl)
                return way
            }
            guard let alias = aliases[owner] else { return way }
            way.ttl = min(way.ttl, alias.ttl)
            way.hasAlias = true
            owner = alias.target
        }
        return nil
    }
}
