// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Steering

/// What makes two regional policies need the same table.
enum RegionKey: Hashable {
    case geo([[RegionSettings]], [Bool])
    case proximity([GeoTarget])
    case latency([LatencyTarget])
}

/// The tables of regional policies, kept from one assembly to the next.
///
/// They follow from the policies, from where networks are, and those of `latency` from what was
/// measured. Names that resolve anew, or a new table of round trips, change none of the others.
struct RegionTables: Sendable {
    /// The state of geography that they were made with.
    private(set) var edition: GeographyEdition?
    private var tables: [RegionKey: RegionTable] = [:]
    private var used: Set<RegionKey> = []
    /// What was measured, and what changes an order.
    private(set) var picture = LatencyPicture.empty
    private(set) var rules = RTTSettings()
    private(set) var orders: [RegionKey: LatencyOrders] = [:]

    /// No tables; `picture` is what new ones go by.
    init(picture: LatencyPicture = .empty, rules: RTTSettings = RTTSettings()) {
        self.picture = picture
        self.rules = rules
    }

    /// The tables that hold with a geography: all of them, or none.
    ///
    /// The orders that hold stay in any case: the next tables change them only for a gain.
    func following(_ geography: Geography) -> RegionTables {
        guard edition !== geography.edition else { return self }
        var fresh = RegionTables(picture: picture, rules: rules)
        fresh.edition = geography.edition
        fresh.orders = orders
        return fresh
    }

    /// Begins an assembly.
    mutating func forgetUses() { used = [] }

    /// Ends it: tables that no policy has any more are given up.
    mutating func dropUnused() {
        tables = tables.filter { used.contains($0.key) }
        orders = orders.filter { used.contains($0.key) }
    }

    /// The table for a key, which is in use from here on; nil when it has to be made.
    mutating func use(_ key: RegionKey) -> RegionTable? {
        used.insert(key)
        return tables[key]
    }

    mutating func keep(_ table: RegionTable, for key: RegionKey) { tables[key] = table }

    /// The table of a policy by round trips.
    mutating func latency(_ targets: [LatencyTarget], _ locations: LocationTable) -> RegionTable {
        let key = RegionKey.latency(targets)
        if let known = use(key) { return known }
        return make(key, targets, locations)
    }

    private mutating func make(
        _ key: RegionKey,
        _ targets: [LatencyTarget],
        _ locations: LocationTable
    ) -> RegionTable {
        let (table, orders) = RegionBuilder(locations).latency(
            targets,
            picture,
            settings: rules,
            previous: self.orders[key] ?? LatencyOrders()
        )
        tables[key] = table
        self.orders[key] = orders
        return table
    }

    // MARK: Measurements

    /// True when a policy goes by round trips.
    var hasLatency: Bool {
        tables.keys.contains { if case .latency = $0 { true } else { false } }
    }

    /// Makes the tables of round trips anew; the orders that hold change only for a gain.
    ///
    /// Returns the number of orders that are others.
    mutating func remake(
        _ picture: LatencyPicture,
        _ rules: RTTSettings,
        _ locations: LocationTable
    ) -> UInt64 {
        (self.picture, self.rules) = (picture, rules)
        var changes: UInt64 = 0
        for case .latency(let targets) in Array(tables.keys) {
            let key = RegionKey.latency(targets)
            _ = make(key, targets, locations)
            changes &+= orders[key]?.changes ?? 0
        }
        return changes
    }

    /// Takes over the tables of round trips of a copy that was made anew elsewhere.
    ///
    /// False, and nothing happens, when that copy is of another geography.
    mutating func takeLatency(from other: RegionTables) -> Bool {
        guard other.edition === edition else { return false }
        (picture, rules) = (other.picture, other.rules)
        for case .latency(let targets) in Array(tables.keys) {
            let key = RegionKey.latency(targets)
            guard let table = other.tables[key] else { return false }
            tables[key] = table
            orders[key] = other.orders[key]
        }
        return true
    }
}
