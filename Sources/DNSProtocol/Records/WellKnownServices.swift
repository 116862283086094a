// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The services of a host, as bits by their ports (RFC 1035 §3.4.2).
///
/// Nobody asks for such records any more (RFC 1123 §2.2), but zones have them. They are written by
/// numbers, which all servers read; names are those that operators of such zones know.
enum WellKnownServices {
    /// True for bits of at most 65,536 ports that end with an octet of some, as other servers want it.
    static func isWellFormed(_ bits: Span<UInt8>) -> Bool {
        bits.isEmpty || bits.count <= 8192 && bits[bits.count - 1] != 0
    }

    static let protocols: [(String, UInt8)] = [
        ("ICMP", 1), ("IGMP", 2), ("GGP", 3), ("TCP", 6), ("EGP", 8), ("UDP", 17), ("RDP", 27),
        ("SCTP", 132),
    ]

    static let services: [(String, UInt16)] = [
        ("TCPMUX", 1), ("RJE", 5), ("ECHO", 7), ("DISCARD", 9), ("SYSTAT", 11), ("USERS", 11),
        ("DAYTIME", 13), ("NETSTAT", 15), ("QOTD", 17), ("QUOTE", 17), ("CHARGEN", 19),
        ("FTP-DATA", 20), ("FTP", 21), ("SSH", 22), ("TELNET", 23), ("SMTP", 25), ("TIME", 37),
        ("RLP", 39), ("GRAPHICS", 41), ("NAME", 42), ("NAMESERVER", 42), ("NICNAME", 43),
        ("WHOIS", 43), ("MPM-FLAGS", 44), ("MPM", 45), ("MPM-SND", 46), ("NI-FTP", 47),
        ("LOGIN", 49), ("TACACS", 49), ("DOMAIN", 53), ("BOOTPS", 67), ("BOOTPC", 68), ("TFTP", 69),
        ("GOPHER", 70), ("FINGER", 79), ("HTTP", 80), ("KERBEROS", 88), ("SUPDUP", 95),
        ("HOSTNAME", 101), ("HOSTNAMES", 101), ("ISO-TSAP", 102), ("X400", 103), ("X400-SND", 104),
        ("CSNET-NS", 105), ("RTELNET", 107), ("POP2", 109), ("POP3", 110), ("SUNRPC", 111),
        ("AUTH", 113), ("SFTP", 115), ("UUCP-PATH", 117), ("NNTP", 119), ("NTP", 123),
        ("NETBIOS-NS", 137), ("NETBIOS-DGM", 138), ("NETBIOS-SSN", 139), ("IMAP", 143),
        ("IMAP2", 143), ("SNMP", 161), ("SNMPTRAP", 162), ("BGP", 179), ("IRC", 194),
        ("LDAP", 389), ("HTTPS", 443), ("SUBMISSION", 587), ("IMAPS", 993), ("POP3S", 995),
    ]

    /// The bits of some ports, as few octets as they need.
    static func bits(_ ports: [UInt16]) -> [UInt8] {
        guard let last = ports.max() else { return [] }
        var bits = [UInt8](repeating: 0, count: Int(last) / 8 + 1)
        for port in ports { bits[Int(port) / 8] |= 0x80 >> (port % 8) }
        return bits
    }

    /// The ports with a blank between them.
    static func text(_ bits: Span<UInt8>) -> String {
        var ports: [String] = []
        for place in bits.indices {
            for bit in 0..<8 where bits[place] & (0x80 >> UInt8(bit)) != 0 {
                ports.append("\(place * 8 + bit)")
            }
        }
        return ports.joined(separator: " ")
    }
}
