// SPDX-License-Identifier: Apache-2.0

/// One field line: where its name and value lie, and what the codec knows of it.
public struct FieldSlice: BitwiseCopyable, Sendable, Equatable {
    /// The name as it was spelt.
    public var name: ByteRange
    /// The value without the whitespace around it.
    public var value: ByteRange
    /// Which field it is.
    public var known: KnownField
    /// True when it must not be forwarded, also because `Connection` named it.
    public var isHopByHop: Bool
    /// True in a trailer section for a field that must not be merged or forwarded, and in what
    /// clients send for a known name with `_` in place of `-`.
    public var isForbidden: Bool
    /// True when the line stands in its buffer just as it would be written.
    @usableFromInline var isVerbatim = false

    /// A field from its parts.
    @inlinable public init(
        name: ByteRange,
        value: ByteRange,
        known: KnownField,
        isHopByHop: Bool = false,
        isForbidden: Bool = false
    ) {
        self.name = name
        self.value = value
        self.known = known
        self.isHopByHop = isHopByHop
        self.isForbidden = isForbidden
    }

    /// A field of no bytes.
    @inlinable public static var empty: FieldSlice {
        FieldSlice(name: .empty, value: .empty, known: .other)
    }
}

/// The field lines of one head, in the order of arrival.
///
/// The storage is made once and used again for each head; a worker needs one for requests and
/// one for responses, whatever the number of its connections.
public struct FieldTable: ~Copyable {
    @usableFromInline var slots: [FieldSlice]
    /// Number of fields held.
    public internal(set) var count: Int

    /// A table that can hold `limit` fields.
    public init(limit: Int) {
        count = 0
        slots = [FieldSlice](repeating: .empty, count: Swift.max(0, limit))
    }

    /// Largest number of fields it can hold.
    @inlinable public var limit: Int { slots.count }

    /// The field at a position; an empty one past the end.
    @inlinable public subscript(index: Int) -> FieldSlice {
        index >= 0 && index < count ? slots[index] : .empty
    }

    /// The fields held, in the order of arrival.
    public var entries: Span<FieldSlice> {
        @_lifetime(borrow self)
        borrowing get { slots.span.extracting(0..<count) }
    }

    /// Keeps every field with a name from being copied on, whatever its case, and also when it has
    /// `_` for `-`: CGI makes one variable of both (RFC 3875 §4.1.18).
    ///
    /// `bytes` is what the table was filled from.
    public mutating func hide(named name: Span<UInt8>, in bytes: Span<UInt8>) {
        var index = 0
        while index < count {
            if FieldSyntax.isDisguise(bytes.slice(slots[index].name), of: name) {
                slots[index].isForbidden = true
            }
            index &+= 1
        }
    }

    /// Keeps the field at a position from being copied on; nothing happens past the end.
    public mutating func hide(at index: Int) {
        guard index >= 0, index < count else { return }
        slots[index].isForbidden = true
    }

    /// Keeps every field of a kind from being copied on.
    public mutating func hide(_ known: KnownField) {
        var index = 0
        while index < count {
            if slots[index].known == known { slots[index].isForbidden = true }
            index &+= 1
        }
    }

    /// Forgets all fields and keeps the storage.
    public mutating func removeAll() { count = 0 }

    /// The places for a head to fill.
    ///
    /// One view for a whole head: writing through the array would ask at each field whether its
    /// storage is shared.
    @_lifetime(&self)
    mutating func cleared() -> MutableSpan<FieldSlice> {
        count = 0
        return slots.mutableSpan
    }

    /// Position of the first field of a kind.
    public func first(_ known: KnownField) -> Int? { next(known, from: 0) }

    /// Position of the next field of a kind at or after `start`.
    public func next(_ known: KnownField, from start: Int) -> Int? {
        var index = Swift.max(0, start)
        while index < count {
            if slots[index].known == known { return index }
            index &+= 1
        }
        return nil
    }

    /// Position of the first field with a name, compared without case.
    ///
    /// `bytes` is what the table was filled from.
    public func first(named name: Span<UInt8>, in bytes: Span<UInt8>) -> Int? {
        var index = 0
        while index < count {
            if FieldSyntax.equalsIgnoringCase(bytes.slice(slots[index].name), name) {
                return index
            }
            index &+= 1
        }
        return nil
    }
}
