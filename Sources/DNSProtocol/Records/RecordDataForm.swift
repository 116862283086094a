// SPDX-License-Identifier: Apache-2.0

/// The shape of record data on the wire, for checking, for reading and for text.
///
/// One table serves all three: what is read is checked against the shape, what is shown follows it.
enum RecordDataForm {
    enum Field: Equatable {
        // Numbers.
        case octet, number16, number32, seconds
        // Names and addresses.
        case name, address4, address6, locator, eui48, eui64, prefixes, nsap
        /// A gateway whose kind stands two octets before it (RFC 4025 §2.5).
        case gateway
        /// A relay with its D bit and its kind (RFC 8777 §4.2).
        case relay
        // Character strings: one, perhaps one, all that follow.
        case string, optionalString, strings
        /// One of digits alone.
        case digits
        /// The tag of a CAA record.
        case tag
        /// All octets that follow, as one text.
        case text
        /// The same, and at least one of them.
        case someText
        // Octets: in hexadecimal, in Base64.
        case hex, base64, optionalBase64
        /// A public key, which one with the flags of no key does not have (RFC 2535 §3.1.2).
        case key
        // A digest whose algorithm stands in the octet before it.
        case delegationDigest, hostKeyDigest, zoneDigest
        // Words of DNSSEC and others.
        case type, algorithm, time, salt, nextHash, certificate, scheme, transport
        // The bitmap of types (RFC 4034 §4.1.2): one at least, or perhaps none.
        case types, optionalTypes
        /// Ports as bits (RFC 1035 §3.4.2).
        case ports
        /// Those of a service (RFC 9460 §2.2).
        case parameters
        // Data that are written in one piece (RFC 1876 §3, RFC 8005 §6).
        case location, hostIdentity
    }

    /// The fields of a known type; nil for types that are opaque here.
    static func fields(_ type: RecordType) -> [Field]? {
        switch type {
        case .A: [.address4]
        case .AAAA: [.address6]
        case .NS, .CNAME, .PTR, .ALIAS, .DNAME, .MB, .MG, .MR, .MD, .MF, .NSAPPTR: [.name]
        case .SOA: [.name, .name, .number32, .seconds, .seconds, .seconds, .seconds]
        case .MX, .AFSDB, .RT, .KX, .LP: [.number16, .name]
        case .TXT, .SPF, .NINFO, .AVC, .RESINFO, .WALLET: [.strings]
        case .SRV: [.number16, .number16, .number16, .name]
        case .CAA: [.octet, .tag, .text]
        case .SVCB, .HTTPS: [.number16, .name, .parameters]
        default: DNSSECFields(type) ?? otherFields(type)
        }
    }

    private static func DNSSECFields(_ type: RecordType) -> [Field]? {
        switch type {
        case .RRSIG, .SIG:
            [
                .type, .algorithm, .octet, .number32, .time, .time, .number16, .name, .base64,
            ]
        case .NSEC: [.name, .types]
        case .NSEC3: [.octet, .octet, .number16, .salt, .nextHash, .optionalTypes]
        case .NSEC3PARAM: [.octet, .octet, .number16, .salt]
        case .DNSKEY, .CDNSKEY, .KEY, .RKEY: [.number16, .octet, .algorithm, .key]
        case .DS, .CDS, .DLV, .TA: [.number16, .algorithm, .octet, .delegationDigest]
        default: nil
        }
    }

    private static func otherFields(_ type: RecordType) -> [Field]? {
        switch type {
        case .MINFO, .RP, .TALINK: [.name, .name]
        case .HINFO: [.string, .string]
        case .WKS: [.address4, .transport, .ports]
        case .X25: [.digits]
        case .ISDN: [.string, .optionalString]
        case .GPOS: [.string, .string, .string]
        case .PX: [.number16, .name, .name]
        case .NSAP: [.nsap]
        case .LOC: [.location]
        case .NAPTR: [.number16, .number16, .string, .string, .string, .name]
        case .CERT: [.certificate, .number16, .algorithm, .base64]
        case .APL: [.prefixes]
        case .SSHFP: [.octet, .octet, .hostKeyDigest]
        case .IPSECKEY: [.octet, .octet, .octet, .gateway, .optionalBase64]
        case .TLSA, .SMIMEA: [.octet, .octet, .octet, .hex]
        case .DHCID, .OPENPGPKEY: [.base64]
        case .HIP: [.hostIdentity]
        case .CSYNC: [.number32, .number16, .optionalTypes]
        case .ZONEMD: [.number32, .octet, .octet, .zoneDigest]
        case .DSYNC: [.type, .scheme, .number16, .name]
        case .NID, .L64: [.number16, .locator]
        case .L32: [.number16, .address4]
        case .EUI48: [.eui48]
        case .EUI64: [.eui64]
        case .EID, .NIMLOC: [.hex]
        case .URI: [.number16, .number16, .someText]
        case .AMTRELAY: [.octet, .relay]
        default: nil
        }
    }

    /// True when the data has the shape of its type; always for opaque types.
    static func isWellFormed(_ type: RecordType, _ data: Span<UInt8>) -> Bool {
        guard let fields = fields(type) else { return true }
        var position = 0
        for field in fields {
            guard let end = end(of: field, in: data, at: position) else { return false }
            position = end
        }
        return position == data.count
    }
}
