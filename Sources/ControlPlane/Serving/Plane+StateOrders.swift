// SPDX-License-Identifier: Apache-2.0
internal import Configuration
internal import Essentials
internal import Runtime
internal import Steering

/// Changes of operators: looked at, kept by another thread, and only then in force. What the API has
/// confirmed is not lost by a crash, and no verdict waits for a disk.
extension Plane {
    /// Has a change kept; its end when that is known at once.
    mutating func order(_ wish: StateOrders.Wish, _ now: Instant) -> ControlOutcome {
        guard stateOrders.waiting.count < StateOrders.queueLimit else {
            return .failed("\(StateOrders.queueLimit) changes wait for the disk; ask again")
        }
        let number = updater.nextNumber()
        stateOrders.add(StateOrders.Order(number: number, wish: wish), now: now)
        followStateOrders(wish.file)
        if let last = updater.endedOrders.last, last.number == number {
            updater.endedOrders.removeLast()
            return last.outcome
        }
        return .awaited(number)
    }

    /// What is no longer forced need not be kept.
    mutating func forgetForced() {
        guard overlay.expire(realtime: Clock.realtime()), !isRetired else { return }
        stateOrders.add(StateOrders.Order(wish: .saveOverlay), now: .start)
        followStateOrders(.overlay)
    }

    /// Keeps what policies have done by themselves.
    mutating func saveSteering() {
        // A process that is not in charge yet, or any more, leaves no mark.
        guard !isRetired, phase != .waiting else { return }
        followStateOrders(.steering)
    }

    // MARK: Beginning

    /// Begins to keep what waits for a file, unless that is being written.
    private mutating func followStateOrders(_ file: StateStore.Name) {
        guard stateOrders.flights[file] == nil else { return }
        let orders = stateOrders.take(file)
        file == .overlay ? keepOverlay(orders) : keepSteering(orders)
    }

    private mutating func keepOverlay(_ orders: [StateOrders.Order]) {
        guard !orders.isEmpty else { return }
        let time = WallTime(nanoseconds: Clock.realtime())
        var changed = overlay
        var isNews = false
        var taken: [StateOrders.Order] = []
        for order in orders {
            switch order.wish {
            case .change(let pool, let endpoint, let change):
                do throws(Unknown) {
                    let found = try target(pool, endpoint)
                    isNews = changed.change(found.key, change, realtime: time.nanoseconds) || isNews
                } catch {
                    end(order, error == .pool ? .unknownPool : .unknownEndpoint)
                    continue
                }
            case .discardOverlay:
                guard changed.discard() else {
                    end(order, .done)
                    continue
                }
                isNews = true
            default: isNews = true
            }
            taken.append(order)
        }
        guard isNews else { return finish(taken, time) }
        keep(.overlay, .overlay(changed), taken, time)
    }

    private mutating func keepSteering(_ orders: [StateOrders.Order]) {
        let time = WallTime(nanoseconds: Clock.realtime())
        var keeper = steering.keeper
        var taken: [StateOrders.Order] = []
        for order in orders {
            do throws(SteeringRefusal) {
                _ = try Plane.carryOut(order.wish, by: &keeper, at: time)
                taken.append(order)
            } catch {
                end(order, .steeringRefused(error))
            }
        }
        let saved = keeper.saved
        guard saved != steering.written || !taken.isEmpty else { return }
        keep(.steering, .steering(saved), taken, time)
    }

    private mutating func keep(
        _ file: StateStore.Name,
        _ content: StateOrders.Content,
        _ orders: [StateOrders.Order],
        _ time: WallTime
    ) {
        let ticket = updater.nextNumber()
        stateOrders.flights[file] = StateOrders.Flight(
            ticket: ticket,
            content: content,
            orders: orders,
            time: time
        )
        let bytes = Array(content.json.text(indented: true).utf8)
        guard !store.commit(file, bytes, ticket: ticket) else { return }
        // Nothing is kept, and that was said at the start.
        land(StateStore.Result(ticket: ticket))
    }

    // MARK: Ending

    /// Takes what the disk has done.
    mutating func takeStateResults(_ now: Instant) {
        for result in store.results.drain() { land(result) }
    }

    private mutating func land(_ result: StateStore.Result) {
        guard let (file, flight) = stateOrders.land(result.ticket) else { return }
        if let problem = result.problem {
            note(.stateFailed, .error, "a change cannot be saved: \(file.rawValue): \(problem)")
            let text = "the change cannot be saved in the state folder: \(problem)"
            for order in flight.orders { end(order, .failed(text)) }
            // What was asked for meanwhile may fare better; what nobody asked for waits for a cause.
            if stateOrders.waiting.contains(where: { $0.wish.file == file }) {
                followStateOrders(file)
            }
            return
        }
        switch flight.content {
        case .overlay(let changed):
            overlay = changed
            // What has ended while it was written stays ended.
            _ = overlay.expire(realtime: Clock.realtime())
            if applyOverlay(to: assembly.pools, Clock.monotonic()) { needsSnapshot = true }
        case .steering(let saved): steering.written = saved
        }
        finish(flight.orders, flight.time)
        // Policies may have moved on since.
        if file == .steering { saveSteering() } else { followStateOrders(file) }
    }

    // What is kept holds from now on.
    private mutating func finish(_ orders: [StateOrders.Order], _ time: WallTime) {
        guard !orders.isEmpty else { return }
        let now = Clock.monotonic()
        var movesPolicies = false
        for order in orders {
            var outcome = ControlOutcome.done
            switch order.wish {
            case .change(let pool, let endpoint, let change):
                if let longest = change.drain { drain(pool, endpoint, longest: longest, now) }
            case .discardOverlay:
                note(.overlayDiscarded, .info, "all changes made through the API are taken back")
            case .saveOverlay: break
            case .steer, .migrate:
                movesPolicies = true
                // A reload may have come between: what is asked for is asked of the present ones.
                do throws(SteeringRefusal) {
                    let events = try Plane.carryOut(order.wish, by: &steering.keeper, at: time)
                    for event in events { note(event) }
                } catch {
                    outcome = .steeringRefused(error)
                }
            }
            end(order, outcome)
        }
        if movesPolicies { lookAtSteering(now) }
    }

    private mutating func drain(
        _ pool: String,
        _ endpoint: String,
        longest: Interval,
        _ now: Instant
    ) {
        // Gone with a reload: then there is nothing left to be drained.
        guard let found = try? target(pool, endpoint) else { return }
        for slot in found.slots where !health.word(slot).isReady {
            beginDrain(slot, longest: longest, now)
        }
    }

    private mutating func end(_ order: StateOrders.Order, _ outcome: ControlOutcome) {
        // Nobody hears of one that was given up.
        guard stateOrders.close(order), let number = order.number else { return }
        updater.endedOrders.append((number, outcome))
    }

    /// Gives up orders that the disk does not let come to an end.
    mutating func endLateStateOrders(_ now: Instant) {
        for (number, isBegun) in stateOrders.late(now) {
            let text =
                isBegun
                ? "the disk does not answer: it is not known whether the change is kept; "
                    + "'martlet status' shows it once it is"
                : "other changes are being kept, and the disk does not answer"
            updater.endedOrders.append((number, .failed(text)))
        }
    }

    /// Waits until what is being kept is: this process ends, or another one is about to read it.
    ///
    /// What has not begun does not begin any more.
    mutating func settleState(_ now: Instant, _ outcome: ControlOutcome) {
        for file in [StateStore.Name.overlay, .steering] {
            for order in stateOrders.take(file) { end(order, outcome) }
        }
        saveSteering()
        guard !stateOrders.flights.isEmpty, var pause = try? EventLoop() else { return }
        pause.add(store.results.descriptor, token: 0, interest: .read)
        // A disk takes milliseconds; the bound is for one that does not answer at all.
        for _ in 0..<100 where !stateOrders.flights.isEmpty {
            _ = pause.wait(timeoutMilliseconds: 20)
            takeStateResults(now)
        }
    }

    // MARK: What is meant

    private enum Unknown: Error { case pool, endpoint }

    // By its own name, by the name in the file, or by its address.
    private func target(
        _ name: String,
        _ endpoint: String
    ) throws(Unknown) -> (key: Overlay.Key, slots: [Int]) {
        guard let pool = assembly.pools.first(where: { $0.view.label == name })?.view else {
            throw .pool
        }
        let found =
            pool.endpoints.first { $0.name == endpoint || $0.configuredName == endpoint }
            ?? pool.endpoints.first { $0.address?.description == endpoint }
        guard let found else { throw .endpoint }
        let isOne = found.name == endpoint || found.configuredName != endpoint
        let slots = pool.endpoints.filter {
            $0.name == found.name || !isOne && $0.configuredName == found.configuredName
        }.map(\.slot)
        let key = Overlay.Key(pool: name, endpoint: isOne ? found.name : found.configuredName)
        return (key, slots)
    }

    private static func carryOut(
        _ wish: StateOrders.Wish,
        by keeper: inout SteeringKeeper,
        at time: WallTime
    ) throws(SteeringRefusal) -> [SteeringEvent] {
        switch wish {
        case .steer(let policy, let order):
            try keeper.order(order, policy: policy, at: time)
        case .migrate(let name, let order):
            try keeper.order(order, migration: name, at: time)
        default: []
        }
    }
}
