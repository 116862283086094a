// SPDX-License-Identifier: Apache-2.0

/// Names one occupant of a ``Slab``: stale handles are recognised by their generation.
public struct Handle: Hashable, Sendable, BitwiseCopyable {
    /// Place in the slab.
    public let index: UInt32
    /// How often the place had been given out when this handle was made.
    public let generation: UInt32

    /// Puts a handle together from its parts, as found in an event's token.
    @inlinable public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
    /// A handle that no slab has ever given out.
    @inlinable public static var none: Handle { Handle(index: .max, generation: 0) }
    /// True for ``none``.
    @inlinable public var isNone: Bool { index == .max }
}

/// A bounded table of plain values with places that are reused.
///
/// Values are bitwise copyable, so taking and giving back a place touches no reference count and,
/// once the table has grown to its working size, no heap. Places are reused last-in first-out:
/// the most recently used memory is the warmest.
public struct Slab<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var elements: [Element] = []
    // Odd generation: taken. Even: free.
    @usableFromInline var generations: [UInt32] = []
    @usableFromInline var free: [UInt32] = []
    /// The most places that will ever be given out.
    public let limit: Int

    /// An empty slab that will hold at most `limit` values.
    ///
    /// Address space for `reserving` values is taken at once. Untouched pages cost nothing, and
    /// the table never moves: growing by doubling would copy every connection in one step and
    /// leave as much freed memory behind as the table takes.
    public init(limit: Int, reserving: Int = 0) {
        self.limit = limit
        let count = Swift.min(reserving, limit)
        guard count > 0 else { return }
        elements.reserveCapacity(count)
        generations.reserveCapacity(count)
        free.reserveCapacity(count)
    }

    /// Number of places taken.
    @inlinable public var count: Int { elements.count - free.count }
    /// Number of places ever used; valid indices are below this.
    @inlinable public var highWater: Int { elements.count }
    /// True when another value would exceed ``limit``.
    @inlinable public var isFull: Bool { count >= limit }

    /// Takes a place for `element`; nil when the slab is full.
    @inlinable public mutating func insert(_ element: Element) -> Handle? {
        if let index = free.popLast() {
            let place = Int(index)
            elements[place] = element
            generations[place] &+= 1
            return Handle(index: index, generation: generations[place])
        }
        guard elements.count < limit else { return nil }
        elements.append(element)
        generations.append(1)
        return Handle(index: UInt32(elements.count - 1), generation: 1)
    }

    /// Gives the place back; false when the handle is stale.
    @inlinable @discardableResult public mutating func remove(_ handle: Handle) -> Bool {
        guard contains(handle) else { return false }
        generations[Int(handle.index)] &+= 1
        free.append(handle.index)
        return true
    }

    /// True while the handle's value is in the slab.
    @inlinable public func contains(_ handle: Handle) -> Bool {
        let index = Int(handle.index)
        return index < generations.count && generations[index] == handle.generation
    }

    /// The current handle of the place; ``Handle/none`` when it is free.
    @inlinable public func handle(at index: Int) -> Handle {
        guard index < generations.count, generations[index] & 1 == 1 else { return .none }
        return Handle(index: UInt32(index), generation: generations[index])
    }

    /// The value at a place that the caller knows to be taken (see ``contains(_:)``).
    @inlinable public subscript(index: Int) -> Element {
        get { elements[index] }
        _modify { yield &elements[index] }
    }
}
