// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// The text form of names: RFC 1035 §5.1 escapes both ways.
enum NameText {
    enum Outcome: Equatable {
        /// The wire form was appended.
        case complete
        case empty, emptyLabel, labelTooLong, nameTooLong, badEscape
    }

    /// Appends the wire form of `text`; a name without a final dot is completed by `origin`.
    ///
    /// `wire` must be empty at the call: lengths are counted from its start.
    static func append(
        _ text: Span<UInt8>,
        origin: Span<UInt8>,
        to wire: inout [UInt8]
    ) -> Outcome {
        guard text.count > 0 else { return .empty }
        if text.count == 1, text[0] == UInt8(ascii: ".") {
            wire.append(0)
            return .complete
        }
        var labelStart = 0
        wire.append(0)
        var index = 0
        var isAbsolute = false
        while index < text.count {
            if text[index] == UInt8(ascii: ".") {
                let length = wire.count - labelStart - 1
                guard length > 0 else { return .emptyLabel }
                guard length <= WireName.maximumLabel else { return .labelTooLong }
                wire[labelStart] = UInt8(length)
                isAbsolute = index == text.count - 1
                labelStart = wire.count
                wire.append(0)
                index += 1
            } else {
                guard let octet = TextEscape.next(text, &index) else { return .badEscape }
                wire.append(octet)
                guard wire.count <= 2 * WireName.maximumLength else { return .nameTooLong }
            }
        }
        if !isAbsolute {
            let length = wire.count - labelStart - 1
            guard length <= WireName.maximumLabel else { return .labelTooLong }
            wire[labelStart] = UInt8(length)
            for position in origin.indices { wire.append(origin[position]) }
        }
        return wire.count <= WireName.maximumLength ? .complete : .nameTooLong
    }

    /// The text of the well-formed uncompressed name at `start`, with its final dot.
    static func text(of bytes: Span<UInt8>, at start: Int) -> String {
        var text: [UInt8] = []
        var position = start
        while position < bytes.count, bytes[position] != 0 {
            let end = min(position + Int(bytes[position]) + 1, bytes.count)
            position += 1
            while position < end {
                TextEscape.append(bytes[position], inQuotes: false, to: &text)
                position += 1
            }
            text.append(UInt8(ascii: "."))
        }
        return text.isEmpty ? "." : String(decoding: text, as: UTF8.self)
    }
}

/// The escapes of zone files: `\X` for a character, `\DDD` for an octet in decimal.
enum TextEscape {
    /// The octet at `index`, escapes resolved, with `index` moved past it; nil for a bad escape.
    @inline(__always)
    static func next(_ text: Span<UInt8>, _ index: inout Int) -> UInt8? {
        let octet = text[index]
        index += 1
        guard octet == UInt8(ascii: "\\") else { return octet }
        guard index < text.count else { return nil }
        let first = text[index]
        guard ASCII.isDigit(first) else {
            index += 1
            return first
        }
        guard index + 2 < text.count, ASCII.isDigit(text[index + 1]),
            ASCII.isDigit(text[index + 2])
        else { return nil }
        let value =
            Int(first - 0x30) * 100 + Int(text[index + 1] - 0x30) * 10 + Int(text[index + 2] - 0x30)
        index += 3
        return UInt8(exactly: value)
    }

    /// Appends the octet in a form that zone files read back as the same octet.
    static func append(_ octet: UInt8, inQuotes: Bool, to text: inout [UInt8]) {
        let isSpecial =
            inQuotes
            ? octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\")
            : "\".\\;()@$".utf8.contains(octet)
        if isSpecial {
            text.append(UInt8(ascii: "\\"))
            text.append(octet)
        } else if octet > 0x7e || octet < (inQuotes ? 0x20 : 0x21) {
            text.append(UInt8(ascii: "\\"))
            text.append(octet / 100 + 0x30)
            text.append(octet / 10 % 10 + 0x30)
            text.append(octet % 10 + 0x30)
        } else {
            text.append(octet)
        }
    }
}
