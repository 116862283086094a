// SPDX-License-Identifier: Apache-2.0
internal import Essentials
internal import Steering

/// Changes of operators that are kept in files of the state folder before they hold.
///
/// One write of each file is under way at a time; what is asked for meanwhile shares the next one.
/// The control thread waits for none of them.
struct StateOrders {
    /// What is asked for.
    enum Wish: Sendable, Equatable {
        case change(pool: String, endpoint: String, EndpointChange)
        case discardOverlay
        /// The overlay as it is: what was forced is not any more.
        case saveOverlay
        case steer(policy: String, SteeringOrder)
        case migrate(String, MigrationMachine.Order)

        /// The file that keeps it.
        var file: StateStore.Name {
            switch self {
            case .change, .discardOverlay, .saveOverlay: .overlay
            case .steer, .migrate: .steering
            }
        }
    }

    struct Order: Sendable, Equatable {
        /// By which whoever waits is told; nil when nobody does.
        var number: UInt64?
        var wish: Wish
    }

    /// What a file is to say.
    enum Content {
        case overlay(Overlay)
        case steering(SteeringSaved)

        var json: JSONValue {
            switch self {
            case .overlay(let overlay): overlay.json
            case .steering(let saved): saved.json
            }
        }
    }

    /// A write that is under way.
    struct Flight {
        var ticket: UInt64
        var content: Content
        var orders: [Order]
        /// When the orders were looked at.
        var time: WallTime
    }

    /// After so long an order is not waited for any more: a disk takes milliseconds.
    static let limit = Interval.seconds(10)
    /// Orders that wait.
    static let queueLimit = 1000

    private(set) var waiting: [Order] = []
    var flights: [StateStore.Name: Flight] = [:]
    /// Until when those who wait do.
    private(set) var open: [UInt64: Instant] = [:]

    /// When an order has taken too long.
    var deadline: Instant { open.values.min() ?? .never }

    mutating func add(_ order: Order, now: Instant) {
        waiting.append(order)
        if let number = order.number { open[number] = now + StateOrders.limit }
    }

    /// Those that wait for a file, which they do no longer.
    mutating func take(_ file: StateStore.Name) -> [Order] {
        let taken = waiting.filter { $0.wish.file == file }
        if !taken.isEmpty { waiting.removeAll { $0.wish.file == file } }
        return taken
    }

    /// Takes the flight of a ticket.
    mutating func land(_ ticket: UInt64) -> (file: StateStore.Name, flight: Flight)? {
        guard let (file, flight) = flights.first(where: { $0.value.ticket == ticket }) else {
            return nil
        }
        flights[file] = nil
        return (file, flight)
    }

    /// True when somebody has waited for this order until now.
    mutating func close(_ order: Order) -> Bool {
        order.number.map { open.removeValue(forKey: $0) != nil } ?? false
    }

    /// Orders that have waited for too long, and whether they are being kept; those that are not
    /// wait no longer.
    mutating func late(_ now: Instant) -> [(number: UInt64, isBegun: Bool)] {
        let numbers = Set(open.filter { now >= $0.value }.keys)
        let begun = Set(flights.values.flatMap { $0.orders.compactMap(\.number) })
        waiting.removeAll { $0.number.map(numbers.contains) ?? false }
        for number in numbers { open[number] = nil }
        return numbers.sorted().map { ($0, begun.contains($0)) }
    }
}
