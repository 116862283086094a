// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Where fields end, and with that whether they are well formed.
extension RecordDataForm {
    /// The offset after the field at `start`; nil when the data is malformed.
    static func end(of field: Field, in data: Span<UInt8>, at start: Int) -> Int? {
        guard start >= 0, start <= data.count else { return nil }
        if let size = size(of: field) {
            return data.count - start >= size ? start + size : nil
        }
        switch field {
        case .name: return WireName.length(in: data, at: start).map { start + $0 }
        case .gateway: return gatewayEnd(data, start, kind: octet(data, start - 2))
        case .relay:
            // The D bit shares its octet with the kind.
            return gatewayEnd(data, start + 1, kind: octet(data, start).map { $0 & 0x7f })
        case .string: return stringEnd(data, start)
        case .digits: return signsEnd(data, start, least: 4, ASCII.isDigit)
        case .optionalString: return start == data.count ? start : stringEnd(data, start)
        case .strings: return stringsEnd(data, start)
        case .tag:
            return signsEnd(data, start, least: 1) { ASCII.isLetter($0) || ASCII.isDigit($0) }
        case .nextHash: return octet(data, start) == 0 ? nil : stringEnd(data, start)
        case .salt: return stringEnd(data, start)
        case .parameters:
            return ServiceParameters.fault(in: data, from: start) == nil ? data.count : nil
        case .types, .optionalTypes:
            guard TypeBitmap.isWellFormed(data, from: start) else { return nil }
            return field == .types && start == data.count ? nil : data.count
        case .prefixes: return AddressPrefixes.isWellFormed(data, from: start) ? data.count : nil
        case .location: return Location.end(in: data, at: start)
        case .hostIdentity: return HostIdentity.end(in: data, at: start)
        default: return restEnd(of: field, data, start)
        }
    }

    /// The octets of fields that always have as many.
    private static func size(of field: Field) -> Int? {
        switch field {
        case .octet, .algorithm, .scheme, .transport: 1
        case .number16, .type, .certificate: 2
        case .address4, .number32, .seconds, .time: 4
        case .eui48: 6
        case .locator, .eui64: 8
        case .address6: 16
        default: nil
        }
    }

    // What takes the rest of the data, whatever it is.
    private static func restEnd(of field: Field, _ data: Span<UInt8>, _ start: Int) -> Int? {
        let length = data.count - start
        switch field {
        case .text, .optionalBase64: return data.count
        case .ports:
            let bits = data.extracting(start..<data.count)
            return WellKnownServices.isWellFormed(bits) ? data.count : nil
        case .key: return (length == 0) == hasNoKey(data, start) ? data.count : nil
        case .delegationDigest, .hostKeyDigest, .zoneDigest:
            guard let algorithm = octet(data, start - 1) else { return nil }
            return fits(length, field, algorithm) ? data.count : nil
        default: return length > 0 ? data.count : nil
        }
    }

    private static func octet(_ data: Span<UInt8>, _ place: Int) -> UInt8? {
        data.indices.contains(place) ? data[place] : nil
    }

    private static func stringEnd(_ data: Span<UInt8>, _ start: Int) -> Int? {
        guard start < data.count else { return nil }
        let end = start + 1 + Int(data[start])
        return end <= data.count ? end : nil
    }

    // RFC 8659 §4.1, RFC 1183 §3.1: a string of certain signs alone.
    private static func signsEnd(
        _ data: Span<UInt8>,
        _ start: Int,
        least: Int,
        _ isAllowed: (UInt8) -> Bool
    ) -> Int? {
        guard let end = stringEnd(data, start), end - start > least else { return nil }
        for place in start + 1..<end where !isAllowed(data[place]) { return nil }
        return end
    }

    private static func stringsEnd(_ data: Span<UInt8>, _ start: Int) -> Int? {
        guard start < data.count else { return nil }
        var end = start
        while end < data.count { end += Int(data[end]) + 1 }
        return end == data.count ? end : nil
    }

    private static func gatewayEnd(_ data: Span<UInt8>, _ start: Int, kind: UInt8?) -> Int? {
        switch kind {
        case 0: start <= data.count ? start : nil
        case 1: end(of: .address4, in: data, at: start)
        case 2: end(of: .address6, in: data, at: start)
        case 3: end(of: .name, in: data, at: start)
        default: nil
        }
    }

    // The flags stand four octets before the key.
    private static func hasNoKey(_ data: Span<UInt8>, _ start: Int) -> Bool {
        (octet(data, start - 4) ?? 0) & 0xc0 == 0xc0
    }

    // A digest of a known algorithm has the length of that algorithm; others may have any.
    private static func fits(_ length: Int, _ field: Field, _ algorithm: UInt8) -> Bool {
        let wanted: Int? =
            switch (field, algorithm) {
            case (.delegationDigest, 1), (.hostKeyDigest, 1): 20
            case (.delegationDigest, 2), (.hostKeyDigest, 2): 32
            case (.delegationDigest, 4), (.zoneDigest, 1): 48
            case (.zoneDigest, 2): 64
            default: nil
            }
        // RFC 8976 §2.2.4: no digest of a zone is shorter than 12 octets.
        return length == wanted ?? length && length >= (field == .zoneDigest ? 12 : 1)
    }
}
