// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// The data of one record as a value, for whoever builds zones without a zone file.
public enum RecordValue: Sendable, Equatable {
    /// An address: its family decides between A and AAAA.
    case address(IPAddress)
    /// An alias.
    case cname(DomainName)
    /// A name whose addresses this one has.
    case alias(DomainName)
    /// A name server.
    case ns(DomainName)
    /// A pointer.
    case ptr(DomainName)
    /// A mail exchange.
    case mx(preference: UInt16, exchange: DomainName)
    /// Character strings of at most 255 octets each.
    case txt([[UInt8]])
    /// A service (RFC 2782).
    case srv(priority: UInt16, weight: UInt16, port: UInt16, target: DomainName)
    /// A certification authority authorisation (RFC 8659).
    case caa(flags: UInt8, tag: [UInt8], value: [UInt8])
    /// An HTTPS record (RFC 9460 §9).
    case https(ServiceBinding)
    /// An SVCB record (RFC 9460).
    case svcb(ServiceBinding)
    /// A start of authority.
    case soa(StartOfAuthority)
    /// Data of any type as it goes over the wire (RFC 3597).
    case opaque(RecordType, [UInt8])

    /// The record type.
    public var type: RecordType {
        switch self {
        case .address(let ip): ip.isIPv4 ? .A : .AAAA
        case .cname: .CNAME
        case .alias: .ALIAS
        case .ns: .NS
        case .ptr: .PTR
        case .mx: .MX
        case .txt: .TXT
        case .srv: .SRV
        case .caa: .CAA
        case .https: .HTTPS
        case .svcb: .SVCB
        case .soa: .SOA
        case .opaque(let type, _): type
        }
    }

    /// The data in uncompressed wire form; strings that are too long are cut to 255 octets.
    public var wire: [UInt8] {
        switch self {
        case .address(let ip): (0..<ip.byteCount).map(ip.byte)
        case .cname(let name), .alias(let name), .ns(let name), .ptr(let name): name.wire
        case .mx(let preference, let exchange): octets(preference) + exchange.wire
        case .txt(let strings): strings.flatMap { [UInt8(min($0.count, 255))] + $0.prefix(255) }
        case .srv(let priority, let weight, let port, let target):
            octets(priority) + octets(weight) + octets(port) + target.wire
        case .caa(let flags, let tag, let value):
            [flags, UInt8(min(tag.count, 255))] + tag.prefix(255) + value
        case .https(let service), .svcb(let service): service.wire
        case .soa(let soa): soa.wire
        case .opaque(_, let data): data
        }
    }
}

/// The data of an SVCB or HTTPS record (RFC 9460 §2).
public struct ServiceBinding: Sendable, Equatable {
    /// 0 for an alias; among services the lowest comes first.
    public var priority: UInt16
    /// Who serves; the root stands for the owner, and in an alias for nobody.
    public var target: DomainName
    /// How the service is spoken to.
    public var parameters: ServiceParameters

    /// Puts the fields together in their order on the wire.
    public init(
        priority: UInt16,
        target: DomainName,
        parameters: ServiceParameters = .none
    ) {
        self.priority = priority
        self.target = target
        self.parameters = parameters
    }

    var wire: [UInt8] { octets(priority) + target.wire + parameters.wire }
}

/// The data of an SOA record (RFC 1035 §3.3.13).
public struct StartOfAuthority: Sendable, Equatable {
    /// The primary name server.
    public var primary: DomainName
    /// The mailbox, its `@` written as a dot.
    public var mailbox: DomainName
    /// The version of the zone.
    public var serial: UInt32
    /// Seconds between looks of secondaries.
    public var refresh: UInt32
    /// Seconds until a failed look is repeated.
    public var retry: UInt32
    /// Seconds until a secondary stops answering.
    public var expire: UInt32
    /// Seconds that a negative answer is kept at most (RFC 2308 §4).
    public var minimum: UInt32

    /// Puts the fields together in their order on the wire.
    public init(
        primary: DomainName,
        mailbox: DomainName,
        numbers: (
            serial: UInt32, refresh: UInt32, retry: UInt32, expire: UInt32, minimum: UInt32
        )
    ) {
        self.primary = primary
        self.mailbox = mailbox
        (serial, refresh, retry, expire, minimum) = numbers
    }

    var wire: [UInt8] {
        primary.wire + mailbox.wire
            + [serial, refresh, retry, expire, minimum].flatMap { octets($0) }
    }
}

func octets<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    stride(from: Number.bitWidth - 8, through: 0, by: -8).map { shift in
        UInt8(truncatingIfNeeded: value >> Number(shift))
    }
}
