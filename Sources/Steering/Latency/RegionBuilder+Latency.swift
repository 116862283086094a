// SPDX-License-Identifier: Apache-2.0
internal import Essentials

/// Orders by measured round trips.
///
/// For one place the branches with a measurement, or with an estimate by distance, come in the order
/// of their round trips, the others behind them in the order of proximity. An order that holds
/// already is changed only for a gain: going through the places of the new order from the front, the
/// branch that would come next by the old one stays unless the best of what is left beats it by the
/// margin. So no branch stands before one that is better by more than the margin, and an order that
/// is fed with the same round trips again stays as it is.
extension RegionBuilder {
    /// What a distance in kilometres counts as, in milliseconds: `5 + 0.015 * distance`.
    ///
    /// Light takes 0.01 ms there and back for each kilometre of fibre (two thirds of its speed in
    /// the void); ways are about half as long again as the great circle, and 5 ms go into the last
    /// mile. It only has to compare with measurements where some targets have none.
    public static func estimate(_ distance: Double) -> Double { 5 + 0.015 * distance }

    /// The table for branches by the round trips to their targets, and the orders that it has.
    public func latency(
        _ targets: [LatencyTarget],
        _ picture: LatencyPicture,
        settings: RTTSettings,
        previous: LatencyOrders = LatencyOrders(),
        labels: [String] = []
    ) -> (table: RegionTable, orders: LatencyOrders) {
        var chains = ChainStore()
        var orders = LatencyOrders()
        let names = targets.map(\.name)
        let asksWorld = picture.index.needsLocations || targets.contains { $0.point != nil }
        var sources = [picture.networks.table]
        if asksWorld { sources.append(locations.networks) }
        let numbered = sources.count
        if picture.index.needsSystems, let systems = locations.systems { sources.append(systems) }
        var fallbacks: [UInt32: [Int]] = [:]
        var keys: [UInt32: UInt64] = [:]
        let table = PrefixTable(
            refining: sources,
            combine: { values in
                let location = asksWorld ? values[1] : 0
                let system = numbered < values.count ? values[numbered] : 0
                let point = point(of: location)
                let fallback = fallbacks[location] ?? RegionBuilder.fallback(targets, from: point)
                fallbacks[location] = fallback
                let places = spot(
                    picture,
                    network: values[0],
                    location: Int(location),
                    system: system
                )
                let rows = picture.values(names, at: places)
                guard rows.contains(where: { $0 != nil }) else {
                    return chains.number(of: fallback)
                }
                let costs = zip(targets, rows).map { target, row -> Double? in
                    if let row { return row.milliseconds }
                    guard let there = target.point, let point else { return nil }
                    return RegionBuilder.estimate(point.distance(to: there))
                }
                let around = picture.networks.chains[Int(values[0])].map { picture.places[$0] }
                let place = keys[location] ?? (asksWorld ? key(of: location) : 0)
                keys[location] = place
                let spot = LatencyOrders.Spot(
                    network: around.first,
                    system: system,
                    location: place
                )
                let before = previous.order(at: spot, around: Array(around.dropFirst()))
                let order = RegionBuilder.order(fallback, costs: costs, before: before, settings)
                orders.keep(order, at: spot, before: before)
                return chains.number(of: order)
            },
            coarse: { _ in 0 }
        )
        let region = RegionTable(
            word: "latency",
            table: RegionBuilder.grouped(table, chains),
            chains: chains.all,
            keeps: [],
            labels: labels,
            latency: LatencyDetail(picture: picture, locations: locations, targets: targets)
        )
        return (region, orders)
    }

    // Numbers of places are those of one database, and a place is the same in the next.
    private func key(of location: UInt32) -> UInt64 {
        let number = Int(location)
        let known = locations.locations.indices.contains(number)
        let place = known ? locations.locations[number] : .unknown
        let names = [place.continent, place.country, place.subdivision, place.city]
        let point = place.point.map { "\($0.latitude) \($0.longitude)" }
        let text = (names + [point]).map { $0 ?? "" }.joined(separator: "\n")
        return max(Hash.text(text), 1)
    }

    private func point(of location: UInt32) -> GeoPoint? {
        let place = Int(location)
        guard locations.locations.indices.contains(place) else { return nil }
        return locations.locations[place].approximatePoint
    }

    /// The places with rows round a client, the smallest first.
    func spot(
        _ picture: LatencyPicture,
        network: UInt32,
        location: Int,
        system: UInt32
    ) -> [Int] {
        let chains = picture.networks.chains
        var places = chains.indices.contains(Int(network)) ? chains[Int(network)] : []
        places += picture.index.branches(system: system)
        if locations.locations.indices.contains(location) {
            places += picture.index.branches(of: locations.locations[location])
        }
        return places
    }

    /// By distance; whose place is not known comes behind, in the order of the list.
    static func fallback(_ targets: [LatencyTarget], from point: GeoPoint?) -> [Int] {
        let placed = targets.indices.filter { targets[$0].point != nil }
        let others = targets.indices.filter { targets[$0].point == nil }
        let points = placed.compactMap { targets[$0].point.map { GeoTarget($0) } }
        return order(points, from: point).map { placed[$0] } + others
    }

    /// The new order of branches with costs, and those without behind them.
    static func order(
        _ fallback: [Int],
        costs: [Double?],
        before: [Int]?,
        _ settings: RTTSettings
    ) -> [Int] {
        func cost(_ branch: Int) -> Double? { costs.indices.contains(branch) ? costs[branch] : nil }
        var places = [Int](repeating: 0, count: costs.count)
        for (place, branch) in fallback.enumerated() where places.indices.contains(branch) {
            places[branch] = place
        }
        var sorted = fallback.compactMap { branch in cost(branch).map { (branch, $0) } }
        sorted.sort { $0.1 != $1.1 ? $0.1 < $1.1 : places[$0.0] < places[$1.0] }
        let unknown = fallback.filter { cost($0) == nil }
        guard let before else { return sorted.map(\.0) + unknown }
        var held = before.filter { cost($0) != nil }
        var order: [Int] = []
        while let best = sorted.first {
            let heir = held.first ?? best.0
            let own = cost(heir) ?? best.1
            let next = best.1 + settings.margin(own) <= own ? best.0 : heir
            order.append(next)
            held.removeAll { $0 == next }
            sorted.removeAll { $0.0 == next }
        }
        return order + unknown
    }
}
