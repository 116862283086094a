// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Shows records as a zone file would hold them.
public enum RecordText {
    /// The data of a record; opaque or malformed data in the form of RFC 3597 §5.
    public static func data(_ type: RecordType, _ data: Span<UInt8>) -> String {
        guard let fields = RecordDataForm.fields(type), RecordDataForm.isWellFormed(type, data)
        else { return opaque(data) }
        var parts: [String] = []
        var position = 0
        for field in fields {
            guard let end = RecordDataForm.end(of: field, in: data, at: position),
                let part = text(of: field, data, position..<end)
            else { return opaque(data) }
            parts.append(part)
            position = end
        }
        return parts.filter { !$0.isEmpty }.joined(separator: " ")
    }

    // Nil when there is no text for it.
    private static func text(
        of field: RecordDataForm.Field,
        _ data: Span<UInt8>,
        _ range: Range<Int>
    ) -> String? {
        let bytes = data.extracting(range)
        switch field {
        case .address4, .address6: return address(bytes)
        case .octet, .number16, .number32, .seconds, .algorithm, .certificate, .scheme, .transport:
            return "\(number(bytes))"
        case .name: return NameText.text(of: data, at: range.lowerBound)
        case .tag:
            return String(decoding: Array(copying: bytes).dropFirst(), as: UTF8.self)
        case .string, .optionalString, .strings, .digits: return strings(bytes)
        case .text, .someText: return quoted(bytes)
        case .hex, .delegationDigest, .hostKeyDigest, .zoneDigest: return hex(bytes)
        case .base64, .optionalBase64, .key: return base64(bytes)
        case .types, .optionalTypes: return TypeBitmap.text(bytes)
        case .ports: return WellKnownServices.text(bytes)
        case .parameters: return ServiceParameters.text(of: data, from: range.lowerBound)
        case .prefixes: return AddressPrefixes.text(bytes)
        case .location: return Location(bytes)?.text
        case .hostIdentity: return HostIdentity.text(bytes)
        default: return word(of: field, data, range)
        }
    }

    private static func word(
        of field: RecordDataForm.Field,
        _ data: Span<UInt8>,
        _ range: Range<Int>
    ) -> String? {
        let bytes = data.extracting(range)
        switch field {
        case .type:
            return TypeBitmap.mnemonic(RecordType(UInt16(truncatingIfNeeded: number(bytes))))
        case .time: return TimeStamp.text(UInt32(truncatingIfNeeded: number(bytes)))
        case .salt: return bytes.count > 1 ? hex(bytes.extracting(1..<bytes.count)) : "-"
        case .nextHash: return Base32.text(bytes.extracting(min(1, bytes.count)..<bytes.count))
        case .locator: return groups(bytes, of: 2, separator: ":")
        case .eui48, .eui64: return groups(bytes, of: 1, separator: "-")
        case .nsap: return "0x" + hex(bytes)
        case .gateway:
            guard range.lowerBound >= 2 else { return nil }
            return gateway(data, range, kind: data[range.lowerBound - 2])
        case .relay:
            let (bit, kind) = (bytes[0] >> 7, bytes[0] & 0x7f)
            let place = range.lowerBound + 1..<range.upperBound
            return "\(bit) \(kind) \(gateway(data, place, kind: kind))"
        default: return nil
        }
    }

    private static func gateway(_ data: Span<UInt8>, _ range: Range<Int>, kind: UInt8) -> String {
        switch kind {
        case 0: "."
        case 1, 2: address(data.extracting(range))
        default: NameText.text(of: data, at: range.lowerBound)
        }
    }

    private static func strings(_ bytes: Span<UInt8>) -> String {
        var strings: [String] = []
        var position = 0
        while position < bytes.count {
            let end = min(position + Int(bytes[position]) + 1, bytes.count)
            strings.append(quoted(bytes.extracting(position + 1..<end)))
            position = end
        }
        return strings.joined(separator: " ")
    }

    static func address(_ bytes: Span<UInt8>) -> String {
        let bits = number(bytes)
        let isIPv4 = bytes.count == 4
        return "\(isIPv4 ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : IPAddress(v6: bits))"
    }

    static func number(_ bytes: Span<UInt8>) -> UInt128 {
        var value: UInt128 = 0
        for index in bytes.indices { value = value << 8 | UInt128(bytes[index]) }
        return value
    }

    static func quoted(_ bytes: Span<UInt8>) -> String {
        var text: [UInt8] = [UInt8(ascii: "\"")]
        for index in bytes.indices {
            TextEscape.append(bytes[index], inQuotes: true, to: &text)
        }
        text.append(UInt8(ascii: "\""))
        return String(decoding: text, as: UTF8.self)
    }

    static func base64(_ bytes: Span<UInt8>) -> String {
        let text = [UInt8](capacity: bytes.count * 4 / 3 + 4) {
            (output: inout OutputSpan<UInt8>) in
            _ = Base64.encode(bytes, into: &output)
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func hex(_ bytes: Span<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for index in bytes.indices {
            text.append(digits[Int(bytes[index] >> 4)])
            text.append(digits[Int(bytes[index] & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func groups(_ bytes: Span<UInt8>, of size: Int, separator: String) -> String {
        stride(from: 0, to: bytes.count - size + 1, by: size).map { place in
            hex(bytes.extracting(place..<place + size))
        }.joined(separator: separator)
    }

    private static func opaque(_ data: Span<UInt8>) -> String {
        "\\# \(data.count)" + (data.count > 0 ? " " + hex(data) : "")
    }
}
