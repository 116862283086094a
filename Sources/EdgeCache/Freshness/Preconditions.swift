// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol

/// A stored head, as far as conditions of requests ask for it.
public struct StoredValidators: ~Escapable {
    /// Its fields' octets.
    let bytes: Span<UInt8>
    /// Its `ETag`; nil where it has none, or none that is well-formed.
    let tag: EntityTag?
    /// Its `Last-Modified` in seconds since 1970.
    let modified: Int64?
    /// Its `Date`, or when it came, in seconds since 1970.
    let date: Int64

    /// Reads the fields of a stored head that came at `received`.
    @_lifetime(copy bytes)
    public init(_ fields: borrowing FieldTable, _ bytes: Span<UInt8>, received: WallTime) {
        self.bytes = bytes
        tag = fields.first(.etag).flatMap { EntityTag(bytes, fields[$0].value) }
        let present = received.seconds
        modified = fields.first(.lastModified).flatMap {
            HTTPDate.seconds(bytes.slice(fields[$0].value), now: present)
        }
        date =
            fields.first(.date).flatMap {
                HTTPDate.seconds(bytes.slice(fields[$0].value), now: present)
            } ?? present
    }
}

/// Whether a stored response answers a conditional request by 304 (RFC 9111 §4.3.2, RFC 9110 §13).
public enum Preconditions {
    /// True when the client has what is stored.
    ///
    /// Asked of GET and HEAD for a stored 200 alone. `If-None-Match` is compared weakly and hides
    /// `If-Modified-Since` (RFC 9110 §13.1.2, §13.1.3); of a response without `Last-Modified` its date
    /// counts (RFC 9111 §4.3.2).
    public static func isUnchanged(
        _ request: borrowing FieldTable,
        _ requestBytes: Span<UInt8>,
        _ stored: StoredValidators,
        now: WallTime
    ) -> Bool {
        if request.first(.ifNoneMatch) != nil {
            return matches(request, requestBytes, stored)
        }
        guard let place = request.first(.ifModifiedSince),
            request.next(.ifModifiedSince, from: place &+ 1) == nil,
            let since = HTTPDate.seconds(
                requestBytes.slice(request[place].value),
                now: now.seconds
            )
        else { return false }
        return stored.modified ?? stored.date <= since
    }

    private static func matches(
        _ request: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ stored: StoredValidators
    ) -> Bool {
        var place = request.first(.ifNoneMatch)
        while let index = place {
            let value = request[index].value
            if value.count == 1, bytes.slice(value)[0] == UInt8(ascii: "*") { return true }
            if let tag = stored.tag,
                EntityTag.isListed(value, bytes, tag: tag, of: stored.bytes, weakly: true)
            {
                return true
            }
            place = request.next(.ifNoneMatch, from: index &+ 1)
        }
        return false
    }

    /// True when a range may be given of what is stored: there is no `If-Range`, or it names just what
    /// is stored (RFC 9110 §13.1.5).
    ///
    /// A tag is compared strongly. A date has to be that of `Last-Modified` itself, and that a minute
    /// older than the response: else it might have changed twice in a second (§8.8.2.2).
    public static func allowsRange(
        _ ifRange: Span<UInt8>?,
        _ stored: StoredValidators,
        now: WallTime
    ) -> Bool {
        guard let ifRange else { return true }
        let range = ByteRange(from: 0, to: ifRange.count)
        if EntityTag(ifRange, range) != nil {
            guard let tag = stored.tag else { return false }
            return EntityTag.isListed(range, ifRange, tag: tag, of: stored.bytes, weakly: false)
        }
        guard let date = HTTPDate.seconds(ifRange, now: now.seconds), let modified = stored.modified
        else { return false }
        return date == modified && stored.date &- modified >= 60
    }
}
