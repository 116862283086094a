// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol

/// The text of a response head as it is kept (RFC 9111 §3.1).
///
/// A head of its own, which ``ResponseParser`` reads again: who answers from the store parses it as if an
/// origin had sent it. All fields are kept, known or not, but for those that speak of one hop, of one
/// message or to one client.
public enum StoredHeadWriter {
    /// Appends the head that is kept of a response that came at `now`.
    ///
    /// Left out are hop-by-hop fields and those that `Connection` names, `Age` (§5.1: this cache tells its
    /// own), `Content-Length` (written from what is really kept), `Content-Range`, what is between a client
    /// and its proxy, fields that `no-cache` and `private` name (§5.2.2.4, §5.2.2.7), and `Set-Cookie` where
    /// `keepsCookies` does not say otherwise. `Date` is added where there is none (RFC 9110 §6.6.1).
    ///
    /// False, and nothing is written, when it does not fit.
    public static func write(
        _ head: ResponseHead,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        keepsCookies: Bool,
        now: WallTime,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let filter = StoredFields(fields, bytes, keepsCookies: keepsCookies)
        let start = output.count
        let isWhole =
            output.writeStatusLine(head, from: bytes)
            && filter.write(fields, bytes, now: now, into: &output)
        if !isWhole { output.removeLast(output.count &- start) }
        return isWhole
    }
}

/// Which fields of a head are kept.
struct StoredFields: BitwiseCopyable {
    private var dropped: FieldSet = [
        .contentLength, .contentRange, .transferEncoding, .age, .connection, .proxyAuthenticate,
        .proxyAuthorization,
    ]
    private let bound: FieldSet
    private let namesFields: Bool
    /// The one of the three fields of §3.1 that no neighbour acts upon.
    private static let proxyInformation = Array("proxy-authentication-info".utf8)

    /// Judges fields of one head, by it; those in `bound` are not kept either.
    init(
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        keepsCookies: Bool,
        bound: FieldSet = []
    ) {
        self.bound = bound
        let words = CacheDirectives(fields, bytes).words
        namesFields = !words.isDisjoint(with: [.noCacheFields, .privateFields])
        if !keepsCookies { dropped.insert(.setCookie) }
    }

    /// True for a line that is kept.
    func keeps(_ index: Int, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>) -> Bool {
        let field = fields[index]
        if field.isHopByHop || field.isForbidden || dropped.contains(field.known)
            || bound.contains(field.known)
        {
            return false
        }
        let name = bytes.slice(field.name)
        if name.count == StoredFields.proxyInformation.count,
            FieldSyntax.equalsIgnoringCase(name, StoredFields.proxyInformation.span)
        {
            return false
        }
        return !isNamed(name, fields, bytes)
    }

    /// True for what `no-cache` or `private` names.
    func isNamed(
        _ name: Span<UInt8>,
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>
    ) -> Bool { namesFields && NamedFields.contains(name, fields, bytes) }

    /// Appends all lines that are kept, a date where there is none, and the end of the head.
    func write(
        _ fields: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        now: WallTime,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        var hasDate = false
        for index in 0..<fields.count where keeps(index, fields, bytes) {
            guard output.copyField(fields[index], from: bytes) else { return false }
            if fields[index].known == .date { hasDate = true }
        }
        return (hasDate || output.writeDate(now)) && output.writeLineEnd()
    }
}
