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
            guard let end = RecordDataForm.end(of: field, in: data, at: position) else { break }
            parts.append(text(of: field, data, position..<end))
            position = end
        }
        return parts.filter { !$0.isEmpty }.joined(separator: " ")
    }

    private static func text(
        of field: RecordDataForm.Field,
        _ data: Span<UInt8>,
        _ range: Range<Int>
    ) -> String {
        let bytes = data.extracting(range)
        switch field {
        case .address4, .address6: return address(bytes)
        case .octet, .number16, .number32, .seconds: return "\(number(bytes))"
        case .name: return NameText.text(of: data, at: range.lowerBound)
        case .tag:
            return String(decoding: Array(copying: bytes).dropFirst(), as: UTF8.self)
        case .strings:
            var strings: [String] = []
            var position = 0
            while position < bytes.count {
                let end = min(position + Int(bytes[position]) + 1, bytes.count)
                strings.append(quoted(bytes.extracting(position + 1..<end)))
                position = end
            }
            return strings.joined(separator: " ")
        case .rest: return quoted(bytes)
        case .parameters: return ServiceParameters.text(of: data, from: range.lowerBound)
        }
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

    private static func opaque(_ data: Span<UInt8>) -> String {
        var text = "\\# \(data.count)"
        if data.count > 0 { text += " " }
        for index in data.indices {
            let digits = String(data[index], radix: 16)
            text += digits.count == 1 ? "0" + digits : digits
        }
        return text
    }
}
