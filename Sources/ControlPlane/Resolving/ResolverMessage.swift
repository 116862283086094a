// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Queries of a stub resolver and what their answers say (RFC 1035 §4, RFC 5452).
enum ResolverMessage {
    /// What a server answered to one question.
    enum Answer: Equatable, Sendable {
        /// Addresses, with the lowest TTL on the way to them, in seconds.
        case addresses([IPAddress], ttl: UInt32)
        /// The name exists without such addresses.
        case noData
        /// The name does not exist.
        case noName
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
        var reader = Reader(bytes: bytes)
        guard bytes.count >= 12, reader.integer16() == id, let flags = reader.integer16(),
            flags & 0x8000 != 0, flags >> 11 & 15 == 0, reader.integer16() == 1,
            let count = reader.integer16(), reader.skip(4), reader.name() == name.lowercased.wire,
            reader.integer16() == type.rawValue, reader.integer16() == 1
        else { return nil }
        if flags & 0x0200 != 0 { return .truncated }
        switch flags & 15 {
        case 0: return reader.addresses(count: Int(count), of: name, type) ?? .refused(code: 1)
        case 3: return .noName
        case let code: return .refused(code: UInt8(code))
        }
    }
}

/// Walks a message that nobody vouches for: every step checks its bounds.
private struct Reader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func skip(_ count: Int) -> Bool {
        guard count <= bytes.count - position else { return false }
        position += count
        return true
    }

    mutating func integer16() -> UInt16? {
        guard bytes.count - position >= 2 else { return nil }
        defer { position += 2 }
        return UInt16(bytes[position]) << 8 | UInt16(bytes[position + 1])
    }

    mutating func integer32() -> UInt32? {
        guard let high = integer16(), let low = integer16() else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    /// A name in lower case without compression; nil when it is malformed.
    mutating func name() -> [UInt8]? {
        var name: [UInt8] = []
        var place = position
        var end: Int?
        while place < bytes.count {
            let length = Int(bytes[place])
            switch length {
            case 0:
                position = end ?? place + 1
                return name + [0]
            case 1...63:
                guard place + length < bytes.count, name.count + length < 255 else { return nil }
                name.append(UInt8(length))
                name += bytes[place + 1...place + length].map(ASCII.lowercased)
                place += length + 1
            case 0xc0...:
                // Only backwards, so that the walk ends (RFC 1035 §4.1.4).
                guard place + 1 < bytes.count else { return nil }
                let target = (length & 0x3f) << 8 | Int(bytes[place + 1])
                guard target < place else { return nil }
                end = end ?? place + 2
                place = target
            default: return nil
            }
        }
        return nil
    }

    /// Follows aliases from `name` through the answer section; nil for a malformed one.
    mutating func addresses(
        count: Int,
        of name: DomainName,
        _ type: RecordType
    ) -> ResolverMessage.Answer? {
        var aliases: [[UInt8]: (target: [UInt8], ttl: UInt32)] = [:]
        var found: [[UInt8]: (addresses: [IPAddress], ttl: UInt32)] = [:]
        for _ in 0..<count {
            guard let owner = self.name(), let kind = integer16(), let group = integer16(),
                let ttl = integer32(), let length = integer16(),
                bytes.count - position >= Int(length)
            else { return nil }
            let end = position + Int(length)
            // RFC 2181 §8: a TTL with the top bit set is zero.
            let seconds = ttl > 0x7fff_ffff ? 0 : ttl
            if group == 1, kind == RecordType.CNAME.rawValue, let target = self.name() {
                aliases[owner] = (target, seconds)
            } else if group == 1, kind == type.rawValue,
                let ip = address(type, length: Int(length))
            {
                let known = found[owner] ?? ([], .max)
                found[owner] = (known.addresses + [ip], min(known.ttl, seconds))
            }
            position = end
        }
        var owner = name.lowercased.wire
        var ttl = UInt32.max
        for _ in 0..<ResolverMessage.chainLimit {
            if let here = found[owner] {
                return .addresses(here.addresses, ttl: min(ttl, here.ttl))
            }
            guard let alias = aliases[owner] else { return .noData }
            ttl = min(ttl, alias.ttl)
            owner = alias.target
        }
        return nil
    }

    private func address(_ type: RecordType, length: Int) -> IPAddress? {
        let data = bytes[position..<position + length]
        let bits = data.prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        if type == .A, length == 4 { return IPAddress(v4: UInt32(truncatingIfNeeded: bits)) }
        if type == .AAAA, length == 16 { return IPAddress(v6: bits).unmapped }
        return nil
    }
}
