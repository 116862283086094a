// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// What a client says of media types (RFC 9110 §12.5.1).
public enum AcceptedMedia {
    /// True when the client takes a media type, or says nothing of any.
    ///
    /// `type` is in lower case and without parameters. The most specific range that names it decides;
    /// what is malformed is passed over.
    public static func accepts(
        _ type: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Bool {
        var place = fields.first(.accept)
        guard place != nil else { return true }
        var (best, weight) = (-1, 0)
        while let index = place {
            var list = ListReader(fields[index].value)
            while let element = list.next(bytes) {
                let text = bytes.slice(element)
                var end = 0
                while end < text.count, text[end] != UInt8(ascii: ";"), !isBlank(text[end]) {
                    end &+= 1
                }
                let specificity = specificity(text.extracting(0..<end), type)
                guard specificity >= 0, specificity >= best else { continue }
                let said = quality(text, from: end)
                guard said >= 0 else { continue }
                weight = specificity > best ? said : max(weight, said)
                best = specificity
            }
            place = fields.next(.accept, from: index &+ 1)
        }
        return weight > 0
    }

    /// 2 for the type itself, 1 for its kind, 0 for everything, and -1 for something else.
    private static func specificity(_ range: Span<UInt8>, _ type: Span<UInt8>) -> Int {
        if range.count == 3, range[0] == 0x2a, range[1] == 0x2f, range[2] == 0x2a { return 0 }
        var same = 0
        while same < range.count, same < type.count, ASCII.lowercased(range[same]) == type[same] {
            same &+= 1
        }
        if same == type.count, range.count == type.count { return 2 }
        let isKind =
            same > 0 && type[same &- 1] == 0x2f && range.count == same &+ 1 && range[same] == 0x2a
        return isKind ? 1 : -1
    }

    /// The weight among parameters, in thousandths: 1000 without one, -1 for a malformed one.
    private static func quality(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < text.count {
            guard text[index] == UInt8(ascii: ";") else {
                index &+= 1
                continue
            }
            index = AcceptedCoding.skipBlanks(text, from: index &+ 1)
            guard index &+ 1 < text.count, ASCII.lowercased(text[index]) == UInt8(ascii: "q"),
                text[index &+ 1] == UInt8(ascii: "=")
            else { continue }
            index &+= 2
            var end = index
            while end < text.count, text[end] != UInt8(ascii: ";"), !isBlank(text[end]) {
                end &+= 1
            }
            guard end > index else { return -1 }
            return AcceptedCoding.weight(text.extracting(0..<end), from: index)
        }
        return 1000
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
