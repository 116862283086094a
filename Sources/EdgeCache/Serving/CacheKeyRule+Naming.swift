// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import HTTPProtocol

/// Keys by URLs, for people.
extension CacheKeyRule {
    /// What the keys of all requests for a URL begin with: everything but fields and cookies.
    ///
    /// `host` is `host[:port]`, `path` has its one plain form, and `query` is nil where there is no question
    /// mark. Nil when a part has an octet that divides parts.
    public func beginning(
        isSecure: Bool,
        host: [UInt8],
        path: [UInt8],
        query: [UInt8]?
    ) -> [UInt8]? {
        // Without fields and cookies nothing else is written.
        var rule = self
        (rule.fields, rule.cookies) = ([], [])
        let written = query ?? []
        let size = 16 + host.count + path.count + written.count
        var isWhole = false
        let key = [UInt8](capacity: size) { (output: inout OutputSpan<UInt8>) in
            let fields = FieldTable(limit: 1)
            var text: Span<UInt8>?
            if query != nil { text = written.span }
            isWhole = rule.write(
                isSecure: isSecure,
                host: host.span,
                path: path.span,
                query: text,
                fields,
                Span(),
                into: &output
            )
        }
        return isWhole ? key : nil
    }

    /// What the keys of all requests begin with whose paths begin with this one.
    public func beginning(isSecure: Bool, host: [UInt8], pathsFrom path: [UInt8]) -> [UInt8]? {
        // Behind the path of a key without a query are two octets that divide.
        beginning(isSecure: isSecure, host: host, path: path, query: nil).map {
            Array($0.dropLast(2))
        }
    }

    /// True when a URL alone makes a key.
    public var isByURLAlone: Bool { fields.isEmpty && cookies.isEmpty }

    /// A key as a URL, with the fields and cookies that count behind it; `*` for a host that does not.
    public static func text(ofKey key: [UInt8]) -> String {
        let parts = key.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count >= 4 else { return String(decoding: key, as: UTF8.self) }
        func word(_ octets: ArraySlice<UInt8>) -> String { String(decoding: octets, as: UTF8.self) }
        let host = parts[1].isEmpty ? "*" : word(parts[1])
        var text = "\(word(parts[0]))://\(host)\(word(parts[2]))"
        if !parts[3].isEmpty { text += "?\(word(parts[3].dropFirst()))" }
        for part in parts.dropFirst(4) where !part.isEmpty {
            let values = part.split(separator: isThere, omittingEmptySubsequences: false)
            let first = values.first.map(word) ?? ""
            let name = first.isEmpty ? "QUERY" : first
            let list = values.dropFirst().filter { !$0.isEmpty }.map(word)
            text += values.count == 1 ? " \(name)" : " \(name): \(list.joined(separator: ", "))"
        }
        return text
    }
}
