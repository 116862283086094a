// SPDX-License-Identifier: Apache-2.0
public import EdgeCache
internal import Essentials
public import HTTPProtocol

/// A URL by which somebody names what is stored of it.
public struct CacheTarget: Sendable, Equatable {
    private let isSecure: Bool
    private let host: [UInt8]
    private let path: [UInt8]
    private let query: [UInt8]?

    /// Reads `http[s]://HOST[:PORT][/PATH][?QUERY]`, in which a fragment does not count; nil for what no
    /// request that is served can be for.
    public init?(_ url: String) {
        let octets = Array(url.utf8)
        guard octets.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else { return nil }
        let scheme = url.lowercased()
        isSecure = scheme.hasPrefix("https://")
        guard isSecure || scheme.hasPrefix("http://") else { return nil }
        let rest = octets.dropFirst(isSecure ? 8 : 7).prefix { $0 != UInt8(ascii: "#") }
        host = Array(rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") })
        guard !host.isEmpty, !host.contains(UInt8(ascii: "@")) else { return nil }
        let target = rest.dropFirst(host.count)
        let written = Array(target.prefix { $0 != UInt8(ascii: "?") })
        let asked = target.dropFirst(written.count)
        query = asked.isEmpty ? nil : Array(asked.dropFirst())
        let path = written.isEmpty ? [UInt8(ascii: "/")] : written
        guard !PathForm.hasDotSegment(path.span), PathForm.encoding(path.span) != .malformed else {
            return nil
        }
        self.path = [UInt8](capacity: path.count) { (output: inout OutputSpan<UInt8>) in
            PathForm.writePlain(path.span, into: &output)
        }
    }

    /// True when it has a question mark.
    public var hasQuery: Bool { query != nil }

    /// The key of a request for the URL with these fields, by the rule of a cache; nil when it has none.
    public func key(
        by rule: CacheKeyRule,
        _ fields: borrowing FieldTable,
        _ bytes: [UInt8]
    ) -> [UInt8]? {
        var isWhole = false
        let room = host.count + path.count + (query?.count ?? 0) + bytes.count * 2 + 64
        let key = [UInt8](capacity: room) { (output: inout OutputSpan<UInt8>) in
            let asked = query ?? []
            var text: Span<UInt8>?
            if query != nil { text = asked.span }
            isWhole = rule.write(
                isSecure: isSecure,
                host: host.span,
                path: path.span,
                query: text,
                fields,
                bytes.span,
                into: &output
            )
        }
        return isWhole ? key : nil
    }

    /// What is stored of the URL, whatever fields and cookies the requests had, by the rule of a cache.
    public func selection(by rule: CacheKeyRule) -> StoredSelection? {
        let text = rule.beginning(isSecure: isSecure, host: host, path: path, query: query)
        return text.map { rule.isByURLAlone ? .key($0) : .beginning($0) }
    }

    /// What is stored of all URLs that begin with this one, by the rule of a cache.
    public func selectionOfAll(by rule: CacheKeyRule) -> StoredSelection? {
        rule.beginning(isSecure: isSecure, host: host, pathsFrom: path)
            .map(StoredSelection.beginning)
    }
}
