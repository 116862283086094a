// SPDX-License-Identifier: Apache-2.0
public import Essentials
public import HTTPProtocol

/// A stored head beside a newer one of the same resource: whether that is for it, and what becomes of it
/// (RFC 9111 §3.2, §4.3.4, §4.3.5).
public enum HeadUpdate {
    /// Appends the stored head with the fields of a 304, or of the answer to HEAD, in place of those that have
    /// their names (§3.2).
    ///
    /// `Content-Type` and `Content-Encoding` are taken too: that a name begins with `Content-` says nothing
    /// (§3.2), and content is kept as it came. What is not taken is what is not kept of any response
    /// (``StoredHeadWriter``), `Content-Length` among it, and what is in `bound`: fields that say what this
    /// cache made of the content before it kept it. Stored fields that the newer `no-cache` or `private`
    /// names go. The status line is the stored one; without a `Date` the newer head is of `now`
    /// (RFC 9110 §6.6.1).
    ///
    /// False, and nothing is written, when it does not fit.
    public static func write(
        _ head: ResponseHead,
        _ stored: borrowing FieldTable,
        _ storedBytes: Span<UInt8>,
        with newer: borrowing FieldTable,
        _ newerBytes: Span<UInt8>,
        bound: FieldSet = [],
        keepsCookies: Bool,
        now: WallTime,
        into output: inout OutputSpan<UInt8>
    ) -> Bool {
        let filter = StoredFields(newer, newerBytes, keepsCookies: keepsCookies, bound: bound)
        let start = output.count
        var isWhole = output.writeStatusLine(head, from: storedBytes)
        var index = 0
        while isWhole, index < stored.count {
            let field = stored[index]
            let name = storedBytes.slice(field.name)
            // A newer head always has a date: its own, or when it came.
            let isReplaced =
                field.known == .date || filter.isNamed(name, newer, newerBytes)
                || has(name, newer, newerBytes, filter)
            if !isReplaced { isWhole = output.copyField(field, from: storedBytes) }
            index &+= 1
        }
        isWhole = isWhole && filter.write(newer, newerBytes, now: now, into: &output)
        if !isWhole { output.removeLast(output.count &- start) }
        return isWhole
    }

    private static func has(
        _ name: Span<UInt8>,
        _ newer: borrowing FieldTable,
        _ bytes: Span<UInt8>,
        _ filter: StoredFields
    ) -> Bool {
        for index in 0..<newer.count
        where FieldSyntax.equalsIgnoringCase(bytes.slice(newer[index].name), name) {
            if filter.keeps(index, newer, bytes) { return true }
        }
        return false
    }

    // MARK: Which stored response

    /// Which of the stored responses with a fitting validator a 304 is for.
    public enum Selection: UInt8, Sendable {
        /// Not this one.
        case none
        /// Of those that say so, the most recent one.
        case latest
        /// Each that says so.
        case each
    }

    /// Whether a 304 is for a stored response that the request could have been answered with (§4.3.4).
    ///
    /// `isOnly` says that there is no other. A strong `ETag` decides alone. Weak validators, `Last-Modified`
    /// among them, have to agree all. Without any, it is for a response without any that is the only one.
    public static func selects(
        _ stored: borrowing FieldTable,
        _ storedBytes: Span<UInt8>,
        by newer: borrowing FieldTable,
        _ newerBytes: Span<UInt8>,
        isOnly: Bool,
        now: WallTime
    ) -> Selection {
        let place = newer.first(.etag)
        if let place, let tag = EntityTag(newerBytes, newer[place].value), !tag.isWeak {
            let isSame = stored.first(.etag).map { own in
                let value = stored[own].value
                return EntityTag.isListed(
                    value,
                    storedBytes,
                    tag: tag,
                    of: newerBytes,
                    weakly: false
                )
            }
            return isSame == true ? .each : .none
        }
        let hasDate = newer.first(.lastModified) != nil
        guard place != nil || hasDate else {
            let isBare = stored.first(.etag) == nil && stored.first(.lastModified) == nil
            return isOnly && isBare ? .latest : .none
        }
        let agrees =
            isSameTag(stored, storedBytes, newer, newerBytes, weakly: true)
            && isSameDate(stored, storedBytes, newer, newerBytes, now)
        return agrees ? .latest : .none
    }

    /// Whether an answer to HEAD with status 200 is of what is stored, so that its fields are (§4.3.5).
    ///
    /// Validators that it has are those of the stored response, and its `Content-Length` is how much content
    /// is stored. Where it says false the stored response counts as stale.
    public static func headMatches(
        _ stored: borrowing FieldTable,
        _ storedBytes: Span<UInt8>,
        length: Int64,
        by newer: borrowing FieldTable,
        _ newerBytes: Span<UInt8>,
        now: WallTime
    ) -> Bool {
        if let place = newer.first(.contentLength),
            Text.decimal(newerBytes.slice(newer[place].value)) != length
        {
            return false
        }
        return isSameTag(stored, storedBytes, newer, newerBytes, weakly: false)
            && isSameDate(stored, storedBytes, newer, newerBytes, now)
    }

    /// True when the newer head has no `ETag`, or the same.
    private static func isSameTag(
        _ stored: borrowing FieldTable,
        _ storedBytes: Span<UInt8>,
        _ newer: borrowing FieldTable,
        _ newerBytes: Span<UInt8>,
        weakly: Bool
    ) -> Bool {
        guard let place = newer.first(.etag) else { return true }
        guard let own = stored.first(.etag) else { return false }
        let (value, other) = (newer[place].value, stored[own].value)
        // What is no tag is the same when its octets are.
        if Text.isSame(newerBytes.slice(value), storedBytes.slice(other)) { return true }
        guard weakly, let tag = EntityTag(newerBytes, value),
            EntityTag(storedBytes, other) != nil
        else { return false }
        return EntityTag.isListed(other, storedBytes, tag: tag, of: newerBytes, weakly: true)
    }

    /// True when the newer head has no `Last-Modified`, or the same.
    private static func isSameDate(
        _ stored: borrowing FieldTable,
        _ storedBytes: Span<UInt8>,
        _ newer: borrowing FieldTable,
        _ newerBytes: Span<UInt8>,
        _ now: WallTime
    ) -> Bool {
        guard let place = newer.first(.lastModified) else { return true }
        guard let own = stored.first(.lastModified) else { return false }
        let value = newerBytes.slice(newer[place].value)
        let other = storedBytes.slice(stored[own].value)
        guard let date = HTTPDate.seconds(value, now: now.seconds) else {
            return Text.isSame(value, other)
        }
        return HTTPDate.seconds(other, now: now.seconds) == date
    }
}
