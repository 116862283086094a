// SPDX-License-Identifier: Apache-2.0
import Essentials
import Runtime
import Steering
import Testing

@testable import ControlPlane

/// Changes of operators on their way to the disk.
@Suite struct StateOrderTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func order(_ number: UInt64?, _ wish: StateOrders.Wish) -> StateOrders.Order {
        StateOrders.Order(number: number, wish: wish)
    }

    private func flight(_ orders: [StateOrders.Order]) -> StateOrders.Flight {
        StateOrders.Flight(
            ticket: 9,
            content: .overlay(Overlay()),
            orders: orders,
            time: WallTime(nanoseconds: 0)
        )
    }

    @Test func `what waits for one file leaves what waits for the other`() {
        var orders = StateOrders()
        let steer = order(2, .migrate("m", .start))
        orders.add(order(1, .discardOverlay), now: start)
        orders.add(steer, now: start)
        orders.add(order(nil, .saveOverlay), now: start)
        let taken = orders.take(.overlay)
        #expect(taken.map(\.number) == [1, nil])
        #expect(orders.waiting == [steer])
        #expect(orders.take(.overlay).isEmpty)
    }

    @Test func `a write lands once, by its ticket`() {
        var orders = StateOrders()
        orders.flights[.overlay] = flight([order(1, .discardOverlay)])
        let other = orders.land(8)
        let landed = orders.land(9)
        let again = orders.land(9)
        #expect(other == nil && again == nil)
        #expect(landed?.file == .overlay && landed?.flight.orders.count == 1)
    }

    @Test func `whoever has waited too long is told whether his change may be kept`() {
        var orders = StateOrders()
        let begun = order(1, .discardOverlay)
        orders.add(begun, now: start)
        orders.flights[.overlay] = flight(orders.take(.overlay))
        orders.add(order(2, .discardOverlay), now: start)
        let young = order(3, .discardOverlay)
        orders.add(young, now: start + .seconds(1))
        let end = start + StateOrders.limit
        #expect(orders.deadline == end)
        #expect(orders.late(start + .milliseconds(9999)).isEmpty)
        let late = orders.late(end)
        #expect(late.map(\.number) == [1, 2] && late.map(\.isBegun) == [true, false])
        #expect(orders.waiting == [young], "it is not begun any more")
        let isAwaited = orders.close(begun)
        #expect(!isAwaited, "nobody hears of it twice")
        #expect(orders.deadline == end + .seconds(1))
    }

    @Test func `a write that somebody waits for ends with its ticket, or with why not`() throws {
        let place = try TemporaryFolder()
        let store = try StateStore(folder: place.path)
        var disk = try EventLoop()
        disk.add(store.results.descriptor, token: 0, interest: .read)
        func end() -> StateStore.Result? {
            _ = disk.wait(timeoutMilliseconds: 10_000)
            return store.results.drain().first
        }
        let isTaken = store.commit(.overlay, Array("a".utf8), ticket: 4)
        let first = end()
        let text = try File.read("\(place.path)/overlay.json", limit: 10)
        #expect(isTaken && first?.ticket == 4 && first?.problem == nil && text == Array("a".utf8))
        // Where the new text would be written stands a folder.
        try File.makeFolder("\(place.path)/overlay.json.new")
        _ = store.commit(.overlay, Array("b".utf8), ticket: 5)
        let second = end()
        #expect(second?.ticket == 5 && second?.problem != nil)
        #expect(try File.read("\(place.path)/overlay.json", limit: 10) == Array("a".utf8))
    }

    @Test func `without a folder nothing is kept, and nobody waits`() throws {
        let store = try StateStore(folder: nil)
        #expect(!store.commit(.overlay, [], ticket: 1))
    }
}
