// SPDX-License-Identifier: Apache-2.0
internal import DNSProtocol
internal import Essentials

/// What a response says by EDNS (RFC 6891), option by option.
struct OptionFacts: Sendable, Equatable {
    /// More about an outcome (RFC 8914).
    struct Reason: Sendable, Equatable {
        var code: UInt16
        var text: [UInt8]
    }

    var version: UInt8
    /// The datagrams that the server takes.
    var size: UInt16
    /// DO.
    var wantsSignatures: Bool
    /// Which server answers (RFC 5001).
    var identifier: [UInt8]?
    /// The network that was stated, and the leading bits that the answer is for (RFC 7871).
    var subnet: Prefix?
    var scope: UInt8?
    var reasons: [Reason] = []
    /// The client's cookie and the server's (RFC 7873).
    var cookie: [UInt8]?
    /// How long a connection may be idle, in units of 100 ms (RFC 7828).
    var keepalive: UInt16?
    /// Octets of padding (RFC 7830).
    var padding: Int?
    /// Numbers of other options.
    var others: [UInt16] = []

    /// Reads an OPT record; what is malformed in an option leaves that option out.
    init(_ record: DNSMessage.Record) {
        version = UInt8(truncatingIfNeeded: record.ttl >> 16)
        size = record.recordClass
        wantsSignatures = record.ttl & 0x8000 != 0
        var rest = record.data[...]
        while rest.count >= 4 {
            let head = rest.prefix(4).map(UInt16.init)
            let (code, length) = (head[0] << 8 | head[1], Int(head[2] << 8 | head[3]))
            let data = Array(rest.dropFirst(4).prefix(length))
            guard data.count == length else { return }
            rest = rest.dropFirst(4 + length)
            take(code, data)
        }
    }

    private mutating func take(_ code: UInt16, _ data: [UInt8]) {
        func word() -> UInt16? {
            data.count < 2 ? nil : UInt16(data[0]) << 8 | UInt16(data[1])
        }
        switch code {
        case 3: identifier = data
        case 8: takeSubnet(data)
        case 10: cookie = data
        case 11: keepalive = word()
        case 12: padding = data.count
        case 15:
            if let code = word() { reasons.append(Reason(code: code, text: Array(data[2...]))) }
        default: others.append(code)
        }
    }

    private mutating func takeSubnet(_ data: [UInt8]) {
        guard data.count >= 4, data[0] == 0, data[1] == 1 || data[1] == 2 else { return }
        let width = data[1] == 1 ? 4 : 16
        guard data.count - 4 <= width else { return }
        let octets = data[4...] + [UInt8](repeating: 0, count: width - data.count + 4)
        let bits = octets.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        let address =
            width == 4
            ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits)
        subnet = Prefix(address, length: Int(data[2]))
        scope = data[3]
    }
}

extension OptionFacts.Reason {
    // The registry of RFC 8914 §5.2.
    private static let names = [
        "Other", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer",
        "Forged Answer", "DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired",
        "Signature Not Yet Valid", "DNSKEY Missing", "RRSIGs Missing", "No Zone Key Bit Set",
        "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored", "Filtered",
        "Prohibited", "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported",
        "No Reachable Authority", "Network Error", "Invalid Data", "Signature Expired before Valid",
        "Too Early", "Unsupported NSEC3 Iterations Value", "Unable to conform to policy",
        "Synthesized",
    ]

    /// The name of the code; nil for one that has none here.
    var name: String? {
        let names = OptionFacts.Reason.names
        return Int(code) < names.count ? names[Int(code)] : nil
    }
}
