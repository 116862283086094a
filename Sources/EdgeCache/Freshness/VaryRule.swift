// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import HTTPProtocol

/// Which requests a stored response is for, by the fields that its `Vary` names (RFC 9111 §4.1).
///
/// What a request says in these fields becomes one text, the same for requests that may share an
/// answer; the store compares digests of it. Names are compared without case; blanks round commas, and
/// whether a list came in one line or in several, do not count. `Accept-Encoding` becomes the set of what
/// the client takes, in order of the alphabet, and `Accept-Language` the list in order of preference: that
/// much the fields themselves allow.
public enum VaryRule {
    /// The most tokens of a field whose order is put right; with more of them it stays as it came.
    static let tokenLimit = 16

    /// Appends what a request says in the fields that `names` lists, the value of `Vary`.
    ///
    /// False when it does not fit: then nothing stored is known to be for the request. `Vary: *` is for the
    /// caller to see.
    public static func write(
        _ names: ByteRange,
        of response: Span<UInt8>,
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        var list = ListReader(names)
        while let name = list.next(response) {
            let text = response.slice(name)
            guard writeLowered(text, into: &output) else { return false }
            let known = KnownField.recognize(response, name)
            let isWritten =
                switch known {
                case .acceptEncoding:
                    writeTokens(known, text, request, bytes, into: &output) { tokens, one, other in
                        isBefore(tokens, one, other, bytes)
                    }
                case .acceptLanguage:
                    writeTokens(known, text, request, bytes, into: &output) { tokens, one, other in
                        tokens.weights[one] > tokens.weights[other]
                    }
                default: writeLines(text, request, bytes, into: &output)
                }
            guard isWritten, put(separator, into: &output) else { return false }
        }
        return true
    }

    // None of these can stand in a field.
    private static let separator: UInt8 = 0
    private static let isThere: UInt8 = 1
    private static let isRefused: UInt8 = 2

    private static func put(_ byte: UInt8, into output: inout OutputSpan<UInt8>) -> Bool {
        guard output.freeCapacity > 0 else { return false }
        output.append(byte)
        return true
    }

    private static func writeLowered(
        _ text: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard output.freeCapacity >= text.count else { return false }
        for index in text.indices { output.append(ASCII.lowercased(text[index])) }
        return true
    }

    /// All lines of a field as one list; that there is none differs from an empty one.
    static func writeLines(
        _ name: Span<UInt8>,
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        var isFirst = true
        for index in 0..<request.count
        where FieldSyntax.equalsIgnoringCase(bytes.slice(request[index].name), name) {
            if isFirst, !put(isThere, into: &output) { return false }
            isFirst = false
            var list = ListReader(request[index].value)
            while let element = list.next(bytes) {
                let text = bytes.slice(element)
                guard output.freeCapacity > text.count else { return false }
                for place in text.indices { output.append(text[place]) }
                output.append(isThere)
            }
        }
        return true
    }

    // MARK: Lists with weights

    private struct Tokens {
        var ranges = InlineArray<16, ByteRange>(repeating: .empty)
        var weights = InlineArray<16, Int>(repeating: 0)
        var count = 0
        var isOverfull = false
    }

    private static func tokens(
        _ known: KnownField,
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Tokens {
        var found = Tokens()
        var place = request.first(known)
        while let index = place {
            var list = WeightedList(request[index].value)
            while let (token, weight) = list.next(bytes) {
                guard found.count < tokenLimit else {
                    found.isOverfull = true
                    return found
                }
                found.ranges[found.count] = token
                found.weights[found.count] = weight
                found.count &+= 1
            }
            // Others may read what is malformed in ways of their own.
            if list.hasMalformed { found.isOverfull = true }
            place = request.next(known, from: index &+ 1)
        }
        return found
    }

    private static func writeTokens(
        _ known: KnownField,
        _ name: Span<UInt8>,
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>,
        by precedes: (Tokens, Int, Int) -> Bool
    ) -> Bool {
        var found = tokens(known, request, bytes)
        guard !found.isOverfull else { return writeLines(name, request, bytes, into: &output) }
        // To say nothing is not to say that nothing is wanted (RFC 9110 §12.5.3).
        guard put(request.first(known) != nil ? isThere : separator, into: &output) else {
            return false
        }
        sort(&found, by: precedes)
        for index in 0..<found.count {
            guard writeLowered(bytes.slice(found.ranges[index]), into: &output),
                put(found.weights[index] == 0 ? isRefused : isThere, into: &output)
            else { return false }
        }
        return true
    }

    /// In place and stable: the lists are short.
    private static func sort(
        _ tokens: inout Tokens,
        by precedes: (Tokens, Int, Int) -> Bool
    ) {
        guard tokens.count > 1 else { return }
        for end in 1..<tokens.count {
            var place = end
            while place > 0, precedes(tokens, place, place &- 1) {
                tokens.ranges.swapAt(place, place &- 1)
                tokens.weights.swapAt(place, place &- 1)
                place &-= 1
            }
        }
    }

    // What is taken before what is refused, each by the alphabet: to refuse a coding says more than not
    // to name it, where there is an asterisk.
    private static func isBefore(
        _ tokens: Tokens,
        _ one: Int,
        _ other: Int,
        _ bytes: Span<UInt8>
    ) -> Bool {
        let (first, second) = (tokens.weights[one] == 0, tokens.weights[other] == 0)
        guard first == second else { return second }
        return precedes(bytes.slice(tokens.ranges[one]), bytes.slice(tokens.ranges[other]))
    }

    private static func precedes(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        for index in 0..<min(left.count, right.count) {
            let (a, b) = (ASCII.lowercased(left[index]), ASCII.lowercased(right[index]))
            if a != b { return a < b }
        }
        return left.count < right.count
    }
}
