// SPDX-License-Identifier: Apache-2.0

/// What makes an endpoint the same one across reloads and restarts.
public struct EndpointIdentity: Hashable, Sendable, CustomStringConvertible {
    /// The pool, or the steer policy, that the endpoint belongs to.
    public let pool: String
    /// Address text, or the host name it was resolved from plus the address.
    public let host: String
    /// Port; 0 where none applies.
    public let port: UInt16

    /// Joins the parts.
    public init(pool: String, host: String, port: UInt16) {
        self.pool = pool
        self.host = host
        self.port = port
    }

    /// `pool/host:port`.
    public var description: String {
        host.contains(":") ? "\(pool)/[\(host)]:\(port)" : "\(pool)/\(host):\(port)"
    }
}

/// Gives every endpoint a slot that it keeps across reloads.
///
/// A slot leaves use in two steps, so that requests in flight never count on another endpoint:
/// ``retire(_:)`` when the configuration drops it, ``release(_:)`` when its work is done.
public struct EndpointRegistry: Sendable {
    /// The most slots ever given out: the limit named `endpoints`.
    public let capacity: Int
    private var slots: [EndpointIdentity: Int] = [:]
    private var identities: [EndpointIdentity?] = []
    private var retired: Set<Int> = []
    private var free: [Int] = []

    /// An empty registry.
    public init(capacity: Int = 65_536) { self.capacity = capacity }

    /// Number of slots in use, retired ones included.
    public var count: Int { identities.count - free.count }
    /// Slots ever used are below this.
    public var highWater: Int { identities.count }
    /// Slots retired and not yet released, in ascending order.
    public var retiring: [Int] { retired.sorted() }

    /// The endpoint's slot, a new one if it has none; nil when the registry is full.
    ///
    /// An endpoint that comes back while retired gets its old slot.
    public mutating func slot(for identity: EndpointIdentity) -> Int? {
        if let known = slots[identity] {
            retired.remove(known)
            return known
        }
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            identities[slot] = identity
        } else {
            guard identities.count < capacity else { return nil }
            slot = identities.count
            identities.append(identity)
        }
        slots[identity] = slot
        return slot
    }

    /// The endpoint's slot if it has one.
    public func find(_ identity: EndpointIdentity) -> Int? { slots[identity] }

    /// Who has the slot; nil when it is free.
    public func identity(of slot: Int) -> EndpointIdentity? {
        identities.indices.contains(slot) ? identities[slot] : nil
    }

    /// Slots that other endpoints had as of an earlier state of this registry, or before it.
    public func given(since old: EndpointRegistry) -> [Int] {
        (0..<old.identities.count).filter { slot in
            identity(of: slot).map { $0 != old.identities[slot] } ?? false
        }
    }

    /// Marks a slot as dropped from the configuration; it is not given to others yet.
    public mutating func retire(_ slot: Int) {
        guard identity(of: slot) != nil else { return }
        retired.insert(slot)
    }

    /// Frees a retired slot for others; false when it is not retired.
    @discardableResult
    public mutating func release(_ slot: Int) -> Bool {
        guard retired.remove(slot) != nil, let identity = identities[slot] else { return false }
        slots[identity] = nil
        identities[slot] = nil
        free.append(slot)
        return true
    }

    /// Retires every slot that is not in `current`; returns them in ascending order.
    public mutating func retireAll(except current: Set<Int>) -> [Int] {
        var dropped: [Int] = []
        for (slot, identity) in identities.enumerated() {
            guard identity != nil, !current.contains(slot), !retired.contains(slot) else {
                continue
            }
            retired.insert(slot)
            dropped.append(slot)
        }
        return dropped
    }
}

/// Gives every pool a number that it keeps across reloads.
///
/// Numbers index ``RetryBudget`` and ``WaitingBoard``, whose counts outlive a snapshot.
public struct PoolRegistry: Sendable {
    /// The most pools: the limit named `pools`.
    public let capacity: Int
    private var numbers: [String: Int] = [:]

    /// An empty registry.
    public init(capacity: Int = 4_096) { self.capacity = capacity }

    /// The pool's number, a new one if it has none; nil when the registry is full.
    ///
    /// Numbers are never given to another pool, so a count can never be charged to the wrong one.
    public mutating func slot(for pool: String) -> Int? {
        if let known = numbers[pool] { return known }
        guard numbers.count < capacity else { return nil }
        numbers[pool] = numbers.count
        return numbers.count - 1
    }
}
