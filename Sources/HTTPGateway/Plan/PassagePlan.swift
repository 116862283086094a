// SPDX-License-Identifier: Apache-2.0
internal import Steering

/// A name whose connections pass unread to the endpoints of a pool.
public struct PassagePlan: Sendable, Equatable {
    /// A host in lower case, `*.` and a name for every host below it, or `*` for all, also for
    /// clients that name nobody.
    public var name: String
    /// The place of the pool in the plan.
    public var pool: Int

    /// Joins the parts.
    public init(name: String, pool: Int) {
        self.name = name
        self.pool = pool
    }
}

extension GatewaySnapshot {
    /// The listeners that pass connections for a host on unread, each with the name of the pool;
    /// none for plain HTTP.
    public func passages(of host: String, isTLS: Bool) -> [(listener: String, pool: String)] {
        guard isTLS else { return [] }
        let bare = host.split(separator: ":").first.map { $0.lowercased() } ?? ""
        return zip(plan.listeners, listeners).compactMap { plan, record in
            guard record.isPassing, let pool = record.passages.pool(for: bare),
                self.plan.pools.indices.contains(pool)
            else { return nil }
            return (plan.name, self.plan.pools[pool].name)
        }
    }
}

/// Finds the pool of a name: an exact one before the longest that stands for all below it.
struct PassageTable: Sendable {
    private var exact: [String: Int] = [:]
    private var below: [String: Int] = [:]
    private var rest: Int?

    init(_ plans: [PassagePlan]) {
        for plan in plans {
            if plan.name == "*" {
                rest = rest ?? plan.pool
            } else if plan.name.hasPrefix("*.") {
                below[String(plan.name.dropFirst(2)), default: plan.pool] = plan.pool
            } else {
                exact[plan.name, default: plan.pool] = plan.pool
            }
        }
    }

    /// The place of the pool; nil when the connection is not passed on.
    func pool(for name: String) -> Int? {
        if let pool = exact[name] { return pool }
        var tail = name[...]
        while let dot = tail.firstIndex(of: ".") {
            tail = tail[tail.index(after: dot)...]
            if let pool = below[String(tail)] { return pool }
        }
        return rest
    }
}
