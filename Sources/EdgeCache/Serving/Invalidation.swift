// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import HTTPProtocol

/// What is out of date after a request that changed something (RFC 9111 §4.4).
public enum Invalidation {
    /// True when the target of a request is no longer what is stored of it: the method is not known to be
    /// safe, and the status is no error.
    public static func isDue(_ method: Method, status: UInt16) -> Bool {
        !method.isSafe && status >= 200 && status < 400
    }

    /// A field of a response that may name another resource.
    public enum Source: UInt8, Sendable, CaseIterable {
        /// `Location` (RFC 9110 §10.2.2).
        case location
        /// `Content-Location` (RFC 9110 §8.7).
        case contentLocation
    }

    /// The target of a request.
    public struct Target: ~Escapable {
        let isSecure: Bool
        let host: Span<UInt8>
        let path: Span<UInt8>

        /// A target by its scheme, `host[:port]`, and path in its plain form.
        @_lifetime(copy host, copy path)
        public init(isSecure: Bool, host: Span<UInt8>, path: Span<UInt8>) {
            self.isSecure = isSecure
            self.host = host
            self.path = path
        }
    }

    /// Where a path and a query lie in what was written.
    public struct Place: BitwiseCopyable, Sendable, Equatable {
        /// The path, in its plain form.
        public var path: ByteRange
        /// The query without its question mark; nil where there is none.
        public var query: ByteRange?
    }

    private static let contentLocation = Array("content-location".utf8)

    /// Appends path and query of what else is to be invalidated, as a field of the response names it; the
    /// place counts from the start of the output.
    ///
    /// Nil, and nothing is written, where there is nothing: the field is not there or twice, is empty, names
    /// what has another origin, which RFC 9111 §4.4 forbids to touch, is no reference, or does not fit. A
    /// relative one is resolved (RFC 3986 §5.2).
    public static func write(
        _ source: Source,
        of response: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        for target: Target,
        into output: inout OutputSpan<UInt8>
    ) -> Place? {
        var found: Int?
        for index in 0..<response.count {
            let isIt =
                source == .location
                ? response[index].known == .location
                : FieldSyntax.equalsIgnoringCase(
                    bytes.slice(response[index].name),
                    contentLocation.span
                )
            guard isIt else { continue }
            guard found == nil else { return nil }
            found = index
        }
        guard let found else { return nil }
        let start = output.count
        let place = resolve(bytes.slice(response[found].value), target, into: &output)
        if place == nil { output.removeLast(output.count &- start) }
        return place
    }

    // MARK: References

    private static func resolve(
        _ value: Span<UInt8>,
        _ target: Target,
        into output: inout OutputSpan<UInt8>
    ) -> Place? {
        let whole = value.extracting(0..<first(UInt8(ascii: "#"), value))
        guard !whole.isEmpty, isReference(whole) else { return nil }
        guard let rest = pathStart(whole, target) else { return nil }
        let reference = whole.extracting(rest..<whole.count)
        let question = first(UInt8(ascii: "?"), reference)
        let start = output.count
        var isWhole: Bool
        if question == 0, rest == 0 {
            isWhole = output.write(target.path)
        } else {
            var path = PathWriter(start: start)
            isWhole = true
            if rest == 0, reference[0] != UInt8(ascii: "/") {
                // §5.2.3: all of the target's path up to its last slash.
                isWhole = path.write(
                    target.path.extracting(0..<lastSlash(target.path)),
                    into: &output
                )
            }
            isWhole =
                isWhole && path.write(reference.extracting(0..<question), into: &output)
                && path.finish(into: &output)
        }
        let end = output.count
        guard isWhole else { return nil }
        guard question < reference.count else {
            return Place(path: ByteRange(from: start, to: end), query: nil)
        }
        guard output.write(reference.extracting(question..<reference.count)) else { return nil }
        return Place(
            path: ByteRange(from: start, to: end),
            query: ByteRange(from: end &+ 1, to: output.count)
        )
    }

    /// Where the path begins, behind scheme and host when these are the target's; nil for another origin.
    private static func pathStart(_ reference: Span<UInt8>, _ target: Target) -> Int? {
        var start = 0
        if let colon = schemeEnd(reference) {
            let scheme = reference.extracting(0..<colon)
            guard isScheme(scheme, isSecure: target.isSecure) else { return nil }
            start = colon &+ 1
            // Without a host it names none of ours.
            guard hasAuthority(reference, start) else { return nil }
        }
        guard hasAuthority(reference, start) else { return start }
        start &+= 2
        var end = start
        while end < reference.count, reference[end] != UInt8(ascii: "/"),
            reference[end] != UInt8(ascii: "?")
        {
            end &+= 1
        }
        let host = reference.extracting(start..<end)
        return HostText.isSame(host, target.host, isSecure: target.isSecure) ? end : nil
    }

    private static func hasAuthority(_ reference: Span<UInt8>, _ start: Int) -> Bool {
        start &+ 1 < reference.count && reference[start] == UInt8(ascii: "/")
            && reference[start &+ 1] == UInt8(ascii: "/")
    }

    /// A colon before any slash or question mark ends a scheme (§3.1, §4.2).
    private static func schemeEnd(_ reference: Span<UInt8>) -> Int? {
        for index in reference.indices {
            switch reference[index] {
            case UInt8(ascii: ":"): return index
            case UInt8(ascii: "/"), UInt8(ascii: "?"): return nil
            default: continue
            }
        }
        return nil
    }

    private static func isScheme(_ text: Span<UInt8>, isSecure: Bool) -> Bool {
        guard text.count == (isSecure ? 5 : 4) else { return false }
        var word: UInt64 = 0
        for index in text.indices { word = word << 8 | UInt64(ASCII.lowercased(text[index])) }
        return word == (isSecure ? 0x68_7474_7073 /* https */ : 0x6874_7470 /* http */)
    }

    /// No octet that may stand in no reference (§2), and no `%` without two digits.
    private static func isReference(_ text: Span<UInt8>) -> Bool {
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "~"): continue
            case UInt8(ascii: "%"): guard Text.unescaped(text, index) != nil else { return false }
            case 0...0x20, 0x22, 0x3c, 0x3e, 0x5c, 0x5e, 0x60, 0x7b...0xff: return false
            default: continue
            }
        }
        return true
    }

    private static func first(_ octet: UInt8, _ text: Span<UInt8>) -> Int {
        var index = 0
        while index < text.count, text[index] != octet { index &+= 1 }
        return index
    }

    /// The place behind the last slash.
    private static func lastSlash(_ path: Span<UInt8>) -> Int {
        var index = path.count
        while index > 0, path[index &- 1] != UInt8(ascii: "/") { index &-= 1 }
        return index
    }
}
