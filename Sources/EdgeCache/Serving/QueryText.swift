// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Parameters of a query, as most origins read it: pairs between `&`, names before `=`.
enum QueryText {
    /// The most parameters whose order is put right.
    static let sortLimit = 64

    // MARK: Choosing

    /// Appends the parameters that `isKept` takes, with a mark before them.
    ///
    /// Nothing at all where none is left: to share what has no query is what they are left out for.
    static func write(
        _ query: Span<UInt8>,
        into output: inout OutputSpan<UInt8>,
        where isKept: (Span<UInt8>) -> Bool
    ) -> Bool {
        var isFirst = true
        var place = 0
        while place <= query.count {
            let end = pairEnd(query, from: place)
            let pair = query.extracting(place..<end)
            place = end &+ 1
            // Some origins begin a parameter at `;` too, and what such a pair hides would not count.
            guard isKept(name(pair)) || hasSemicolon(pair) else { continue }
            guard output.write(isFirst ? CacheKeyRule.isThere : UInt8(ascii: "&")),
                output.write(pair)
            else { return false }
            isFirst = false
        }
        return true
    }

    /// True when a parameter's name is among others, whichever of its octets are percent-encoded.
    static func isNamed(
        _ name: Span<UInt8>,
        _ names: [[UInt8]],
        prefixes: Bool = false
    ) -> Bool {
        for wanted in names where matches(name, wanted.span, prefixes) { return true }
        return false
    }

    private static func matches(
        _ name: Span<UInt8>,
        _ wanted: Span<UInt8>,
        _ prefixes: Bool
    ) -> Bool {
        let isPrefix = prefixes && !wanted.isEmpty && wanted[wanted.count &- 1] == UInt8(ascii: "*")
        let count = isPrefix ? wanted.count &- 1 : wanted.count
        var place = 0
        for index in 0..<count {
            guard let octet = next(name, &place) else { return false }
            // A plus sign is a blank in forms.
            let isSame = octet == wanted[index] || octet == 0x2b && wanted[index] == 0x20
            guard isSame else { return false }
        }
        return isPrefix || place >= name.count
    }

    // MARK: Sorting

    /// Appends all parameters in order of their names.
    static func writeSorted(_ query: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
        var pairs = InlineArray<64, ByteRange>(repeating: .empty)
        var count = 0
        var place = 0
        // Where some origins see more parameters than these, to move one moves others.
        guard !hasSemicolon(query) else { return output.write(query) }
        while place <= query.count {
            guard count < sortLimit else { return output.write(query) }
            let end = pairEnd(query, from: place)
            pairs[count] = ByteRange(from: place, to: end)
            insert(&pairs, count, query)
            count &+= 1
            place = end &+ 1
        }
        for index in 0..<count {
            guard index == 0 || output.write("&"), output.write(query.slice(pairs[index])) else {
                return false
            }
        }
        return true
    }

    /// Moves the last of some pairs to its place.
    private static func insert(
        _ pairs: inout InlineArray<64, ByteRange>,
        _ last: Int,
        _ query: Span<UInt8>
    ) {
        var place = last
        while place > 0,
            precedes(name(query.slice(pairs[place])), name(query.slice(pairs[place &- 1])))
        {
            pairs.swapAt(place, place &- 1)
            place &-= 1
        }
    }

    /// Names that an origin may take for one are equal, and stay in their order: it may take the first of
    /// them, or the last.
    private static func precedes(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        var (one, other) = (0, 0)
        while true {
            let (first, second) = (folded(left, &one), folded(right, &other))
            guard let first, let second else { return first == nil && second != nil }
            if first != second { return first < second }
        }
    }

    /// Letters of both cases are one to some, what is neither letter nor digit is `_` to others, and `[`
    /// ends the name of a list.
    private static func folded(_ name: Span<UInt8>, _ place: inout Int) -> UInt8? {
        guard let octet = next(name, &place), octet != UInt8(ascii: "[") else { return nil }
        let isPlain = ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet >= 0x80
        return isPlain ? ASCII.lowercased(octet) : UInt8(ascii: "_")
    }

    // MARK: Octets

    private static func pairEnd(_ query: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < query.count, query[index] != UInt8(ascii: "&") { index &+= 1 }
        return index
    }

    @_lifetime(copy pair)
    private static func name(_ pair: Span<UInt8>) -> Span<UInt8> {
        var index = 0
        while index < pair.count, pair[index] != UInt8(ascii: "=") { index &+= 1 }
        return pair.extracting(0..<index)
    }

    private static func hasSemicolon(_ pair: Span<UInt8>) -> Bool {
        for index in pair.indices where pair[index] == UInt8(ascii: ";") { return true }
        return false
    }

    /// The next octet of a name, decoded.
    private static func next(_ name: Span<UInt8>, _ place: inout Int) -> UInt8? {
        guard place < name.count else { return nil }
        let octet = Text.unescaped(name, place)
        let plain = name[place]
        place &+= octet == nil ? 1 : 3
        return octet ?? plain
    }
}
