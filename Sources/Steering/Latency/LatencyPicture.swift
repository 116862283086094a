// SPDX-License-Identifier: Apache-2.0
public import Essentials

/// Every row that counts, ready for policies to be compiled against.
///
/// Rows lie in places, which lie in each other. What holds for a client and a target is the row of
/// the smallest place round the client that has one: its networks, longest prefix first, then its
/// autonomous system, city, subdivision, country, the European Union, continent. At one place what
/// was learnt goes before what was imported.
public struct LatencyPicture: Sendable {
    let places: [GeoRegion]
    /// By place: its rows.
    let rows: [[RTTRow]]
    let networks: RegionNetworks
    let index: RegionIndex
    /// When an imported row will count no more.
    let expiresAt: Instant

    /// A picture without any row.
    public static let empty = LatencyPicture(learned: [], imported: [])

    /// A picture of rows that count.
    public init(learned: [RTTRow], imported: [RTTRow], expiresAt: Instant = .never) {
        self.expiresAt = expiresAt
        var numbers: [GeoRegion: Int] = [:]
        var places: [GeoRegion] = []
        var rows: [[RTTRow]] = []
        for row in learned + imported {
            guard let number = numbers[row.place] else {
                numbers[row.place] = places.count
                places.append(row.place)
                rows.append([row])
                continue
            }
            // A file may be wrong twice; what stands first counts.
            if !rows[number].contains(where: { $0.target == row.target }) {
                rows[number].append(row)
            }
        }
        self.places = places
        self.rows = rows
        networks = RegionNetworks(places.map { [$0] })
        index = RegionIndex(places.map { [$0] })
    }

    /// True when nothing is known of anybody.
    public var isEmpty: Bool { places.isEmpty }

    /// The row that holds for each target at the first of the places that have one.
    func values(_ targets: [String], at places: [Int]) -> [RTTRow?] {
        targets.map { target in
            for place in places {
                if let row = rows[place].first(where: { $0.target == target }) { return row }
            }
            return nil
        }
    }
}

/// A branch of a latency policy, as far as its order goes.
public struct LatencyTarget: Sendable, Hashable {
    /// What measurements call it.
    public var name: String
    /// Where it is, for clients without a measurement of it.
    public var point: GeoPoint?

    /// Joins the parts.
    public init(_ name: String, at point: GeoPoint? = nil) {
        self.name = name
        self.point = point
    }
}

/// The orders that hold, so that the next table changes one only for a gain.
public struct LatencyOrders: Sendable {
    /// Where an order holds.
    struct Spot: Hashable {
        /// The smallest network with a row; nil for none.
        var network: GeoRegion?
        var system: UInt32
        /// What the place is known by in every picture of the world; 0 where places do not matter.
        var location: UInt64
    }

    private var numbers: [Spot: UInt32] = [:]
    private var chains = ChainStore()
    /// Spots whose order is another one than before.
    public private(set) var changes: UInt64 = 0

    /// No order so far.
    public init() {}

    /// Number of spots.
    public var count: Int { numbers.count }

    func order(at spot: Spot) -> [Int]? {
        numbers[spot].flatMap { chains.all.indices.contains(Int($0)) ? chains.all[Int($0)] : nil }
    }

    /// The order that holds at a spot; where it is new, that of the smallest one round it: in a wider
    /// network, of any system, of any place.
    func order(at spot: Spot, around networks: [GeoRegion]) -> [Int]? {
        if numbers.isEmpty { return nil }
        if let order = order(at: spot) { return order }
        var around = spot
        for location in [spot.location, 0] {
            for system in [spot.system, 0] {
                (around.location, around.system) = (location, system)
                for network in [spot.network] + networks.map(Optional.some) + [nil] {
                    around.network = network
                    if let order = order(at: around) { return order }
                }
            }
        }
        return nil
    }

    mutating func keep(_ order: [Int], at spot: Spot, before: [Int]?) {
        if let before, before != order { changes &+= 1 }
        numbers[spot] = chains.number(of: order)
    }
}

/// What a latency table was made of, for explanations.
public struct LatencyDetail: Sendable {
    let picture: LatencyPicture
    let locations: LocationTable
    let targets: [LatencyTarget]

    /// What is known of each branch for a client, in the order of the branches.
    func lines(_ client: IPAddress, now: Instant) -> [String] {
        let place = Int(locations.networks.find(client).value)
        let spot = RegionBuilder(locations).spot(
            picture,
            network: picture.networks.table.find(client).value,
            location: place,
            system: locations.system(client)
        )
        let known = locations.locations.indices.contains(place)
        let point = known ? locations.locations[place].approximatePoint : nil
        let values = picture.values(targets.map(\.name), at: spot)
        return zip(targets, values).map { target, row in
            if let row { return "\(target.name) \(LatencyDetail.text(row, now))" }
            guard let there = target.point, let point else {
                return "\(target.name), no measurement"
            }
            let distance = point.distance(to: there)
            let estimate = RegionBuilder.estimate(distance)
            return "\(target.name), no measurement: by distance, \(Int(distance.rounded())) km as "
                + "\(LatencyDetail.milliseconds(estimate)) ms"
        }
    }

    private static func text(_ row: RTTRow, _ now: Instant) -> String {
        var text = "\(milliseconds(row.milliseconds)) ms for \(row.place.measuredText), "
        text += row.isImported ? "from the file" : "learnt"
        if row.samples > 0 { text += ", \(row.samples) sample\(row.samples == 1 ? "" : "s")" }
        if let last = row.last {
            text += ", \(max((now - last).nanoseconds, 0) / 1_000_000_000) s old"
        }
        return text
    }

    private static func milliseconds(_ value: Double) -> String {
        let tenths = Int((min(max(value, 0), RTTMeasurement.longest) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
