// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Percent-encoding of URI parts (RFC 3986 §2.1).
public enum PercentCoding {
    /// The text with `%XX` decoded; nil for a broken escape or bytes that are not UTF-8.
    ///
    /// A plus sign stays a plus sign: this is RFC 3986, not the encoding of HTML forms.
    public static func decode(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(ASCII.hexDigit),
                let low = rest.next().flatMap(ASCII.hexDigit)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The text with everything but unreserved characters (RFC 3986 §2.3) encoded.
    public static func encode(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if ASCII.isLetter(byte) || ASCII.isDigit(byte) || "-._~".utf8.contains(byte) {
                bytes.append(byte)
            } else {
                let digits = Array("0123456789ABCDEF".utf8)
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
