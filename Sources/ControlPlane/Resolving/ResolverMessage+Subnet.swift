// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// Networks of clients in queries of a stub resolver (RFC 7871).
extension ResolverMessage {
    /// What an answer says of the network that it is for.
    enum Scope: Equatable, Sendable {
        /// Nothing: the server does not know of networks.
        case missing
        /// It holds for so many leading bits.
        case stated(UInt8)
        /// It is for another network than the one asked for: it answers another question.
        case foreign
    }

    private static let subnetCode: UInt16 = 8

    /// The option of a query.
    static func subnetOption(_ subnet: Prefix) -> [UInt8] {
        let octets = octets(subnet)
        func pair(_ value: Int) -> [UInt8] {
            [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
        }
        return pair(Int(subnetCode)) + pair(4 + octets.count)
            + pair(subnet.address.isIPv4 ? 1 : 2) + [UInt8(clamping: subnet.length), 0] + octets
    }

    // As many as the prefix needs (RFC 7871 §6).
    private static func octets(_ subnet: Prefix) -> [UInt8] {
        let width = subnet.address.bitWidth
        return (0..<(subnet.length + 7) / 8).map { index in
            UInt8(truncatingIfNeeded: subnet.address.bits >> UInt128(width - 8 - index * 8))
        }
    }

    /// The network that an answer is for: family, length and address must be those of the query
    /// (RFC 7871 §7.3).
    static func scope(_ bytes: [UInt8], asked subnet: Prefix) -> Scope {
        var reader = AnswerReader(bytes: bytes)
        guard reader.skip(4), let questions = reader.integer16(), let answers = reader.integer16(),
            let authorities = reader.integer16(), let additionals = reader.integer16()
        else { return .missing }
        for _ in 0..<questions {
            guard reader.name() != nil, reader.skip(4) else { return .missing }
        }
        for number in 0..<Int(answers) + Int(authorities) + Int(additionals) {
            guard let record = reader.record() else { return .missing }
            guard record.type == .OPT, number >= Int(answers) + Int(authorities) else { continue }
            return scope(bytes[record.data], subnet)
        }
        return .missing
    }

    private static func scope(_ options: ArraySlice<UInt8>, _ subnet: Prefix) -> Scope {
        var rest = options
        while rest.count >= 4 {
            let head = rest.prefix(4).map(UInt16.init)
            let (code, length) = (head[0] << 8 | head[1], Int(head[2] << 8 | head[3]))
            let data = Array(rest.dropFirst(4).prefix(length))
            guard data.count == length else { return .missing }
            rest = rest.dropFirst(4 + length)
            guard code == subnetCode else { continue }
            let wanted = subnetOption(subnet).dropFirst(4)
            guard data.count >= 4, data.prefix(3) == wanted.prefix(3),
                data.dropFirst(4) == wanted.dropFirst(4),
                Int(data[3]) <= subnet.address.bitWidth
            else { return .foreign }
            return .stated(data[3])
        }
        return .missing
    }
}
