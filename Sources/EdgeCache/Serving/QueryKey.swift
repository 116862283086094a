// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol

/// What tells requests by QUERY for one URL apart: their content, and what is said of it (RFC 10008 §2.7).
///
/// Behind the key that a GET of the URL has stands a digest, divided from it by what can stand in no other
/// part: no GET has the key of a QUERY, and from a QUERY's key that of its URL is known.
public enum QueryKey {
    // Two octets that divide, 32 digits, and the one that ends each part.
    private static let count = 35
    private static let type = Array("content-type".utf8)
    private static let encoding = Array("content-encoding".utf8)
    private static let language = Array("content-language".utf8)

    /// Appends what a request says of its content, ahead of which the content is digested; false when it does
    /// not fit.
    public static func writeMetadata(
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        writeLines(type.span, fields, bytes, into: &output)
            && output.write(CacheKeyRule.separator)
            && writeLines(encoding.span, fields, bytes, into: &output)
            && output.write(CacheKeyRule.separator)
            && writeLines(language.span, fields, bytes, into: &output)
            && output.write(CacheKeyRule.separator)
    }

    /// All lines of a field octet by octet: what is no list to one is none to another, and an endpoint may see
    /// a difference where lists have none.
    private static func writeLines(
        _ name: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        for index in 0..<fields.count
        where FieldSyntax.equalsIgnoringCase(bytes.slice(fields[index].name), name) {
            guard output.write(CacheKeyRule.isThere),
                output.write(bytes.slice(fields[index].value))
            else { return false }
        }
        return true
    }

    /// Appends a digest to a key; false, and nothing is written, when it does not fit.
    public static func append(_ digest: Digest128, into output: inout OutputSpan<UInt8>) -> Bool {
        guard output.freeCapacity >= count else { return false }
        return output.write(CacheKeyRule.isThere) && output.write(CacheKeyRule.isThere)
            && output.write(hexadecimal: digest.high, width: 16)
            && output.write(hexadecimal: digest.low, width: 16)
            && output.write(CacheKeyRule.separator)
    }

    /// How many octets of a key are that of its URL; nil for a key without a digest.
    static func urlCount(_ key: Span<UInt8>) -> Int? {
        let end = key.count &- count
        guard end > 0, key[key.count &- 1] == CacheKeyRule.separator,
            key[end &- 1] == CacheKeyRule.separator, key[end] == CacheKeyRule.isThere,
            key[end &+ 1] == CacheKeyRule.isThere
        else { return nil }
        return end
    }

    /// True for the key of a QUERY for the URL that another key is of.
    static func isQuery(_ key: Span<UInt8>, of url: Span<UInt8>) -> Bool {
        guard let count = urlCount(key) else { return false }
        return Text.isSame(key.extracting(0..<count), url)
    }
}
