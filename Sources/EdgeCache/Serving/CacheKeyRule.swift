// SPDX-License-Identifier: Apache-2.0
internal import Essentials
public import HTTPProtocol

/// Which requests may share an answer, before `Vary` is known (RFC 9111 §2).
///
/// The key is a text that two requests have in common just when they may. Its parts are divided by octets
/// that none of them can have, so that no request makes the text of another by what it puts into one part:
/// who could, would choose what others get.
public struct CacheKeyRule: Sendable, Equatable {
    /// What of the query counts.
    public enum Query: Sendable, Equatable {
        /// All of it, as it came.
        case all
        /// None of it, nor whether there is one.
        case none
        /// All of it, its parameters in order of their names; those that may be of one name stay in
        /// theirs, which means something to many origins. With more than 64 of them, or with `;`, as
        /// it came.
        case sorted
        /// The parameters of these names, percent-encoded or not, as they came.
        case only([[UInt8]])
        /// All parameters but those of these names; `*` at the end of one stands for any more.
        case without([[UInt8]])
    }

    /// Whether the host counts; where it does not, all hosts share what is stored.
    public var hasHost = true
    /// What of the query counts.
    public var query = Query.all
    /// Fields of requests that count, by their names in small letters.
    public var fields: [[UInt8]] = []
    /// Cookies that count, by their names.
    public var cookies: [[UInt8]] = []

    /// Scheme, host, path and query, all as they came.
    public init() {}

    // Neither can stand in a head: it has been refused.
    static let separator: UInt8 = 0
    static let isThere: UInt8 = 1

    /// Appends the key of a request.
    ///
    /// `host` is `host[:port]`, `path` has its one plain form, and `query` is nil where there is no question
    /// mark. False when it does not fit, when a part has an octet that divides parts, and when a cookie that
    /// counts can be read in two ways: then nothing stored is known to be for the request, and nothing is
    /// to be stored of it. Nothing is written then.
    public func write(
        isSecure: Bool,
        host: Span<UInt8>,
        path: Span<UInt8>,
        query: Span<UInt8>?,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let start = output.count
        let isWhole =
            output.write(isSecure ? "https" : "http") && output.write(CacheKeyRule.separator)
            && writeHost(host, isSecure, into: &output) && output.write(CacheKeyRule.separator)
            && CacheKeyRule.isPlain(path) && output.write(path)
            && output.write(CacheKeyRule.separator)
            && writeQuery(query, into: &output) && output.write(CacheKeyRule.separator)
            && writeFields(fields, bytes, into: &output)
            && writeCookies(fields, bytes, into: &output)
        if !isWhole { output.removeLast(output.count &- start) }
        return isWhole
    }

    /// True for scheme, host, path and query, all as they came.
    public var isPlain: Bool { self == CacheKeyRule() }

    /// Appends the key of a request by a rule that ``isPlain``: what ``write(isSecure:host:path:query:_:_:into:)``
    /// writes, without looking at a rule.
    public static func writePlain(
        isSecure: Bool,
        host: Span<UInt8>,
        path: Span<UInt8>,
        query: Span<UInt8>?,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let start = output.count
        var isWhole =
            output.write(isSecure ? "https" : "http") && output.write(separator)
            && isPlain(host) && HostText(host, isSecure: isSecure).write(host, into: &output)
            && output.write(separator) && isPlain(path) && output.write(path)
            && output.write(separator)
        if let query {
            isWhole =
                isWhole && isPlain(query) && output.write(isThere) && output.write(query)
        }
        isWhole = isWhole && output.write(separator)
        if !isWhole { output.removeLast(output.count &- start) }
        return isWhole
    }

    private func writeHost(
        _ host: Span<UInt8>,
        _ isSecure: Bool,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        guard hasHost else { return true }
        return CacheKeyRule.isPlain(host)
            && HostText(host, isSecure: isSecure).write(host, into: &output)
    }

    /// That there is a query differs from that there is none.
    private func writeQuery(_ query: Span<UInt8>?, into output: inout OutputSpan<UInt8>) -> Bool {
        guard let query else { return true }
        guard CacheKeyRule.isPlain(query) else { return false }
        switch self.query {
        case .none: return true
        case .all: return output.write(CacheKeyRule.isThere) && output.write(query)
        case .sorted:
            return output.write(CacheKeyRule.isThere)
                && QueryText.writeSorted(query, into: &output)
        case .only(let names):
            return QueryText.write(query, into: &output) { QueryText.isNamed($0, names) }
        case .without(let names):
            return QueryText.write(query, into: &output) {
                !QueryText.isNamed($0, names, prefixes: true)
            }
        }
    }

    /// With their names: what was stored by another rule stays another text.
    private func writeFields(
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        for field in fields {
            let name = field.span
            guard output.write(name), VaryRule.writeLines(name, request, bytes, into: &output),
                output.write(CacheKeyRule.separator)
            else { return false }
        }
        return true
    }

    private func writeCookies(
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        for cookie in cookies {
            let name = cookie.span
            guard output.write("cookie="), output.write(name) else { return false }
            var place = request.first(.cookie)
            while let line = place {
                var reader = CookieReader(request[line].value)
                while let found = reader.next(bytes) {
                    guard !found.isAmbiguous else { return false }
                    guard Text.isSame(bytes.slice(found.name), name) else { continue }
                    guard output.write(CacheKeyRule.isThere),
                        output.write(bytes.slice(found.value))
                    else { return false }
                }
                place = request.next(.cookie, from: line &+ 1)
            }
            guard output.write(CacheKeyRule.separator) else { return false }
        }
        return true
    }

    /// True for a text without the octets that divide parts.
    private static func isPlain(_ text: Span<UInt8>) -> Bool {
        for index in text.indices where text[index] <= isThere { return false }
        return true
    }

    // MARK: Reading

    /// Where the parts of a key lie by which things are purged.
    public struct Parts: BitwiseCopyable, Sendable, Equatable {
        /// True for `https`.
        public var isSecure: Bool
        /// The host in small letters, with a port where it is not that of the scheme; empty for a rule
        /// without it.
        public var host: ByteRange
        /// The path.
        public var path: ByteRange
        /// True when some query counts.
        public var hasQuery: Bool
    }

    /// Takes a key apart; nil for what is none.
    public static func parts(ofKey key: Span<UInt8>) -> Parts? {
        guard let scheme = end(key, from: 0), let host = end(key, from: scheme &+ 1),
            let path = end(key, from: host &+ 1), let query = end(key, from: path &+ 1),
            scheme == 4 || scheme == 5
        else { return nil }
        return Parts(
            isSecure: scheme == 5,
            host: ByteRange(from: scheme &+ 1, to: host),
            path: ByteRange(from: host &+ 1, to: path),
            hasQuery: query > path &+ 1
        )
    }

    private static func end(_ key: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < key.count {
            if key[index] == separator { return index }
            index &+= 1
        }
        return nil
    }
}
