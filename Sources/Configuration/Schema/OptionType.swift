// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// What an option's value is, with its range.
public indirect enum OptionType: Sendable {
    /// A length of time with a unit.
    case duration(ClosedRange<Interval>)
    /// A length of time in whole seconds, as DNS counts.
    case ttl(ClosedRange<Interval>)
    /// A number of bytes with a unit.
    case size(ClosedRange<Int>)
    /// A whole number.
    case integer(ClosedRange<Int>)
    /// A prime number.
    case prime(ClosedRange<Int>)
    /// A number that may have a fraction.
    case decimal(ClosedRange<Int>)
    /// A share with a percent sign.
    case percentage(ClosedRange<Int>)
    /// So many in a second, minute or hour.
    case rate(ClosedRange<Int>)
    /// `true` or `false`.
    case boolean
    /// One of some words.
    case words([String])
    /// A text of at most so many bytes.
    case text(Int)
    /// A name of 1 to 63 letters, digits, `-`, `_` and `.`.
    case label
    /// An address and port to bind; the address may be left out.
    case listenAddress
    /// An IP address, with this port unless another is given.
    case server(UInt16)
    /// An IP address or name with a port.
    case endpointAddress
    /// An IPv4 or IPv6 address.
    case address
    /// A CIDR prefix or a lone address.
    case prefix
    /// The code of a country: two capital letters.
    case country
    /// The code of a part of a country: `US-CA`.
    case subdivision
    /// A moment of the calendar.
    case moment
    /// A change of a weight at such a moment.
    case weightStep
    /// One HTTP status or a range of them.
    case statuses
    /// A failure by its word, or statuses from 400 on.
    case retryReason
    /// The part of a request that is hashed.
    case hashKey
    /// A host, or `*.` and a name, or `*`.
    case hostPattern
    /// A path prefix, or `=` and a path, or `~` and a regular expression.
    case pathPattern
    /// A request method.
    case method
    /// The name of a field.
    case fieldName
    /// A name, and what its value must be like.
    case valueMatch
    /// A media type, or `type/*`.
    case mediaRange
    /// A text with variables in braces.
    case template
    /// A text of lines, of at most so many bytes.
    case content(Int)
    /// A condition of a route.
    case condition
    /// A list of conditions.
    case conditions
    /// A path with an optional query, as sent in a request.
    case requestTarget
    /// A file or folder.
    case filePath
    /// Where a log goes.
    case logOutput
    /// A host name or address for a Host field.
    case hostField
    /// Octets in base64 that nobody else may know.
    case secret
    /// A domain name: any that a zone may have (RFC 2181 §11).
    case domainName
    /// The name of a host: letters, digits, `-` and `_`.
    case hostName
    /// A mailbox: `user@name`, or as a name.
    case mailbox
    /// A regular expression of RE2.
    case expression
    /// The name of something defined elsewhere in the file.
    case reference(ReferenceKind)
    /// The data of one record in the field order of RFC 1035.
    case record(RecordKind)
    /// One value, or a list of them.
    case list(OptionType)
    /// A word, or else a value.
    case either(String, OptionType)
    /// Members of a policy: addresses or nested policies.
    case policies
    /// Members of a weighted policy: a mapping from address to weight, or a list.
    case weights
}

/// What a reference names.
public enum ReferenceKind: String, Sendable, Hashable, CaseIterable {
    /// A key under `probes`.
    case probe
    /// A key under `pools`.
    case pool
    /// A key under `steer`.
    case steer
    /// A key under `caches`.
    case cache
}

/// The record types that a file can hold.
public enum RecordKind: String, Sendable, Hashable, CaseIterable {
    /// IPv4 address.
    case a
    /// IPv6 address.
    case aaaa
    /// Alias.
    case cname
    /// Addresses of another name.
    case alias
    /// Name server.
    case ns
    /// Mail exchange.
    case mx
    /// Text.
    case txt
    /// Service.
    case srv
    /// Pointer.
    case ptr
    /// Certification authority authorisation.
    case caa
    /// Service of HTTP.
    case https
    /// Service of another protocol.
    case svcb
}

/// A value read as its option's type says.
public enum OptionValue: Sendable, Equatable {
    /// A length of time.
    case interval(Interval)
    /// A number of bytes.
    case size(ByteCount)
    /// A whole number.
    case integer(Int)
    /// A number that may have a fraction.
    case decimal(Double)
    /// A share.
    case percentage(Percentage)
    /// So many in a time.
    case rate(Rate)
    /// A moment of the calendar.
    case moment(WallTime)
    /// A change of a weight.
    case weightStep(WeightStepSettings)
    /// True or false.
    case bool(Bool)
    /// A word, text, name, path or reference.
    case text(String)
    /// What is never shown.
    case secret(SecretOctets)
    /// Where a listener is bound.
    case listen(ListenAddress)
    /// An address with a port.
    case server(SocketAddress)
    /// Where an endpoint is.
    case endpoint(EndpointAddress)
    /// An address.
    case address(IPAddress)
    /// A prefix.
    case prefix(Prefix)
    /// A range of statuses.
    case statuses(ClosedRange<UInt16>)
    /// A part of a request.
    case hashKey(HashKey)
    /// The hosts of a route.
    case host(HostPattern)
    /// The paths of a route.
    case path(PathPattern)
    /// A test of a value with a name.
    case match(ValueMatchSettings)
    /// Where a log goes.
    case output(LogOutput)
    /// A record; its names are still relative to the zone.
    case record(RecordData)
    /// Several values.
    case list([OptionValue])
    /// The word of ``OptionType/either(_:_:)``: `off` or `auto`.
    case word(String)
}

extension OptionValue {
    /// What a service record says, alone or as a list of one; nil for all else.
    var service: ServiceSettings? {
        switch self {
        case .record(let data): data.service
        case .list(let values): values.count == 1 ? values[0].service : nil
        default: nil
        }
    }
}

extension OptionValue: CustomStringConvertible {
    /// The shortest text that reads back as this value.
    public var description: String {
        switch self {
        case .interval(let value): value.description
        case .size(let value): value.description
        case .integer(let value): String(value)
        case .decimal(let value): value.description
        case .moment(let value): value.description
        case .weightStep(let value): value.description
        case .percentage(let value): value.description
        case .rate(let value): value.description
        case .bool(let value): String(value)
        case .text(let value), .word(let value): value
        case .secret(let value): value.description
        case .listen(let value): value.description
        case .server(let value): value.description
        case .endpoint(let value): value.description
        case .address(let value): value.description
        case .prefix(let value): value.description
        case .statuses(let value): StatusRanges([value]).description
        case .hashKey(let value): value.description
        case .host(let value): value.description
        case .path(let value): value.description
        case .match(let value): value.description
        case .output(let value): value.description
        case .record(let value): value.description
        case .list(let values):
            values.isEmpty ? "none" : values.map(\.description).joined(separator: ", ")
        }
    }
}
