// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Walks over directives with optional arguments: `#( token [ "=" ( token / quoted-string ) ] )`
/// (RFC 9111 §5.2).
///
/// A comma inside quotes ends nothing. A quote that is never closed is taken for a plain octet: what
/// forbids something behind it is then heeded, not swallowed.
struct DirectiveReader {
    /// One directive; both ranges count in the bytes that are read.
    struct Directive {
        var name: ByteRange
        /// The argument without its quotes; empty where there is none.
        var argument: ByteRange
        var hasArgument: Bool
        /// False for what is not of that form, such as `max-age = 60`; its name may be empty then.
        var isWellFormed: Bool
    }

    private var position: Int
    private let end: Int
    // Where one quote is never closed no later one is either, and looking again from each would cost
    // the square of the length.
    private var quotesClose = true

    init(_ range: ByteRange) {
        position = Int(range.start)
        end = range.end
    }

    mutating func next(_ bytes: Span<UInt8>) -> Directive? {
        let end = min(end, bytes.count)
        while position < end {
            let start = position
            let comma = elementEnd(bytes, from: start, to: end)
            position = comma &+ 1
            let element = HeadScan.trimmed(bytes, from: start, to: comma)
            if !element.isEmpty { return DirectiveReader.split(bytes, element) }
        }
        return nil
    }

    /// The comma behind an element that is in no quotes, else the end.
    private mutating func elementEnd(
        _ bytes: Span<UInt8>,
        from start: Int,
        to end: Int
    ) -> Int {
        var index = start
        while index < end {
            if bytes[index] == UInt8(ascii: ",") { return index }
            // Elsewhere a quote begins nothing: it would swallow what comes behind.
            if quotesClose, bytes[index] == UInt8(ascii: "\""), index > start,
                bytes[index &- 1] == UInt8(ascii: "=")
            {
                let close = DirectiveReader.closingQuote(bytes, from: index &+ 1, to: end)
                quotesClose = close != nil
                index = close ?? index
            }
            index &+= 1
        }
        return end
    }

    private static func closingQuote(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int? {
        var index = start
        while index < end {
            if bytes[index] == UInt8(ascii: "\"") { return index }
            index &+= bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private static func split(_ bytes: Span<UInt8>, _ element: ByteRange) -> Directive {
        let start = Int(element.start)
        var index = start
        while index < element.end, FieldSyntax.isTokenByte(bytes[index]) { index &+= 1 }
        var result = Directive(
            name: ByteRange(from: start, to: index),
            argument: .empty,
            hasArgument: false,
            isWellFormed: index > start
        )
        guard index < element.end else { return result }
        guard bytes[index] == UInt8(ascii: "="), index > start else {
            result.isWellFormed = false
            return result
        }
        result.hasArgument = true
        let argument = ByteRange(from: index &+ 1, to: element.end)
        let isQuoted =
            argument.count >= 2 && bytes[Int(argument.start)] == UInt8(ascii: "\"")
            && closingQuote(bytes, from: Int(argument.start) &+ 1, to: element.end)
                == element.end &- 1
        result.argument =
            isQuoted ? ByteRange(start: argument.start &+ 1, count: argument.count &- 2) : argument
        result.isWellFormed = isQuoted || FieldSyntax.isToken(bytes.slice(argument))
        return result
    }
}
