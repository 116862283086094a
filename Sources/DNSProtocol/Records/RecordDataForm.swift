// SPDX-License-Identifier: Apache-2.0

/// The shape of record data on the wire, for checking and for text.
///
/// One table serves both: what is read is checked against the shape, what is shown follows it.
enum RecordDataForm {
    enum Field: Equatable {
        case address4, address6, name, octet, number16, number32, seconds, strings, tag, rest
        /// Those of a service (RFC 9460 §2.2).
        case parameters
    }

    /// The fields of a known type; nil for types that are opaque here.
    static func fields(_ type: RecordType) -> [Field]? {
        switch type {
        case .A: [.address4]
        case .AAAA: [.address6]
        case .NS, .CNAME, .PTR, .ALIAS: [.name]
        case .SOA: [.name, .name, .number32, .seconds, .seconds, .seconds, .seconds]
        case .MX: [.number16, .name]
        case .TXT, .HINFO: [.strings]
        case .SRV: [.number16, .number16, .number16, .name]
        case .CAA: [.octet, .tag, .rest]
        case .SVCB, .HTTPS: [.number16, .name, .parameters]
        default: nil
        }
    }

    /// The offset after the field at `start`; nil when the data is malformed.
    static func end(of field: Field, in data: Span<UInt8>, at start: Int) -> Int? {
        var end = start
        switch field {
        case .address4, .number32, .seconds: end += 4
        case .address6: end += 16
        case .octet: end += 1
        case .number16: end += 2
        case .name:
            guard let length = WireName.length(in: data, at: start) else { return nil }
            end += length
        case .tag:
            guard start < data.count, data[start] > 0 else { return nil }
            end += Int(data[start]) + 1
        case .strings:
            guard start < data.count else { return nil }
            while end < data.count { end += Int(data[end]) + 1 }
        case .rest: end = data.count
        case .parameters:
            guard ServiceParameters.fault(in: data, from: start) == nil else { return nil }
            end = data.count
        }
        return end <= data.count ? end : nil
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
