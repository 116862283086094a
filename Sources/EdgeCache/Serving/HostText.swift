// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// A `host[:port]` in the form in which two are compared: without the dot at its end, and without the port
/// that the scheme has anyway (RFC 9110 §4.2.3).
struct HostText {
    /// The host, its case as it came.
    let name: ByteRange
    /// The digits of the port; empty for that of the scheme.
    let port: ByteRange

    init(_ text: Span<UInt8>, isSecure: Bool) {
        var end = text.count
        while end > 0, ASCII.isDigit(text[end &- 1]) { end &-= 1 }
        var port = ByteRange.empty
        if end > 0, text[end &- 1] == UInt8(ascii: ":") {
            port = ByteRange(from: end, to: text.count)
            end &-= 1
        } else {
            end = text.count
        }
        if HostText.isDefault(text.slice(port), isSecure) { port = .empty }
        if end > 1, text[end &- 1] == UInt8(ascii: ".") { end &-= 1 }
        name = ByteRange(from: 0, to: end)
        self.port = port
    }

    private static func isDefault(_ port: Span<UInt8>, _ isSecure: Bool) -> Bool {
        Text.decimal(port) == (isSecure ? 443 : 80)
    }

    /// Appends it in small letters; false when it does not fit.
    func write(_ text: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
        let name = text.slice(name)
        for index in name.indices {
            guard output.write(ASCII.lowercased(name[index])) else { return false }
        }
        return port.isEmpty || output.write(":") && output.write(text.slice(port))
    }

    /// True when two texts name one host and port of a scheme.
    static func isSame(_ one: Span<UInt8>, _ other: Span<UInt8>, isSecure: Bool) -> Bool {
        let (left, right) = (
            HostText(one, isSecure: isSecure), HostText(other, isSecure: isSecure)
        )
        return FieldSyntax.equalsIgnoringCase(one.slice(left.name), other.slice(right.name))
            && Text.isSame(one.slice(left.port), other.slice(right.port))
    }
}
